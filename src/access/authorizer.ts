import type { MessageName } from "../base/message.ts";
import type { CompiledPolicy } from "./policy.ts";

/** Who signed the request. */
export interface Principal {
  readonly type: "Root" | "IAMUser" | "AWSService";
  /** 12 digits. */
  readonly account: string;
  /** `arn:aws:iam::<account>:user/<name>`, or `:root`; of a service its name, `s3.amazonaws.com`, for it has no ARN. */
  readonly arn: string;
  /** `AIDA…` for a user, the account for root; a service has none. */
  readonly id: string | undefined;
  readonly name?: string;
  readonly accessKeyId: string;
  /** Of a service: all that it goes by in the region, its name first. */
  readonly serviceNames?: readonly string[];
  /** The identity policies, compiled. */
  readonly policies: readonly CompiledPolicy[];
}

/** The condition keys of one request: access/context.ts. */
export interface ConditionContext {
  /** `name` in lower case. A list stands for a multi-valued key; undefined: the request does not have it. */
  get(name: string): string | readonly string[] | undefined;
}

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
  /** The id of a grant that allows the action, to the caller itself or to the root of its account. Absent: there is none. */
  readonly grants?: (to: "caller" | "account") => string | undefined;
}

/** How an AccessDeniedException ends. */
export type Denial = Exclude<MessageName<"AccessDeniedException">, "ciphertext">;

export interface Decision {
  readonly allowed: boolean;
  /** For operators: which statement made it, or that none did. */
  readonly reason: string;
  /**
   * Of a refusal, what the caller may be told. Names no statement: policies are not for everyone to read.
   */
  readonly denial?: Denial;
}

/**
 * One decision, default deny. The order of evaluation: explicit deny, key policy, delegation to identity policies, grants.
 */
export interface Authorizer {
  decide(request: AccessRequest): Decision;
}
