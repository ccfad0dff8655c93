import { base64, hex } from "../base/bytes.ts";
import type { Hsm } from "../hsm/hsm.ts";
import { rawKeyId } from "../model/arn.ts";
import { parseEkt } from "../model/ekt.ts";
import type { KeySpec, KeyUsage } from "../model/key-spec.ts";
import type { Expectation, Write } from "../store/store.ts";
import type { Call } from "./call.ts";
import type { DomainRecords } from "./domain-record.ts";
import { writeHbk } from "./records.ts";

export interface NewMaterial {
  readonly id: string;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
}

/**
 * Makes an HBK. What it answers goes into one commit with the key: the token is a record of its own, and the commit
 * holds only while the domain record is as it was when the token was made, so that no token escapes the scan that comes
 * before a domain key is destroyed.
 */
export async function newMaterial(
  hsm: Hsm,
  domain: DomainRecords,
  call: Call,
  key: NewMaterial,
): Promise<{ hbkId: string; write: Write; expectation: Expectation }> {
  const expectation = await domain.expectation();
  const { account, region } = call;
  const { spec, usage } = key;
  const ekt = await hsm.generateKey({
    kind: "kms-symmetric",
    spec,
    usage,
    origin: "AWS_KMS",
    account,
    region,
    keyId: rawKeyId(key.id),
  });
  const token = parseEkt(ekt);
  const hbkId = hex(token.hbkId);
  const record = { keyId: key.id, account, ekt: base64(ekt), domainKeys: [hex(token.domainKeyId)] };
  return { hbkId, write: writeHbk(region, hbkId, record, 0), expectation };
}
