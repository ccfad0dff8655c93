import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { equalBytes, utf8 } from "../../src/base/bytes.ts";
import { type Ekt, openHsmAdmin } from "../../src/hsm/index.ts";
import type { Tokens } from "../../src/hsm/tokens.ts";
import { parseEkt } from "../../src/model/ekt.ts";
import { path } from "../../src/store/path.ts";
import type { SealedStore } from "../../src/store/sealed.ts";
import { Home } from "./home.ts";

const recordPath = (id: number): string => path("key", "111122223333", "eu-west-1", `${id}`);
const put = (store: SealedStore, id: number, revision: number): Promise<void> =>
  store.commit([{ path: recordPath(id), value: utf8(`value ${id}`), revision }]);

let home: Home;
let store: SealedStore;

beforeEach(async () => {
  home = await Home.make();
  store = await home.open();
  for (let id = 0; id < 3; id++) await put(store, id, 0);
});
afterEach(async () => {
  await store.close();
  home.dispose();
});

/** Record key versions by stored path: the third and fourth byte of a sealed record. */
function sealedBy(): Map<string, number> {
  const db = new DatabaseSync(home.file, { readOnly: true });
  const rows = db.prepare("SELECT path, value FROM record WHERE path LIKE 'key/%'").all();
  db.close();
  return new Map(rows.map(({ path, value }) => [path as string, Buffer.from(value as Uint8Array).readUInt16BE(2)]));
}

test("the store's keys follow a rotation of the domain key, and outlive the old one", async () => {
  const admin = await openHsmAdmin(home.hsmConfig);
  const [old] = await admin.domainKeys();
  const id = await admin.addDomainKey();
  await admin.activateDomainKey(id);
  expect(await store.changeTokens(async ([ekt]) => [await admin.rewrap(ekt)])).toBe(2);
  expect(await store.changeTokens(async (tokens) => tokens)).toBe(0);
  await admin.quarantineDomainKey(old?.id as string);
  await admin.destroyDomainKey(old?.id as string);
  await admin.close();
  await store.close();
  store = await home.open({});
  expect((await store.get(recordPath(1)))?.value).toEqual(utf8("value 1"));
});

test("a token of other material is not taken for a rewrapped one", async () => {
  const tokens: Ekt[] = [];
  await store.changeTokens(async (found) => {
    tokens.push(...found);
    return found;
  });
  const other = await Home.make();
  const theirs = await other.open();
  const stolen: Ekt[] = [];
  await theirs.changeTokens(async (found) => {
    stolen.push(...found);
    return found;
  });
  await theirs.close();
  other.dispose();
  const swapped = async ([ekt]: Tokens): Promise<Tokens> => [
    stolen.find((each) => parseEkt(each).meta.kind === parseEkt(ekt).meta.kind) as Ekt,
  ];
  await expect(store.changeTokens(swapped)).rejects.toThrow("other material");
  expect(tokens.map((ekt) => parseEkt(ekt).meta.kind)).toEqual(["index", "record"]);
});

test("a new record key seals what is written from then on; older records still open", async () => {
  await store.rotateRecordKey();
  await put(store, 1, 1);
  expect([...sealedBy().values()]).toEqual([1, 2, 1]);
  for (let id = 0; id < 3; id++) expect((await store.get(recordPath(id)))?.value).toEqual(utf8(`value ${id}`));
});

test("reseal leaves nothing that an older record key seals", async () => {
  await store.rotateRecordKey();
  await put(store, 1, 1);
  expect(await store.reseal()).toBe(2);
  expect([...sealedBy().values()]).toEqual([2, 2, 2]);
  expect(await store.reseal()).toBe(0);
  await store.close();
  store = await home.open({});
  expect((await store.get(recordPath(0)))?.revision).toBe(2);
});

test("another process learns of a new record key before it meets it", async () => {
  const other = await home.open({});
  await store.rotateRecordKey();
  await put(store, 1, 1);
  expect((await other.get(recordPath(1)))?.revision).toBe(2);
  await put(other, 2, 1);
  expect(sealedBy().get(recordPath(2))).toBe(2);
  await Promise.all([store.rotateRecordKey(), other.rotateRecordKey()]);
  for (const each of [store, other, store]) {
    const { revision } = (await each.get(recordPath(0))) as { revision: number };
    await put(each, 0, revision);
  }
  expect(sealedBy().get(recordPath(0))).toBe(4);
  await other.close();
});

test("equal records have nothing in common in the store", async () => {
  const value = new Uint8Array(64);
  await store.commit([10, 11].map((id) => ({ path: recordPath(id), value, revision: 0 })));
  const db = new DatabaseSync(home.file, { readOnly: true });
  const read = (id: number): Uint8Array =>
    db.prepare("SELECT value FROM record WHERE path = ?").get(recordPath(id))?.["value"] as Uint8Array;
  const [a, b] = [read(10), read(11)];
  db.close();
  expect(equalBytes(a.subarray(0, 4), b.subarray(0, 4))).toBe(true);
  for (let at = 4; at + 8 <= a.length; at += 8)
    expect(equalBytes(a.subarray(at, at + 8), b.subarray(at, at + 8))).toBe(false);
});
