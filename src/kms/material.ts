import { type Bytes, base64, hex } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import type { Ekt, Hsm, KeyPairs } from "../hsm/hsm.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { rawKeyId } from "../model/arn.ts";
import { parseEkt } from "../model/ekt.ts";
import { type HbkMeta, kindOfSpec } from "../model/hbk.ts";
import { type HbkRecord, hbkSpecOf, type KeyRecord } from "../model/key.ts";
import type { Expectation, Write } from "../store/store.ts";
import type { DomainRecords } from "./domain-record.ts";
import { writeHbk } from "./records.ts";

export interface NewMaterial
  extends Pick<KeyRecord, "id" | "account" | "region" | "spec" | "cipher" | "usage" | "origin"> {
  /** The name of the HSM to make it in; without it, the one for its spec. */
  readonly hsm?: string;
}

export interface CommittableMaterial {
  readonly hbkId: string;
  readonly ekt: Ekt;
  /** Of a key pair. */
  readonly publicKey?: Bytes;
  readonly write: Write;
  readonly expectation: Expectation;
}

/**
 * Makes an HBK, in the HSM for its spec. What it answers goes into one commit with the key: the token is a record of its
 * own, and the commit holds only while the HSM's domain record is as it was when the token was made, so that no token
 * escapes the scan that comes before a domain key is destroyed.
 */
export async function newMaterial(hsms: HsmSet, domain: DomainRecords, key: NewMaterial): Promise<CommittableMaterial> {
  const chosen = hsms.forSpec(hbkSpecOf(key), key.usage, key.hsm);
  if ("refusal" in chosen) throw new HsmError("unsupported", chosen.refusal);
  const meta = metaOf(key);
  const { ekt, expectation, ...made } = await hsms.anyOf(chosen.members, async (hsm, { name }) => {
    const expectation = await domain.expectation(name);
    if (meta.kind === "kms-private") return { expectation, ...(await keyPairsOf(hsm).generate(meta)) };
    return { expectation, ekt: await hsm.generateKey(meta) };
  });
  const { hbkId, record } = hbkOver(ekt, key);
  return { hbkId, ekt, ...made, write: writeHbk(key.region, hbkId, record, 0), expectation };
}

/** What the tokens of a key say of it. */
export function metaOf(key: NewMaterial): HbkMeta {
  const { id, account, region, usage, origin } = key;
  const spec = hbkSpecOf(key);
  return { kind: kindOfSpec(spec), spec, usage, origin, account, region, keyId: rawKeyId(id) };
}

/** The record of a new token. */
export function hbkOver(ekt: Ekt, { id, account }: NewMaterial): { hbkId: string; record: HbkRecord } {
  const token = parseEkt(ekt);
  const record = { keyId: id, account, ekt: base64(ekt), domainKeys: [hex(token.domainKeyId)] };
  return { hbkId: hex(token.hbkId), record };
}

/** What an HSM without key pairs answers to everything that is asked of them. */
export function keyPairsOf({ keyPairs }: Hsm): KeyPairs {
  if (!keyPairs) throw new HsmError("unsupported", "The HSM has no key pairs.");
  return keyPairs;
}
