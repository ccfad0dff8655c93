import { createHash, generateKeyPairSync } from "node:crypto";
import { type Bytes, concat, utf8 } from "../../../src/base/bytes.ts";
import { ektHead } from "../../../src/model/ekt.ts";
import { type HbkKind, usageCode } from "../../../src/model/hbk.ts";
import type { KeyUsage, SymmetricSpec } from "../../../src/model/key-spec.ts";
import { receivers as newReceivers, type Receivers } from "./functions.ts";

/** A call that answers no failure: name, receiver, arguments. Targets are the zeros among them. */
export type ValidCall = readonly [name: string, receiver: object, args: readonly (Bytes | number)[]];

const id = new Uint8Array(16).fill(1);
const otherId = new Uint8Array(16).fill(2);
const key = new Uint8Array(32).fill(3);
const iv = new Uint8Array(12).fill(4);
const aad = utf8("additional data that is longer than two blocks of AES");
const text = utf8("a plaintext");
const zeros = (length: number): Bytes => new Uint8Array(length);

const usages: Partial<Record<HbkKind, KeyUsage>> = { "kms-symmetric": "ENCRYPT_DECRYPT", "kms-private": "SIGN_VERIFY" };

const headOf = (kind: HbkKind, spec: SymmetricSpec = "SYMMETRIC_DEFAULT"): Bytes =>
  ektHead(1, id, undefined, {
    kind,
    usage: usages[kind] ?? "INTERNAL",
    spec,
    origin: "AWS_KMS",
    account: "111122223333",
    region: "eu-central-1",
    keyId: new Uint8Array(16).fill(5),
  });

/** With the numbers of their schemes and the bits of their hashes. */
const keyPairs = [
  [0, 256, generateKeyPairSync("ec", { namedCurve: "prime256v1" })],
  [1, 384, generateKeyPairSync("rsa", { modulusLength: 2048 })],
  [2, 512, generateKeyPairSync("rsa", { modulusLength: 2048 })],
  [3, 512, generateKeyPairSync("ed25519")],
  [4, 512, generateKeyPairSync("ml-dsa-44")],
  [5, 256, generateKeyPairSync("ec", { namedCurve: "SM2" })],
] as const;

/** At least one of every native function that takes arguments; the boundary holds two domain keys then. */
export function validCalls(receivers: Receivers): readonly ValidCall[] {
  const { boundary } = receivers;
  boundary.setRoot(key);
  for (const domainKeyId of [id, otherId]) boundary.generateDomainKey(domainKeyId);
  const rootless: ValidCall = ["setRoot", newReceivers(receivers.addon).boundary, [key]];
  return [
    rootless,
    ...primitiveCalls(receivers),
    ...tokenCalls(receivers),
    ...signatureCalls(receivers),
    ...cryptokiCalls(receivers),
    ...sessionCalls(receivers),
  ];
}

function primitiveCalls({ addon, deriver, drbg }: Receivers): ValidCall[] {
  const sealed = zeros(text.length + 16);
  addon.gcmSeal(key, iv, aad, text, sealed);
  const sm4Sealed = zeros(text.length + 16);
  addon.sm4GcmSeal(id, iv, aad, text, sm4Sealed);
  const derived = zeros(text.length + 16);
  deriver.seal(id, iv, aad, text, derived);
  const wrapped = zeros(24);
  addon.kwpWrap(key, text, wrapped);
  return [
    ["sha256", addon, [aad, zeros(32)]],
    ["hmacSha256", addon, [aad, aad, zeros(32)]],
    ["kbkdf", addon, [key, aad, zeros(32)]],
    ["gcmSeal", addon, [key, iv, aad, text, zeros(text.length + 16)]],
    ["gcmOpen", addon, [key, iv, aad, sealed, zeros(text.length)]],
    ["sm4GcmSeal", addon, [id, iv, aad, text, zeros(text.length + 16)]],
    ["sm4GcmOpen", addon, [id, iv, aad, sm4Sealed, zeros(text.length)]],
    ["kwpWrap", addon, [key, text, zeros(24)]],
    ["kwpUnwrap", addon, [key, wrapped, zeros(16)]],
    ["equal", addon, [aad, aad]],
    ["start", deriver, [new Uint8Array(32).fill(2)]],
    ["seal", deriver, [id, iv, aad, text, zeros(text.length + 16)]],
    ["open", deriver, [id, iv, aad, derived, zeros(text.length)]],
    ["reseed", drbg, [concat(key, id), id]],
    ["generate", drbg, [aad.subarray(0, 48), zeros(1000)]],
  ];
}

