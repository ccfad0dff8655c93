import { defaultKeyPolicy } from "../access/policy.ts";
import { recorded } from "../audit/event.ts";
import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import { callEvent } from "../kms/events.ts";
import type { Kms } from "../kms/kms.ts";
import { writeKey } from "../kms/records.ts";
import { partitionOf } from "../model/arn.ts";
import { arnOf, type KeyRecord, keyMetadata } from "../model/key.ts";
import { isPrimary, otherRegions } from "../model/multi-region.ts";
import { boolean, optional, structure, type TypeOf } from "../model/shape.ts";
import { notPrimary } from "./checks.ts";
import { description, keyId, policy, region, tags } from "./members.ts";
import { operation } from "./operation.ts";
import { mergeTags, tagConditions } from "./tags.ts";

const request = structure({
  KeyId: keyId,
  ReplicaRegion: region,
  Policy: optional(policy),
  BypassPolicyLockoutSafetyCheck: optional(boolean),
  Description: optional(description),
  Tags: optional(tags),
});
type Request = TypeOf<typeof request>;

/** The replica is there when it answers: AWS's is in the state Creating for some seconds. */
export const replicateKey = operation({
  name: "ReplicateKey",
  readOnly: false,
  request,

  async run(kms, call, input) {
    const { ReplicaRegion, Tags = [] } = input;
    const conditions = new Map([["kms:ReplicaRegion", ReplicaRegion]]);
    const { value: key, revision } = await kms.key(call, input.KeyId, { conditions });
    if (!isPrimary(key.record)) throw notPrimary(key.arn);
    checkReplicaRegion(kms, key.record, ReplicaRegion);
    const there = call.in(ReplicaRegion, "CreateKey");
    authorize(kms, there, key.record, input);
    await kms.checkKeyQuota(there);
    const { id } = key.record;
    const ReplicaPolicy = input.Policy ?? defaultKeyPolicy(call.account, ReplicaRegion);
    const bypassLockoutCheck = input.BypassPolicyLockoutSafetyCheck;
    await kms.checkPolicy(there, { id, policy: ReplicaPolicy, bypassLockoutCheck });
    const { record, multiRegion, writes, expectations } = await kms.multiRegion.replica(key.record, {
      region: ReplicaRegion,
      description: input.Description ?? "",
      policy: ReplicaPolicy,
      tags: mergeTags({}, Tags),
      createdAt: call.now,
    });
    const ReplicaKeyMetadata = keyMetadata(record);
    there.names(arnOf(record), record.account);
    there.requestParameters = created(record, input);
    const [told, replicaTags] = [ReplicaKeyMetadata, Tags].map(recorded);
    await kms.commit(call, {
      writes: [writeKey({ ...key.record, multiRegion }, revision), ...writes],
      expectations,
      events: [callEvent(there, { readOnly: false, responseElements: { keyMetadata: told } })],
      responseElements: { replicaKeyMetadata: told, replicaPolicy: ReplicaPolicy, replicaTags },
    });
    return { ReplicaKeyMetadata, ReplicaPolicy, ReplicaTags: Tags };
  },
});

function checkReplicaRegion(kms: Kms, key: KeyRecord, region: string): void {
  if (region === key.region || otherRegions(key).includes(region)) {
    throw new KmsError("AlreadyExistsException", "replica", { arn: arnOf({ ...key, region }) });
  }
  if (!kms.regions.includes(region) || partitionOf(region) !== partitionOf(key.region)) {
    throw new KmsError("UnsupportedOperationException", "replicaRegion", { region });
  }
}

/** In the replica's region, by identity policies: as if the key were made there. */
function authorize(kms: Kms, there: Call, { spec, usage, origin }: KeyRecord, input: Request): void {
  const conditions = new Map<string, string | readonly string[]>([
    ["kms:KeySpec", spec],
    ["kms:KeyUsage", usage],
    ["kms:KeyOrigin", origin],
    ["kms:MultiRegion", "true"],
    ["kms:MultiRegionKeyType", "REPLICA"],
    ["kms:BypassPolicyLockoutSafetyCheck", String(input.BypassPolicyLockoutSafetyCheck ?? false)],
    ...tagConditions(input.Tags ?? []),
  ]);
  kms.authorize(there, "CreateKey", "*", conditions);
  if (input.Tags && input.Tags.length > 0) kms.authorize(there, "TagResource", "*", conditions);
}

/** What the CreateKey event in the replica's region shows of its request. */
const created = ({ spec, usage, origin, policy, description }: KeyRecord, input: Request) => ({
  keySpec: spec,
  keyUsage: usage,
  origin,
  policy,
  description,
  bypassPolicyLockoutSafetyCheck: input.BypassPolicyLockoutSafetyCheck ?? false,
  tags: (input.Tags ?? []).map(({ TagKey, TagValue }) => ({ tagKey: TagKey, tagValue: TagValue })),
  multiRegion: true,
});
