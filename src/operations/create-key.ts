import { randomUUID } from "node:crypto";
import { defaultKeyPolicy } from "../access/policy.ts";
import { recorded } from "../audit/event.ts";
import { base64 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import type { Placement } from "../kms/custom-key-stores.ts";
import type { Kms } from "../kms/kms.ts";
import { writeKey } from "../kms/records.ts";
import { algorithmsOf } from "../model/algorithms.ts";
import { arnOf, cipherIn, hbkSpecOf, type KeyRecord, keyMetadata } from "../model/key.ts";
import { type HbkSpec, type KeySpec, type KeyUsage, keySpecs, keyUsages, listed, origins } from "../model/key-spec.ts";
import { boolean, enumeration, optional, string, structure, type TypeOf } from "../model/shape.ts";
import { checkRegion } from "./checks.ts";
import { customKeyStoreId } from "./key-store-members.ts";
import { description, policy, tags } from "./members.ts";
import { operation } from "./operation.ts";
import { mergeTags, tagConditions } from "./tags.ts";

/** Of the deprecated member, too, the service takes what is newer than it: Terraform goes by that. */
const keySpec = enumeration(keySpecs, listed.KeySpec);

const request = structure({
  Policy: optional(policy),
  Description: optional(description),
  KeyUsage: optional(enumeration(keyUsages)),
  CustomerMasterKeySpec: optional(keySpec),
  KeySpec: optional(keySpec),
  Origin: optional(enumeration(origins)),
  CustomKeyStoreId: optional(customKeyStoreId),
  BypassPolicyLockoutSafetyCheck: optional(boolean),
  Tags: optional(tags),
  MultiRegion: optional(boolean),
  XksKeyId: optional(string({ min: 1, max: 128, pattern: /^[a-zA-Z0-9-_.]+$/ })),
});
type Request = TypeOf<typeof request>;

export const createKey = operation({
  name: "CreateKey",
  readOnly: false,
  request,

  async run(kms, call, input) {
    const { spec, usage } = specAndUsage(input);
    authorize(kms, call, input, spec, usage);
    const specs = { spec, ...(input.CustomKeyStoreId === undefined && cipherIn(call.region, spec)) };
    refuseUnsupported(kms, input, hbkSpecOf(specs), usage);
    checkRegion(call.region, spec);
    const id = input.MultiRegion ? `mrk-${randomUUID().replaceAll("-", "")}` : randomUUID();
    const placement = await place(kms, call, input, id);
    const keyPolicy = input.Policy ?? defaultKeyPolicy(call.account, call.region);
    await kms.checkPolicy(call, { id, policy: keyPolicy, bypassLockoutCheck: input.BypassPolicyLockoutSafetyCheck });
    const keyTags = mergeTags({}, input.Tags ?? []);
    await kms.checkKeyQuota(call);
    const origin = placement?.record.origin ?? input.Origin ?? "AWS_KMS";
    const identity = { id, account: call.account, region: call.region, ...specs, usage, ...placement?.record, origin };
    const hsm = placement?.hsm;
    const material =
      origin === "EXTERNAL" ? undefined : await kms.newMaterial({ ...identity, ...(hsm !== undefined && { hsm }) });
    const key: KeyRecord = {
      ...identity,
      ...(input.MultiRegion && { multiRegion: { primary: call.region, replicas: [] } }),
      description: input.Description ?? "",
      state: material ? "Enabled" : "PendingImport",
      createdAt: call.now,
      policy: keyPolicy,
      tags: keyTags,
      aliases: [],
      ...(material?.publicKey && { publicKey: base64(material.publicKey) }),
      ...(material && { hbkId: material.hbkId }),
      materials: material ? [{ hbkId: material.hbkId }] : [],
    };
    call.names(arnOf(key), key.account);
    const KeyMetadata = keyMetadata(key, placement?.store);
    await kms.commit(call, {
      writes: [writeKey(key, 0), ...(material ? [material.write] : []), ...(placement?.writes ?? [])],
      expectations: [...(material ? [material.expectation] : []), ...(placement?.expectations ?? [])],
      responseElements: { keyMetadata: recorded(KeyMetadata) },
    });
    return { KeyMetadata };
  },
});

function specAndUsage({ KeySpec, CustomerMasterKeySpec, KeyUsage }: Request): { spec: KeySpec; usage: KeyUsage } {
  if (KeySpec !== undefined && CustomerMasterKeySpec !== undefined) {
    throw new KmsError("ValidationException", "customerMasterKeySpec");
  }
  const spec = KeySpec ?? CustomerMasterKeySpec ?? "SYMMETRIC_DEFAULT";
  const usage = KeyUsage ?? (spec === "SYMMETRIC_DEFAULT" ? "ENCRYPT_DECRYPT" : undefined);
  if (usage === undefined) {
    throw new KmsError("ValidationException", "keyUsage");
  }
  if (!algorithmsOf(spec, usage)) throw new KmsError("ValidationException", "compatible", { usage, spec });
  return { spec, usage };
}

function authorize(kms: Kms, call: Call, input: Request, spec: KeySpec, usage: KeyUsage): void {
  const conditions = new Map<string, string | readonly string[]>([
    ["kms:KeySpec", spec],
    ["kms:KeyUsage", usage],
    ["kms:KeyOrigin", input.Origin ?? "AWS_KMS"],
    ["kms:MultiRegion", String(input.MultiRegion ?? false)],
    ...(input.MultiRegion ? [["kms:MultiRegionKeyType", "PRIMARY"] as const] : []),
    ["kms:BypassPolicyLockoutSafetyCheck", String(input.BypassPolicyLockoutSafetyCheck ?? false)],
    ...tagConditions(input.Tags ?? []),
  ]);
  kms.authorize(call, "CreateKey", "*", conditions);
  if (input.Tags && input.Tags.length > 0) kms.authorize(call, "TagResource", "*", conditions);
}

/** Where the key is to be made, if that is a custom key store. */
async function place(kms: Kms, call: Call, input: Request, id: string): Promise<Placement | undefined> {
  const { Origin: origin = "AWS_KMS", CustomKeyStoreId: storeId, XksKeyId: xksKeyId } = input;
  if (storeId !== undefined) return kms.keyStores.place(call, { id, origin, storeId, xksKeyId });
  if (xksKeyId !== undefined) throw new KmsError("ValidationException", "xksKeyIdKeyStore");
  if (origin === "AWS_CLOUDHSM" || origin === "EXTERNAL_KEY_STORE") {
    throw new KmsError("ValidationException", "originKeyStore", { origin });
  }
  return undefined;
}

function refuseUnsupported(kms: Kms, input: Request, spec: HbkSpec, usage: KeyUsage): void {
  if (input.CustomKeyStoreId !== undefined && (spec !== "SYMMETRIC_DEFAULT" || input.MultiRegion)) {
    throw new KmsError("UnsupportedOperationException", "keyStoreKey");
  }
  const reason = kms.refusal(spec, usage);
  if (reason !== undefined) throw new KmsError("UnsupportedOperationException", "hsmReason", { reason });
  if (input.Origin === "EXTERNAL") kms.imports.check(spec, usage);
}
