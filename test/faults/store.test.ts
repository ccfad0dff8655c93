import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeHome, startService, temporaryHome } from "../contract/service.ts";
import { digests, refusedStart } from "./start.ts";

describe("a service whose store was changed while it was stopped", () => {
  /** One home for all: nothing may change in it by an attempt to start. */
  const made = temporaryHome();
  const older = temporaryHome();

  beforeAll(async () => {
    const first = await startService(made);
    const kms = first.client();
    const keys = await Promise.all([1, 2, 3].map(() => kms.createKey()));
    expect(await first.stop()).toBe(0);
    cpSync(made, older, { recursive: true });
    const second = await startService(made);
    await second.client().disableKey({ KeyId: keys[0]?.KeyMetadata?.KeyId });
    expect(await second.stop()).toBe(0);
  }, 120_000);
  afterAll(() => {
    removeHome(made);
    removeHome(older);
  });

  const file = (home: string): string => join(home, "store.db");

  function sql(home: string, text: string): void {
    const database = new DatabaseSync(file(home));
    database.exec(text);
    database.close();
  }

  /** The bytes of a sealed value, somewhere in the file. */
  function editByte(home: string): void {
    const database = new DatabaseSync(file(home));
    const [row] = database.prepare("SELECT value FROM record WHERE path LIKE 'key/%'").all() as { value: Uint8Array }[];
    database.close();
    const bytes = readFileSync(file(home));
    const at = bytes.indexOf(row?.value.subarray(-16) ?? "");
    expect(at).toBeGreaterThan(0);
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file(home), bytes);
  }

  const swap = `
    CREATE TEMP TABLE two AS SELECT path, value, revision, row_number() OVER (ORDER BY path) AS n
      FROM record WHERE path LIKE 'hbk/%' ORDER BY path LIMIT 2;
    UPDATE record SET value = (SELECT value FROM two WHERE two.path <> record.path)
      WHERE path IN (SELECT path FROM two)`;

  const changes: Readonly<Record<string, readonly [(home: string) => void, RegExp]>> = {
    "the material of two keys swapped": [(home) => sql(home, swap), /record hbk\/\S+ is not authentic/],
    "the material of a key gone": [
      (home) => sql(home, "DELETE FROM record WHERE path = (SELECT min(path) FROM record WHERE path LIKE 'hbk/%')"),
      /record hbk\/\S+ is missing/,
    ],
    "its last page cut off": [(home) => truncateSync(file(home), 3 * 4096), /store\.db/],
    "half a page cut off": [(home) => truncateSync(file(home), 3 * 4096 + 2048), /store\.db is empty, cut short/],
    "everything cut off": [(home) => truncateSync(file(home)), /store\.db is empty, cut short/],
    "one bit flipped": [editByte, /record key\/\S+ is not authentic/],
    "an old copy put back": [
      (home) => cpSync(file(older), file(home)),
      /the store is at change \d+, the HSM has seen \d+/,
    ],
    "no home.json": [(home) => rmSync(join(home, "home.json")), /home\.json is missing beside a store/],
  };

  it.each(Object.entries(changes))(
    "%s: does not start, says what is wrong, and leaves it as it is",
    (_, [change, words]) => {
      const home = temporaryHome();
      cpSync(made, home, { recursive: true });
      change(home);
      const before = digests(home);
      const { status, log } = refusedStart(home);
      expect(log).toMatch(words);
      expect(status).toBeOneOf([1, 2]);
      expect(log).not.toMatch(/^ +at /m);
      expect(storeOf(digests(home))).toEqual(storeOf(before));
      removeHome(home);
    },
    60_000,
  );

  it("no store at all: does not make a new one in its place", () => {
    const home = temporaryHome();
    cpSync(made, home, { recursive: true });
    rmSync(file(home));
    const { status, log } = refusedStart(home);
    expect(log).toMatch(/the store is empty, and the HSM has seen one/);
    expect(status).toBe(1);
    removeHome(home);
  }, 60_000);
});

const storeOf = (all: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => /^store|^hsm/.test(name)));
