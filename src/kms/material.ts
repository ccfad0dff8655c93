import { base64, hex } from "../base/bytes.ts";
import type { Hsm } from "../hsm/hsm.ts";
import { rawKeyId } from "../model/arn.ts";
import { parseEkt } from "../model/ekt.ts";
import type { KeyRecord } from "../model/key.ts";
import type { Expectation, Write } from "../store/store.ts";
import type { DomainRecords } from "./domain-record.ts";
import { writeHbk } from "./records.ts";

export type NewMaterial = Pick<KeyRecord, "id" | "account" | "region" | "spec" | "usage">;

/**
 * Makes an HBK. What it answers goes into one commit with the key: the token is a record of its own, and the commit
 * holds only while the domain record is as it was when the token was made, so that no token escapes the scan that comes
 * before a domain key is destroyed.
 */
export async function newMaterial(
  hsm: Hsm,
  domain: DomainRecords,
  { id, account, region, spec, usage }: NewMaterial,
): Promise<{ hbkId: string; write: Write; expectation: Expectation }> {
  const expectation = await domain.expectation();
  const ekt = await hsm.generateKey({
    kind: "kms-symmetric",
    spec,
    usage,
    origin: "AWS_KMS",
    account,
    region,
    keyId: rawKeyId(id),
  });
  const token = parseEkt(ekt);
  const hbkId = hex(token.hbkId);
  const record = { keyId: id, account, ekt: base64(ekt), domainKeys: [hex(token.domainKeyId)] };
  return { hbkId, write: writeHbk(region, hbkId, record, 0), expectation };
}