function tokenCalls({ boundary }: Receivers): ValidCall[] {
  const made = (length: number, call: (target: Bytes) => number): Bytes => {
    const target = zeros(length);
    if (call(target) < 0) throw new Error("no valid call");
    return target;
  };
  const head = headOf("kms-symmetric");
  const tokenOf = (kind: HbkKind) => made(head.length + 94, (target) => boundary.generate(headOf(kind), 32, target));
  const [ekt, record, sigv4] = [tokenOf("kms-symmetric"), tokenOf("record"), tokenOf("sigv4")];
  const sm4 = made(head.length + 94, (target) => boundary.generate(headOf("kms-symmetric", "SM4"), 32, target));
  const privateHead = headOf("kms-private");
  const exposed = made(head.length + 94, (target) => boundary.importExposed(privateHead, aad, key, target));
  const sealed = made(60, (target) => boundary.sealDomainKey(id, target));
  const ciphertext = made(text.length + 78, (target) => boundary.encrypt(ekt, aad, text, target));
  const wrapped = made(40, (target) => boundary.wrapFor(ekt, key, target));
  const hbkId = ekt.slice(head.length, head.length + 32);
  return [
    ["generateDomainKey", boundary, [otherId]],
    ["sealDomainKey", boundary, [id, zeros(60)]],
    ["openDomainKey", boundary, [id, sealed]],
    ["dropDomainKey", boundary, [new Uint8Array(16).fill(9)]],
    ["generate", boundary, [head, 64, zeros(head.length + 62 + 64)]],
    ["import", boundary, [headOf("sigv4"), aad, zeros(head.length + 62 + aad.length)]],
    ["importExposed", boundary, [privateHead, aad, text, zeros(head.length + 62 + text.length)]],
    ["expose", boundary, [exposed, usageCode("SIGN_VERIFY"), zeros(32)]],
    ["rewrap", boundary, [ekt, head, zeros(ekt.length)]],
    ["release", boundary, [record, zeros(32)]],
    ["wrapFor", boundary, [ekt, key, zeros(40)]],
    ["unwrapFrom", boundary, [head, hbkId, key, wrapped, zeros(ekt.length)]],
    ["encrypt", boundary, [ekt, aad, text, zeros(78 + text.length)]],
    ["encrypt", boundary, [sm4, aad, text, zeros(78 + text.length)]],
    ["encrypt", boundary, [ekt, zeros(16_384), new Uint8Array(4096), zeros(78 + 4096)]],
    ["decrypt", boundary, [ekt, aad, ciphertext, zeros(text.length)]],
    ["generateDataKey", boundary, [ekt, aad, 32, zeros(32), zeros(78 + 32)]],
    ["reEncrypt", boundary, [ekt, aad, ciphertext, ekt, text, zeros(ciphertext.length)]],
    ["mac", boundary, [sigv4, aad, zeros(32)]],
    ["random", boundary, [zeros(1024)]],
  ];
}

