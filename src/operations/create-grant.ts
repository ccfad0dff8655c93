import { randomBytes } from "node:crypto";
import { contextConditions } from "../access/context.ts";
import { KmsError } from "../base/errors.ts";
import type { Call } from "../kms/call.ts";
import { writeGrant } from "../kms/grant-records.ts";
import type { Kms } from "../kms/kms.ts";
import { keyPath } from "../kms/records.ts";
import {
  type GrantConstraints,
  type GrantRecord,
  type GrantTerms,
  grantableOn,
  grantOperations,
} from "../model/grant.ts";
import type { KeyRecord } from "../model/key.ts";
import { limits } from "../model/quotas.ts";
import { enumeration, list, optional, string, stringMap, structure, type TypeOf } from "../model/shape.ts";
import { dryRunDone, forAwsResource } from "./checks.ts";
import { dryRun, grantTokens, keyId, principal, servicePrincipal } from "./members.ts";
import { operation } from "./operation.ts";

const sourceArn = string({ min: 20, max: 512, pattern: /^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$/ });

const request = structure({
  KeyId: keyId,
  GranteePrincipal: principal,
  RetiringPrincipal: principal,
  Operations: list(enumeration(grantOperations), { min: 1 }),
  Constraints: optional(
    structure({
      EncryptionContextSubset: optional(stringMap()),
      EncryptionContextEquals: optional(stringMap()),
      SourceArn: optional(sourceArn),
    }),
  ),
  GrantTokens: grantTokens,
  Name: optional(string({ min: 1, max: 256, pattern: /^[a-zA-Z0-9:/_-]+$/ })),
  DryRun: dryRun,
  GranteeServicePrincipal: servicePrincipal,
  RetiringServicePrincipal: servicePrincipal,
});
type Request = TypeOf<typeof request>;

/** A grant is in force when this answers, everywhere in this process; on AWS it takes minutes, or its token. */
export const createGrant = operation({
  name: "CreateGrant",
  readOnly: false,
  request,

  async run(kms, call, input) {
    checkPrincipals(input);
    if (input.Operations.every((name) => name === "CreateGrant")) {
      throw new KmsError("ValidationException", "createGrantAlone");
    }
    checkConstraints(input.Constraints);
    const terms = termsOf(input);
    const key = await kms.key(call, input.KeyId, {
      crossAccount: true,
      conditions: conditionsOf(call, input, terms),
      grants: { child: terms },
    });
    const { record, arn } = key.value;
    checkKey(record, terms);
    const grant: GrantRecord = {
      ...terms,
      id: randomBytes(32).toString("hex"),
      account: record.account,
      region: record.region,
      keyId: record.id,
      ...(input.Name !== undefined && { name: input.Name }),
      createdAt: call.now,
      issuingAccount: call.account,
      ...(await principalsOf(kms, input)),
    };
    const kept = await kms.grants.namesake(grant);
    if (!kept) await kms.grants.checkQuota(key);
    dryRunDone(input.DryRun);
    const { id } = kept ?? grant;
    await kms.commit(call, {
      writes: kept ? [] : writeGrant(grant),
      expectations: [{ path: keyPath(record.account, record.region, record.id), revision: key.revision }],
      responseElements: { grantId: id, keyId: arn },
    });
    return { GrantToken: await kms.grants.token(kept ?? grant), GrantId: id };
  },
});

function checkPrincipals(input: Request): void {
  const { GranteePrincipal, GranteeServicePrincipal, RetiringPrincipal, RetiringServicePrincipal } = input;
  if ((GranteePrincipal === undefined) === (GranteeServicePrincipal === undefined)) {
    throw new KmsError("ValidationException", "grantee");
  }
  if (RetiringPrincipal !== undefined && RetiringServicePrincipal !== undefined) {
    throw new KmsError("ValidationException", "retiring");
  }
  if (GranteeServicePrincipal === undefined) return;
  if (input.Constraints?.SourceArn === undefined) {
    throw new KmsError("ValidationException", "grantSourceArn");
  }
  if ((RetiringPrincipal ?? RetiringServicePrincipal) === undefined) {
    throw new KmsError("ValidationException", "grantRetiringService");
  }
}

function checkConstraints({ EncryptionContextEquals, EncryptionContextSubset }: GrantConstraints = {}): void {
  if (EncryptionContextEquals && EncryptionContextSubset) {
    throw new KmsError("ValidationException", "grantConstraints");
  }
  const values = Object.values(EncryptionContextEquals ?? EncryptionContextSubset ?? {});
  const { grantConstraintPairs: pairs, grantConstraintCharacters: characters } = limits;
  if (values.length > pairs) {
    throw new KmsError("ValidationException", "grantConstraintPairs", { limit: pairs });
  }
  if (values.some((value) => value.length > characters)) {
    throw new KmsError("ValidationException", "grantConstraintValue", { limit: characters });
  }
}

function termsOf({ Operations, Constraints }: Request): GrantTerms {
  const operations = [...new Set(Operations)];
  return Constraints && Object.keys(Constraints).length > 0 ? { operations, constraints: Constraints } : { operations };
}

function conditionsOf(call: Call, input: Request, { operations, constraints = {} }: GrantTerms) {
  const { EncryptionContextEquals, EncryptionContextSubset, SourceArn } = constraints;
  const conditions = new Map<string, string | readonly string[]>([
    ...forAwsResource(call),
    ["kms:GrantOperations", operations],
    ...contextConditions(EncryptionContextEquals ?? EncryptionContextSubset),
  ]);
  const supply = (name: string, value: string | undefined) => value !== undefined && conditions.set(name, value);
  supply("kms:GranteePrincipal", input.GranteePrincipal);
  supply("kms:GranteeServicePrincipal", input.GranteeServicePrincipal);
  supply("kms:RetiringPrincipal", input.RetiringPrincipal);
  supply("kms:RetiringServicePrincipal", input.RetiringServicePrincipal);
  supply("kms:GrantConstraintType", EncryptionContextEquals && "EncryptionContextEquals");
  supply("kms:GrantConstraintType", EncryptionContextSubset && "EncryptionContextSubset");
  supply("kms:GrantConstraintSourceArn", SourceArn);
  return conditions;
}

function checkKey({ spec, usage }: KeyRecord, { operations, constraints = {} }: GrantTerms): void {
  const grantable = grantableOn(spec, usage);
  const wrong = operations.find((name) => !grantable.includes(name));
  if (wrong !== undefined) {
    throw new KmsError("ValidationException", "grantOperation", { operation: wrong, spec, usage });
  }
  const context = constraints.EncryptionContextEquals ?? constraints.EncryptionContextSubset;
  if (context && spec !== "SYMMETRIC_DEFAULT") {
    throw new KmsError("ValidationException", "grantConstraintSpec", { spec });
  }
}

async function principalsOf(kms: Kms, input: Request): Promise<Partial<GrantRecord>> {
  const { GranteePrincipal, GranteeServicePrincipal, RetiringPrincipal, RetiringServicePrincipal } = input;
  return {
    ...(GranteePrincipal !== undefined && { grantee: await kms.grants.principal(GranteePrincipal) }),
    ...(GranteeServicePrincipal !== undefined && { granteeService: GranteeServicePrincipal }),
    ...(RetiringPrincipal !== undefined && { retiring: await kms.grants.principal(RetiringPrincipal) }),
    ...(RetiringServicePrincipal !== undefined && { retiringService: RetiringServicePrincipal }),
  };
}
