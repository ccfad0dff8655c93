import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import { removeGrant } from "../kms/grant-records.ts";
import type { Kms } from "../kms/kms.ts";
import { type GrantRecord, keyArnOf } from "../model/grant.ts";
import { optional, structure, type TypeOf, unaudited } from "../model/shape.ts";
import { dryRunDone } from "./checks.ts";
import { dryRun, grantId, grantToken, keyId } from "./members.ts";
import { operation } from "./operation.ts";

const request = structure({
  GrantToken: optional(unaudited(grantToken)),
  KeyId: optional(keyId),
  GrantId: optional(grantId),
  DryRun: dryRun,
});

export const retireGrant = operation({
  name: "RetireGrant",
  readOnly: false,
  request,

  async run(kms, call, input) {
    const grant = await grantOf(kms, call, input);
    dryRunDone(input.DryRun);
    await kms.commit(call, {
      writes: removeGrant(grant),
      responseElements: { grantId: grant.id, keyId: keyArnOf(grant) },
    });
    return undefined;
  },
});

function grantOf(kms: Kms, call: Call, { GrantToken, KeyId, GrantId }: TypeOf<typeof request>): Promise<GrantRecord> {
  if (GrantToken !== undefined && KeyId === undefined && GrantId === undefined) {
    return kms.grants.toRetireByToken(call, GrantToken);
  }
  if (GrantToken === undefined && KeyId !== undefined && GrantId !== undefined) {
    return kms.grants.toRetire(call, KeyId, GrantId);
  }
  throw new KmsError("ValidationException", "retireGrant");
}