function signatureCalls({ addon }: Receivers): ValidCall[] {
  const calls: ValidCall[] = [];
  const digest = (bits: number) => new Uint8Array(createHash(`sha${bits}`).update(text).digest());
  for (const [scheme, bits, pair] of keyPairs) {
    const pkcs8 = new Uint8Array(pair.privateKey.export({ format: "der", type: "pkcs8" }));
    const spki = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));
    const signature = zeros(5120);
    const length = addon.signDigest(scheme, bits, pkcs8, digest(bits), signature);
    calls.push(["signDigest", addon, [scheme, bits, pkcs8, digest(bits), zeros(5120)]]);
    calls.push(["verifyDigest", addon, [scheme, bits, spki, digest(bits), signature.slice(0, length)]]);
    if (scheme !== 5) continue;
    const sm2Signature = signature.slice(0, addon.sm2Sign(pkcs8, text, signature));
    const ciphertext = signature.slice(0, addon.sm2Encrypt(spki, text, signature));
    calls.push(["sm2Sign", addon, [pkcs8, text, zeros(80)]], ["sm2Verify", addon, [spki, text, sm2Signature]]);
    calls.push(["sm2Encrypt", addon, [spki, text, zeros(200)]], ["sm2Agree", addon, [pkcs8, spki, zeros(32)]]);
    calls.push(["sm2Decrypt", addon, [pkcs8, ciphertext, zeros(ciphertext.length)]]);
  }
  return calls;
}

function cryptokiCalls({ cryptoki }: Receivers): ValidCall[] {
  const handle = zeros(8).fill(7);
  const word = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const attribute = (type: number, value: Bytes) => concat(word(type, value.length), value, zeros(-value.length & 7));
  const inner = concat(attribute(0x103, Uint8Array.of(1)), attribute(0x161, word(32, 0)), attribute(0x102, id));
  const template = concat(attribute(3, text), attribute(0x40000212, inner), attribute(0x40000211, zeros(0)));
  const mechanisms = [word(0x1080, 0), concat(word(0x1085, 0), id), word(0x1054, 0, 0x250, 256)];
  const kdf = concat(word(0x3ac, 0, 0x251, 0), aad);
  return [
    ["createObject", cryptoki, [handle, template, zeros(16)]],
    ["interfaces", cryptoki, [zeros(300)]],
    ...[...mechanisms, kdf].flatMap((mechanism): ValidCall[] => [
      ["generateKey", cryptoki, [handle, mechanism, template, zeros(16)]],
      ["deriveKey", cryptoki, [handle, mechanism, handle, template, zeros(16)]],
      ["unwrapKey", cryptoki, [handle, mechanism, handle, aad, template, zeros(16)]],
      ["wrapKey", cryptoki, [handle, mechanism, handle, handle, zeros(100)]],
    ]),
  ];
}

function sessionCalls({ sessions, bringing, deriving }: Receivers): ValidCall[] {
  const [handle, identity, ciphertext] = [zeros(8).fill(7), zeros(49), zeros(78 + text.length)];
  identity[48] = 1;
  ciphertext.set([1, 1]);
  const mechanism = new Uint8Array(Uint32Array.of(0x251, 0).buffer);
  return [
    ["seal", sessions, [1, handle, identity, aad, text]],
    ["unseal", sessions, [2, handle, identity, aad, ciphertext]],
    ["dataKey", sessions, [3, handle, identity, aad, 32, 1]],
    ["reEncrypt", sessions, [4, handle, identity, aad, ciphertext, handle, identity, aad]],
    ["sign", sessions, [5, handle, mechanism, text]],
    ["decrypt", sessions, [6, handle, concat(mechanism, id), text]],
    ["random", sessions, [7, 32]],
    ["collect", sessions, [zeros(2000)]],
    // 16 octets, because reader.c answers 32.
    ["seal", bringing, [8, handle, identity, aad, zeros(16)]],
    ["unseal", bringing, [9, handle, identity, aad, ciphertext]],
    ["collect", bringing, [zeros(2000)]],
    ["reEncrypt", deriving, [10, handle, identity, aad, ciphertext, handle, identity, aad]],
    ["dataKey", deriving, [11, handle, identity, aad, 16, 1]],
    ["collect", deriving, [zeros(2000)]],
  ];
}
