import { createHmac, scryptSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { type Bytes, concat, hex, utf8 } from "../../../src/base/bytes.ts";
import { open } from "../../../src/engine/node/engine.ts";
import { newSealingKeys, sealingKeys } from "../../../src/hsm/soft/root.ts";

const folder = mkdtempSync(join(tmpdir(), "strongroom-root-"));
afterAll(() => rmSync(folder, { recursive: true }));

const salt = Uint8Array.from({ length: 32 }, (_, i) => i);
const keyBytes = new Uint8Array(32).fill(0xaa);
const keyFile = join(folder, "key");
writeFileSync(keyFile, keyBytes, { mode: 0o600 });
writeFileSync(join(folder, "passphrase"), "correct horse\n", { mode: 0o600 });
const passphrase = `file:${join(folder, "passphrase")}`;

/** KBKDF by its definition. */
const derived = (master: Bytes, label: string): string =>
  createHmac("sha256", master)
    .update(concat(Uint8Array.of(0, 0, 0, 1), utf8(label), Uint8Array.of(0), salt, Uint8Array.of(0, 0, 1, 0)))
    .digest("hex");

it.each([
  ["a key file", { keyFile }, "01000000", keyBytes],
  [
    "a passphrase",
    { passphrase },
    "02110801",
    scryptSync("correct horse", salt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 }),
  ],
] as const)("the keys of %s are derived as they are pinned", async (_, source, parameters, master) => {
  const config = { driver: "soft", directory: folder, ...source } as const;
  const engine = await open();
  const made = await newSealingKeys(config, engine, () => salt.slice());
  expect(hex(made.root)).toBe(derived(master, "SR1-hsmroot"));
  expect(hex(made.file)).toBe(derived(master, "SR1-hsmfile"));
  const check = derived(master, "SR1-hsmname").slice(0, 32);
  expect(hex(made.header)).toBe(`${hex(utf8("SR1-SOFT"))}01${parameters}${hex(salt)}${check}`);
  expect(await sealingKeys(config, engine, made.header)).toEqual(made);
});
