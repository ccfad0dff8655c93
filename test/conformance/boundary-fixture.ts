import { expect } from "vitest";
import { type Bytes, concat, utf8 } from "../../src/base/bytes.ts";
import type { Boundary } from "../../src/engine/boundary.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { ektHead, ektSuites, parseEkt } from "../../src/model/ekt.ts";
import { binding } from "../../src/model/encryption-context.ts";
import { type HbkKind, type HbkMeta, hbkKinds } from "../../src/model/hbk.ts";
import type { SymmetricSpec } from "../../src/model/key-spec.ts";

export const root = new Uint8Array(32).fill(0xa1);
export const domainKeyId = new Uint8Array(16).fill(0xd1);
export const otherDomainKeyId = new Uint8Array(16).fill(0xd2);
export const keyId = Uint8Array.from({ length: 16 }, (_, i) => i);
export const aad = binding("1234abcd-12ab-34cd-56ef-1234567890ab", { purpose: "test" });
export const kinds = Object.keys(hbkKinds) as HbkKind[];

/** A boundary with a root and two domain keys. */
export function ready(engine: Engine): Boundary {
  const boundary = engine.boundary();
  boundary.setRoot(root);
  boundary.generateDomainKey(domainKeyId);
  boundary.generateDomainKey(otherDomainKeyId);
  return boundary;
}

export function metaOf(kind: HbkKind, edits: Partial<HbkMeta> = {}): HbkMeta {
  const usages: Partial<Record<HbkKind, HbkMeta["usage"]>> = {
    "kms-symmetric": "ENCRYPT_DECRYPT",
    "kms-hmac": "GENERATE_VERIFY_MAC",
    "kms-private": "SIGN_VERIFY",
  };
  const usage = usages[kind] ?? "INTERNAL";
  const spec = kind === "kms-hmac" ? "HMAC_256" : kind === "kms-private" ? "ECC_NIST_P256" : "SYMMETRIC_DEFAULT";
  return { kind, spec, usage, origin: "AWS_KMS", account: "111122223333", region: "eu-central-1", keyId, ...edits };
}

export const headOf = (kind: HbkKind, edits: Partial<HbkMeta> = {}, id: Bytes = domainKeyId): Bytes =>
  ektHead(ektSuites.gcm, id, undefined, metaOf(kind, edits));

/** `ekt` under another domain key, or in another region. */
export const rewrapped = (boundary: Boundary, ekt: Bytes, id: Bytes, edits: Partial<HbkMeta> = {}): Bytes =>
  boundary.rewrap(ekt, ektHead(ektSuites.gcm, id, undefined, { ...parseEkt(ekt).meta, ...edits }));

export const symmetricKey = (boundary: Boundary, spec: SymmetricSpec = "SYMMETRIC_DEFAULT"): Bytes =>
  boundary.generate(headOf("kms-symmetric", { spec }), 32);

/** The material of a token of any kind: what `wrapFor` gives, unwrapped. */
export function materialOf(engine: Engine, boundary: Boundary, ekt: Bytes): Bytes {
  const transportKey = new Uint8Array(32).fill(0x77);
  const material = engine.kwpUnwrap(transportKey, boundary.wrapFor(ekt, transportKey));
  if (!material) throw new Error("not what wrapFor makes");
  return material;
}

/** A token over given material, of any kind, by way of the transport. */
export function tokenOver(engine: Engine, boundary: Boundary, head: Bytes, hbkId: Bytes, material: Bytes): Bytes {
  const transportKey = new Uint8Array(32).fill(0x78);
  return boundary.unwrapFrom(head, hbkId, transportKey, engine.kwpWrap(transportKey, material));
}

export const hbkIdOf = (ekt: Bytes): Bytes => parseEkt(ekt).hbkId;

export const refusal = expect.objectContaining({ name: "HsmError", kind: "refused" });
export const fault = expect.objectContaining({ name: "HsmError", kind: "internal" });

export const keyDerivation = concat(Uint8Array.of(0, 0, 0, 1), utf8("SR1-"));
