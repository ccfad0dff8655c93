import { callEvent } from "../kms/events.ts";
import { isPrimary } from "../model/multi-region.ts";
import { structure } from "../model/shape.ts";
import { notPrimary } from "./checks.ts";
import { keyId, region } from "./members.ts";
import { operation } from "./operation.ts";

/** Done when it answers: AWS's keys are in the state Updating for some seconds. Both must be allowed, and enabled. */
export const updatePrimaryRegion = operation({
  name: "UpdatePrimaryRegion",
  readOnly: false,
  request: structure({ KeyId: keyId, PrimaryRegion: region }),

  async run(kms, call, { KeyId, PrimaryRegion }) {
    const conditions = new Map([["kms:PrimaryRegion", PrimaryRegion]]);
    const { value: key, revision } = await kms.key(call, KeyId, { conditions });
    if (!isPrimary(key.record)) throw notPrimary(key.arn);
    if (PrimaryRegion === call.region) return undefined;
    const there = call.in(PrimaryRegion);
    const { value: next } = await kms.key(there, key.record.id, { conditions });
    there.requestParameters = call.requestParameters;
    const change = await kms.multiRegion.movePrimary(key.record, revision, PrimaryRegion);
    await kms.commit(call, {
      ...change,
      events: [callEvent(there, { readOnly: false, responseElements: { keyId: next.arn } })],
      responseElements: { keyId: key.arn },
    });
    return undefined;
  },
});
