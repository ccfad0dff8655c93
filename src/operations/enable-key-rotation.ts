import { writeKey } from "../kms/records.ts";
import { enableRotation } from "../kms/rotation.ts";
import { limits } from "../model/quotas.ts";
import { integer, optional, structure } from "../model/shape.ts";
import { checkGenerated, checkNotReplica, checkRotatable } from "./checks.ts";
import { keyId } from "./members.ts";
import { operation } from "./operation.ts";

export const enableKeyRotation = operation({
  name: "EnableKeyRotation",
  readOnly: false,
  request: structure({ KeyId: keyId, RotationPeriodInDays: optional(integer({ min: 90, max: 2560 })) }),

  async run(kms, call, { KeyId, RotationPeriodInDays }) {
    const conditions = new Map(
      RotationPeriodInDays === undefined ? [] : [["kms:RotationPeriodInDays", String(RotationPeriodInDays)]],
    );
    const found = await kms.key(call, KeyId, { conditions });
    checkRotatable(found);
    checkGenerated(found);
    checkNotReplica(found);
    const { value: key, revision } = found;
    const period = RotationPeriodInDays ?? key.record.rotation?.periodInDays ?? limits.rotationPeriodDays;
    const planned = enableRotation(key.record, period, call.now);
    const shared = await kms.multiRegion.share(planned.key);
    await kms.commit(call, {
      ...shared,
      writes: [writeKey(planned.key, revision), planned.write, ...shared.writes],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
