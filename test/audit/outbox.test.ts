import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type AuditLog, openAuditLog } from "../../src/audit/log.ts";
import { Outbox } from "../../src/audit/outbox.ts";
import { AuditError, StoreError } from "../../src/base/errors.ts";
import type { SealedStore } from "../../src/store/sealed.ts";
import { Home } from "../store/home.ts";
import { folder, newEvent } from "./events.ts";

let home: Home;
let store: SealedStore;
beforeAll(async () => {
  home = await Home.make();
  store = await home.open();
});
afterAll(async () => {
  await store.close();
  home.dispose();
});

async function open(directory: string, chain = "server"): Promise<AuditLog> {
  const log = await openAuditLog(directory, chain, { minimumFree: 0, ballast: 4096 });
  onTestFinished(() => log.close());
  return log;
}
const eventNames = (directory: string, chain = "server"): string[] =>
  readFileSync(join(directory, `${chain}.jsonl`), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).eventName);

let settings = 0;
/** A record that no other test has. */
const newWrite = () => ({ path: `setting/outbox-${++settings}`, value: Uint8Array.of(1), revision: 0 });
const waiting = async () => (await store.list("event/")).length;

describe("the outbox", () => {
  test("commits a change with its event, delivers it, and keeps nothing", async () => {
    const directory = folder();
    const outbox = new Outbox(store, await open(directory));
    const write = newWrite();
    await outbox.commit([write], newEvent("PutKeyPolicy"));
    expect(eventNames(directory)).toEqual(["PutKeyPolicy"]);
    expect(await store.get(write.path)).toMatchObject({ revision: 1 });
    await outbox.flush();
    expect(await waiting()).toBe(0);
    expect(await outbox.recover()).toBe(0);
  });

  test("has no event where there was no change", async () => {
    const directory = folder();
    const outbox = new Outbox(store, await open(directory));
    const write = newWrite();
    await outbox.commit([write], newEvent("CreateAlias"));
    await outbox.flush();
    await expect(outbox.commit([write], newEvent("CreateAlias"))).rejects.toThrow(StoreError);
    expect(await waiting()).toBe(0);
    expect(eventNames(directory)).toEqual(["CreateAlias"]);
  });

  test("changes nothing when no event could be written", async () => {
    const log = await open(folder());
    const outbox = new Outbox(store, log);
    await log.close();
    const write = newWrite();
    await expect(outbox.commit([write], newEvent())).rejects.toThrow(AuditError);
    expect(await store.get(write.path)).toBeUndefined();
  });

  test("delivers at start what a crash has left between commit and log", async () => {
    const directory = folder();
    const before = new Outbox(store, await open(directory));
    await before.commit([newWrite()], newEvent("CreateKey"));
    await before.flush();
    await store.commit([newWrite(), before.write(newEvent("DisableKey"))]);
    await store.commit([newWrite(), before.write(newEvent("EnableKey"))]);
    const after = new Outbox(store, await reopen(directory));
    expect(await after.recover()).toBe(2);
    expect(eventNames(directory).toSorted()).toEqual(["CreateKey", "DisableKey", "EnableKey"]);
    expect(await waiting()).toBe(0);
  });

  test("delivers nothing twice that a crash has left between log and removal", async () => {
    const directory = folder();
    const log = await open(directory);
    const before = new Outbox(store, log);
    const event = newEvent("ScheduleKeyDeletion");
    await store.commit([newWrite(), before.write(event)]);
    // More than 4 MiB, so that one look at the end of the file does not find it.
    await log.append(event);
    const large = { ...newEvent("Decrypt"), requestParameters: { text: "x".repeat(90_000) } };
    await Promise.all(Array.from({ length: 60 }, () => log.append(large)));
    const after = new Outbox(store, await reopen(directory));
    expect(await waiting()).toBe(1);
    expect(await after.recover()).toBe(0);
    expect(eventNames(directory).filter((name) => name === "ScheduleKeyDeletion")).toHaveLength(1);
    expect(await waiting()).toBe(0);
  });

  test("leaves the events of another process's chain to it", async () => {
    const directory = folder();
    const other = new Outbox(store, await open(directory, "command"));
    await store.commit([newWrite(), other.write(newEvent("CreateUser"))]);
    expect(await new Outbox(store, await open(directory)).recover()).toBe(0);
    expect(await other.recover()).toBe(1);
    expect(eventNames(directory, "command")).toEqual(["CreateUser"]);
  });

  test("removes many in few commits", async () => {
    const outbox = new Outbox(store, await open(folder()));
    await Promise.all(Array.from({ length: 300 }, () => outbox.commit([newWrite()], newEvent())));
    await outbox.flush();
    expect(await waiting()).toBe(0);
  });
});

/** Opens the chain of a process that has ended without closing it. */
async function reopen(directory: string): Promise<AuditLog> {
  const copy = folder();
  expect(spawnSync("cp", [join(directory, "server.jsonl"), copy]).status).toBe(0);
  expect(spawnSync("mv", [join(copy, "server.jsonl"), join(directory, "server.jsonl")]).status).toBe(0);
  expect(spawnSync("rm", [join(directory, "server.lock")]).status).toBe(0);
  return open(directory);
}
