import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type Bytes, utf8 } from "../../base/bytes.ts";
import { HsmError, type HsmErrorKind } from "../../base/errors.ts";
import { parseEkt } from "../../model/ekt.ts";
import type { HbkKind, HbkMeta } from "../../model/hbk.ts";
import type { HbkSpec, KeyUsage, SymmetricSpec } from "../../model/key-spec.ts";
import type { HsmAdmin } from "../admin.ts";
import type { Ekt, Hsm, KeyPairs } from "../hsm.ts";

/** What every HSM does. `run` throws where it does not, and answers a sentence where this one is not for it. */
export interface Claim {
  /** "<what> <does so>": a part of the whole, and what is claimed of it. */
  readonly part: string;
  readonly name: string;
  run(bench: Bench): Promise<string | undefined>;
}

/** An HSM to try. No claim leaves anything in it. */
export interface Bench {
  readonly hsm: Hsm;
  /** To wrap key tokens anew. */
  readonly admin?: HsmAdmin;
  /** Of the octets to edit, every how many-th is edited: 1 for all, more where a call is slow. */
  readonly stride: number;
}

type Run = (bench: Bench) => Promise<unknown>;

/** The claims on one part, by name. */
export const claimsOn = (part: string, claims: Readonly<Record<string, Run>>): readonly Claim[] =>
  Object.entries(claims).map(([name, run]) => ({
    part,
    name,
    run: async (bench) => {
      const reason = await run(bench);
      return typeof reason === "string" ? reason : undefined;
    },
  }));

/** Of a key that there is no other of. */
export function metaOf(kind: HbkKind): HbkMeta {
  return {
    kind,
    spec: kind === "sigv4" ? "HMAC_256" : "SYMMETRIC_DEFAULT",
    usage: kind === "kms-symmetric" ? "ENCRYPT_DECRYPT" : "INTERNAL",
    origin: "AWS_KMS",
    account: "111122223333",
    region: "eu-central-1",
    keyId: new Uint8Array(randomBytes(16)),
  };
}

export const algorithm = "SYMMETRIC_DEFAULT";
export const aad = utf8("what the ciphertext is bound to");
export const hbkIdOf = (key: Ekt): Bytes => parseEkt(key).hbkId;
export const newKey = ({ hsm }: Bench, spec: SymmetricSpec = "SYMMETRIC_DEFAULT"): Promise<Ekt> =>
  hsm.generateKey({ ...metaOf("kms-symmetric"), spec });

export interface Pair {
  readonly ekt: Ekt;
  readonly publicKey: Bytes;
}

const made = new WeakMap<Hsm, Map<string, Promise<Pair>>>();

/** One for all claims: a token may need seconds for an RSA key. */
export function pairOf(hsm: Hsm, keyPairs: KeyPairs, spec: HbkSpec, usage: KeyUsage): Promise<Pair> {
  const pairs = made.get(hsm) ?? new Map<string, Promise<Pair>>();
  made.set(hsm, pairs);
  const name = `${spec} ${usage}`;
  const pair = pairs.get(name) ?? keyPairs.generate({ ...metaOf("kms-private"), spec, usage });
  pairs.set(name, pair);
  return pair;
}

/** `bytes` with one octet different. */
export function edited(bytes: Bytes, index: number, mask = 1): Bytes {
  const copy = bytes.slice();
  copy[index] = (copy[index] as number) ^ mask;
  return copy;
}

export async function refusedAs(kind: HsmErrorKind, call: Promise<unknown>, what = "the call"): Promise<void> {
  const outcome = await call.then(
    () => "no error",
    (error) => (error instanceof HsmError ? error.kind : `${error}`),
  );
  assert.equal(outcome, kind, `${what} is answered by ${outcome}, not by the error "${kind}"`);
}
