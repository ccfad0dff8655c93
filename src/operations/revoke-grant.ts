import { removeGrant } from "../kms/grant-records.ts";
import { structure } from "../model/shape.ts";
import { dryRunDone, forAwsResource } from "./checks.ts";
import { dryRun, grantId, keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const revokeGrant = operation({
  name: "RevokeGrant",
  readOnly: false,
  request: structure({ KeyId: keyId, GrantId: grantId, DryRun: dryRun }),

  async run(kms, call, { KeyId, GrantId, DryRun }) {
    const key = await kms.key(call, KeyId, { crossAccount: true, conditions: forAwsResource(call) });
    const grant = await kms.grants.of(key, GrantId);
    dryRunDone(DryRun);
    await kms.commit(call, {
      writes: removeGrant(grant),
      responseElements: { grantId: grant.id, keyId: key.value.arn },
    });
    return undefined;
  },
});
