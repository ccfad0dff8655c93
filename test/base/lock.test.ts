import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { holdLock, takeLock } from "../../src/base/lock.ts";

const folder = mkdtempSync(join(tmpdir(), "strongroom-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a lock is one holder's until it is released, in a file that nobody else can open", () => {
  const file = join(folder, "one");
  const lock = holdLock(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(["one"]);
  expect(takeLock(file)).toBeUndefined();
  expect(() => holdLock(file)).toThrow("is held by another process");
  lock.release();
  const next = holdLock(file);
  lock.release();
  expect(takeLock(file)).toBeUndefined();
  next.release();
});

test("a file that cannot be a lock is no lock that somebody else holds", () => {
  expect(() => takeLock(join(folder, "missing", "lock"))).toThrow(ConfigError);
  expect(() => takeLock(folder)).toThrow("cannot be locked");
});
