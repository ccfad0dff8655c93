import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bytes, utf8 } from "../../../src/base/bytes.ts";
import { open } from "../../../src/engine/node/engine.ts";
import { ektHead } from "../../../src/model/ekt.ts";
import type { HbkKind, HbkUsage } from "../../../src/model/hbk.ts";
import { SecretsMade } from "./secrets-made.ts";

const secrets = new SecretsMade();
beforeEach(() => secrets.watch());
afterEach(() => secrets.unwatch());

const domainKeyId = new Uint8Array(16).fill(1);
const aad = utf8("aad");

function headOf(kind: HbkKind): Bytes {
  const usages: Partial<Record<HbkKind, HbkUsage>> = {
    "kms-symmetric": "ENCRYPT_DECRYPT",
    "kms-private": "SIGN_VERIFY",
  };
  const usage = usages[kind] ?? "INTERNAL";
  return ektHead(1, domainKeyId, undefined, {
    kind,
    usage,
    spec: "SYMMETRIC_DEFAULT",
    origin: "AWS_KMS",
    account: "111122223333",
    region: "eu-central-1",
    keyId: new Uint8Array(16),
  });
}

async function ready() {
  const boundary = (await open()).boundary();
  boundary.setRoot(new Uint8Array(32).fill(9));
  boundary.generateDomainKey(domainKeyId);
  const key = boundary.generate(headOf("kms-symmetric"), 32);
  const record = boundary.generate(headOf("record"), 32);
  const sigv4 = boundary.import(headOf("sigv4"), utf8("AWS4secret"));
  return { boundary, key, record, sigv4 };
}

describe("the node boundary", () => {
  it("leaves no secret of a call behind, but what it answers", async () => {
    const { boundary, key, record, sigv4 } = await ready();
    const ciphertext = boundary.encrypt(key, aad, utf8("plaintext"));
    const exposed = boundary.importExposed(headOf("kms-private"), aad, utf8("private"));
    const transportKey = new Uint8Array(32).fill(3);
    const wrapped = boundary.wrapFor(key, transportKey);
    const calls: Record<string, () => Bytes | null | object> = {
      generate: () => boundary.generate(headOf("kms-symmetric"), 32),
      import: () => boundary.import(headOf("sigv4"), utf8("AWS4secret")),
      rewrap: () => boundary.rewrap(key, headOf("kms-symmetric")),
      release: () => boundary.release(record),
      encrypt: () => boundary.encrypt(key, aad, utf8("plaintext")),
      decrypt: () => boundary.decrypt(key, aad, ciphertext),
      "decrypt, not authentic": () => boundary.decrypt(key, utf8("other"), ciphertext),
      "generateDataKey, both": () => boundary.generateDataKey(key, aad, 32, "both"),
      "generateDataKey, ciphertext": () => boundary.generateDataKey(key, aad, 32, "ciphertext"),
      reEncrypt: () => boundary.reEncrypt({ ekt: key, aad, ciphertext }, { ekt: key, aad }),
      mac: () => boundary.mac(sigv4, aad),
      importExposed: () => boundary.importExposed(headOf("kms-private"), aad, utf8("private")),
      expose: () => boundary.expose(exposed, "SIGN_VERIFY"),
      "rewrap, exposed": () => boundary.rewrap(exposed, headOf("kms-private")),
      wrapFor: () => boundary.wrapFor(key, transportKey),
      unwrapFrom: () => boundary.unwrapFrom(headOf("kms-symmetric"), key.slice(80, 112), transportKey, wrapped),
      random: () => boundary.random(32),
    };
    for (const [name, call] of Object.entries(calls)) {
      secrets.watch();
      const answer = call() ?? {};
      const open = answer instanceof Uint8Array ? [answer] : Object.values(answer);
      expect(secrets.left(key, ...open), name).toEqual([]);
    }
    boundary.close();
  });

  it("leaves no secret of a refused call behind", async () => {
    const { boundary, key, record } = await ready();
    const wrapped = boundary.wrapFor(key, new Uint8Array(32));
    const calls: Record<string, () => unknown> = {
      "another kind": () => boundary.encrypt(record, aad, aad),
      "no release": () => boundary.release(key),
      "no such kind": () => boundary.generate(headOf("kms-private"), 32),
      "another name": () =>
        boundary.unwrapFrom(headOf("kms-symmetric"), new Uint8Array(32), new Uint8Array(32), wrapped),
      "no such domain key": () => boundary.rewrap(key, new Uint8Array(16)),
      "no destination": () => boundary.generateDataKey(record, aad, 32, "both"),
    };
    for (const [name, call] of Object.entries(calls)) {
      secrets.watch();
      expect(call, name).toThrow(expect.objectContaining({ kind: "refused" }));
      expect(secrets.left(key), name).toEqual([]);
    }
    boundary.close();
  });

  it("wipes domain keys that are dropped, and everything when it is closed", async () => {
    const { boundary, key, record, sigv4 } = await ready();
    const other = new Uint8Array(16).fill(2);
    const before = secrets.left().length;
    boundary.generateDomainKey(other);
    expect(secrets.left()).toHaveLength(before + 1);
    boundary.dropDomainKey(other);
    expect(secrets.left()).toHaveLength(before);
    boundary.close();
    expect(secrets.left(key, record, sigv4)).toEqual([]);
  });
});
