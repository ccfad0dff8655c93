import type { CompiledPolicy } from "./policy.ts";

/** Who signed the request. */
export interface Principal {
  readonly type: "Root" | "IAMUser";
  /** 12 digits. */
  readonly account: string;
  /** `arn:aws:iam::<account>:user/<name>`, or `:root`. */
  readonly arn: string;
  /** `AIDA…` for a user, the account for root. */
  readonly id: string;
  readonly name?: string;
  readonly accessKeyId: string;
  /** The identity policies, compiled. */
  readonly policies: readonly CompiledPolicy[];
}

/** Condition keys of one request, names in lower case. A list stands for a multi-valued key. */
export type ConditionContext = ReadonlyMap<string, string | readonly string[]>;

export interface AccessRequest {
  readonly principal: Principal;
  /** `kms:Encrypt`. */
  readonly action: string;
  /** The ARN of the key or alias; `*` for actions that name no resource. */
  readonly resource: string;
  /** The account that owns the resource. */
  readonly owner: string;
  /** Absent: the resource has no policy of its own, identity policies decide alone. */
  readonly keyPolicy?: CompiledPolicy;
  readonly context: ConditionContext;
}

export interface Decision {
  readonly allowed: boolean;
  /** For the audit log and operators: which statement made it, or that none did. */
  readonly reason: string;
}

/** One decision, default deny. The order of evaluation: explicit deny, key policy, delegation to identity policies. */
export interface Authorizer {
  decide(request: AccessRequest): Decision;
}
