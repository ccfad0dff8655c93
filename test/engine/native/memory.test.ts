import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, concat, uint16, utf8 } from "../../../src/base/bytes.ts";
import { open as openReference } from "../../../src/engine/node/engine.ts";
import { kbkdfFixedInput, noNonce } from "../../../src/model/kbkdf.ts";
import type { SymmetricSpec } from "../../../src/model/key-spec.ts";
import { aad, domainKeyId, headOf, keyId } from "../../conformance/boundary-fixture.ts";
import { mask } from "./kept.ts";

/** The needles: what a boundary knows of the fixture that its process is given. */
const root = fresh(32);
const domainKey = fresh(32);
const material = fresh(32);
const kek = fresh(32);
const nonce = fresh(16);
const callKey = kbkdf(kbkdfFixedInput("SR1-encrypt", keyId, nonce));
const sm4CallKey = kbkdf(kbkdfFixedInput("SR1-sm4-gcm", keyId, nonce)).subarray(0, 16);

const kept = { root, domainKey };
const forgotten = {
  material,
  "the inner pad of HMAC": material.map((byte) => byte ^ 0x36),
  "the outer pad of HMAC": material.map((byte) => byte ^ 0x5c),
  "the key of a call": callKey,
  "the key of a call by SM4": sm4CallKey,
  "the transport key": kek,
};

let keeper: ChildProcess;
let found: ReadonlyMap<Bytes, readonly Place[]>;
beforeAll(async () => {
  keeper = spawn(process.execPath, [join(import.meta.dirname, "keeper.ts")], { stdio: ["pipe", "pipe", "inherit"] });
  keeper.stdin?.write(`${JSON.stringify(await fixture())}\n`);
  await once(keeper.stdout as NodeJS.ReadableStream, "data");
  found = lookFor([...Object.values(kept), ...Object.values(forgotten), domainKeyId]);
});
afterAll(async () => {
  keeper.stdin?.end();
  if (keeper.exitCode === null) await once(keeper, "exit");
  expect(keeper.exitCode).toBe(0);
});

describe("the memory of a process with an open boundary", () => {
  it.each(Object.entries(kept))("has its %s in one place, which is locked, not dumped and not forked", (_, needle) => {
    expect(found.get(needle)).toEqual([expect.arrayContaining(["lo", "dd", "dc"])]);
  });

  it.each(Object.entries(forgotten))("has no %s when no call is running", (_, needle) => {
    expect(found.get(needle)).toEqual([]);
  });

  it("was looked through: it has the id of the domain key", () => {
    expect(found.get(domainKeyId)).not.toEqual([]);
  });
});

describe("where memory cannot be locked", () => {
  const locked = (prefix: string) => {
    const module = join(import.meta.dirname, "../../../src/engine/native/engine.ts");
    const script = `import { open } from ${JSON.stringify(module)}; const engine = await open();
      engine.boundary().random(1); console.log(engine.lockedMemory)`;
    const command = `${prefix} "$0" --input-type=module-typescript -e "$1"`;
    return execFileSync("sh", ["-c", command, process.execPath, script], { encoding: "utf8" }).trim();
  };

  it("the engine works and says so", () => {
    expect(locked("exec")).toBe("true");
    // Root may lock whatever the limit says; it gives that up here.
    const asUser = process.getuid?.() === 0 ? "setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock" : "";
    expect(locked(`ulimit -l 0; exec ${asUser}`)).toBe("false");
  });
});

/** One occurrence: the flags of its mapping (proc_pid_smaps(5)). */
type Place = readonly string[];

/** Reads all memory that can be read, but for the kernel's own. */
function lookFor(needles: readonly Bytes[]): ReadonlyMap<Bytes, readonly Place[]> {
  const places = new Map<Bytes, Place[]>(needles.map((needle) => [needle, []]));
  const smaps = readFileSync(`/proc/${keeper.pid}/smaps`, "latin1");
  const mappings =
    /^([0-9a-f]+)-([0-9a-f]+) r\S* \S+ \S+ \S+ *(.*)\n(?:[A-Z].*\n)*?Rss: +[1-9].*\n(?:[A-Z].*\n)*?VmFlags: (.*)\n/gm;
  const memory = openSync(`/proc/${keeper.pid}/mem`, "r");
  for (const [, start = "", end = "", name = "", flags = ""] of smaps.matchAll(mappings)) {
    if (name.startsWith("[v")) continue;
    const from = Number.parseInt(start, 16);
    const bytes = Buffer.alloc(Number.parseInt(end, 16) - from);
    readSync(memory, bytes, 0, bytes.length, from);
    for (const [needle, list] of places) {
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) list.push(flags.split(" "));
    }
  }
  closeSync(memory);
  return places;
}

function fresh(length: number): Bytes {
  return new Uint8Array(randomBytes(length));
}

function kbkdf(fixedInput: Bytes): Bytes {
  const mac = createHmac("sha256", material)
    .update(Uint8Array.of(0, 0, 0, 1))
    .update(fixedInput);
  return new Uint8Array(mac.digest());
}

function gcm(key: Bytes, iv: Bytes, bound: Bytes, plaintext: Bytes): Bytes {
  const cipher = createCipheriv((key.length === 16 ? "sm4-gcm" : "aes-256-gcm") as "aes-256-gcm", key, iv).setAAD(
    bound,
  );
  return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
}

/** Tokens and ciphertexts made by hand, under keys that the test knows. */
async function fixture() {
  const iv = fresh(12);
  const sealed = concat(iv, gcm(domainKey, iv, new Uint8Array(0), new Uint8Array(0))).subarray(0, 12);
  const hbkId = kbkdf(kbkdfFixedInput("SR1-keyname", keyId, noNonce));
  const tokenOf = (spec: SymmetricSpec) => {
    const beforeIv = concat(headOf("kms-symmetric", { spec }), hbkId, uint16(12 + 32));
    return concat(beforeIv, iv, gcm(domainKey, iv, beforeIv, material));
  };
  const ciphertextOf = (suite: number, key: Bytes) => {
    const header = concat(Uint8Array.of(1, suite), hbkId, nonce, iv);
    return concat(header, gcm(key, iv, concat(header, aad), utf8("plaintext")));
  };
  return Object.fromEntries(
    Object.entries({
      domainKeyId,
      sealed: concat(sealed, gcm(root, iv, concat(utf8("SR1-domains"), domainKeyId), domainKey)),
      ekt: tokenOf("SYMMETRIC_DEFAULT"),
      sm4Ekt: tokenOf("SM4"),
      aad,
      ciphertext: ciphertextOf(1, callKey),
      sm4Ciphertext: ciphertextOf(3, sm4CallKey),
      wrapped: (await openReference()).kwpWrap(kek, material),
      root: mask(root.slice()),
      kek: mask(kek.slice()),
    }).map(([name, bytes]) => [name, bytes.toHex()]),
  );
}
