import { shownArn } from "../model/arn.ts";
import type { EncryptionContext } from "../model/encryption-context.ts";
import type { KeyRecord } from "../model/key.ts";
import { multiRegionKeyType } from "../model/multi-region.ts";
import { viaService } from "../model/service.ts";
import type { ConditionContext, Principal } from "./authorizer.ts";

/** What of a request its condition keys come from. */
export interface RequestFacts {
  readonly principal: Principal;
  readonly region: string;
  readonly address: string;
  readonly userAgent: string;
  /** The service that makes the call for its account. */
  readonly service?: string;
  /** Of a service principal: the resource that it acts for, as it says. */
  readonly source?: { readonly arn?: string; readonly account?: string };
  /** Present when the request came over TLS. */
  readonly tls?: object;
}

/** Condition keys with their names, to be gone through any number of times: a generator is none. */
export type Conditions = Iterable<readonly [name: string, value: string | readonly string[]]>;

/**
 * The context of one decision. `conditions`: what the operation supplies, names as documented (`kms:EncryptionAlgorithm`,
 * `kms:EncryptionContext:<name>`, `aws:RequestTag/<name>`); `key`: the key that it is about. Nothing is computed before
 * a policy asks for it.
 */
export const conditionContext = (facts: RequestFacts, conditions: Conditions = [], key?: KeyRecord): ConditionContext =>
  new RequestContext(facts, conditions, key);

/** The condition keys of an encryption context. */
export function contextConditions(context: EncryptionContext = {}): [string, string | readonly string[]][] {
  const names = Object.keys(context);
  if (names.length === 0) return [];
  return [
    ...names.map((name): [string, string] => [`kms:EncryptionContext:${name}`, context[name] as string]),
    ["kms:EncryptionContextKeys", names],
  ];
}

class RequestContext implements ConditionContext {
  readonly #facts: RequestFacts;
  readonly #conditions: Conditions;
  readonly #key: KeyRecord | undefined;
  readonly #time = Date.now();
  #supplied: ReadonlyMap<string, string | readonly string[]> | undefined;

  constructor(facts: RequestFacts, conditions: Conditions, key: KeyRecord | undefined) {
    this.#facts = facts;
    this.#conditions = conditions;
    this.#key = key;
  }

  get(name: string): string | readonly string[] | undefined {
    this.#supplied ??= inLowerCase(this.#conditions);
    return this.#supplied.get(name) ?? (name.startsWith("aws:") ? this.#global(name) : this.#ofKey(name));
  }

  #global(name: string): string | readonly string[] | undefined {
    const { principal, region, address, userAgent, source, tls } = this.#facts;
    const isService = principal.type === "AWSService";
    switch (name) {
      case "aws:currenttime":
        return new Date(this.#time).toISOString();
      case "aws:epochtime":
        return String(Math.floor(this.#time / 1000));
      case "aws:principalaccount":
        return principal.account;
      case "aws:principalarn":
        return isService ? undefined : shownArn(principal.arn, region);
      case "aws:principaltype":
        return isService ? undefined : principal.type === "Root" ? "Account" : "User";
      case "aws:principalisawsservice":
        return String(isService);
      case "aws:principalservicename":
        return isService ? principal.arn : undefined;
      case "aws:principalservicenameslist":
        return principal.serviceNames;
      case "aws:viaawsservice":
        return String(this.#facts.service !== undefined);
      case "aws:requestedregion":
        return region;
      case "aws:resourceaccount":
        return this.#key?.account;
      case "aws:securetransport":
        return String(tls !== undefined);
      case "aws:sourceaccount":
        return source?.account;
      case "aws:sourcearn":
        return source?.arn;
      case "aws:sourceip":
        return address;
      case "aws:useragent":
        return userAgent;
      case "aws:userid":
        return principal.id;
      case "aws:username":
        return principal.name;
      default:
        return name.startsWith(resourceTag) ? this.#tag(name.slice(resourceTag.length)) : undefined;
    }
  }

  #ofKey(name: string): string | readonly string[] | undefined {
    const { principal, region, service } = this.#facts;
    if (name === "kms:calleraccount") return principal.account;
    if (name === "kms:viaservice") return service && viaService(service, region);
    const key = this.#key;
    switch (name) {
      case "kms:keyspec":
      case "kms:customermasterkeyspec":
        return key?.spec;
      case "kms:keyusage":
      case "kms:customermasterkeyusage":
        return key?.usage;
      case "kms:keyorigin":
        return key?.origin;
      case "kms:multiregion":
        return key && String(key.id.startsWith("mrk-"));
      case "kms:multiregionkeytype":
        return key && multiRegionKeyType(key);
      case "kms:resourcealiases":
        return key?.aliases;
      default:
        return undefined;
    }
  }

  /** `name` in lower case; tags that differ in case only are one key of several values. */
  #tag(name: string): string | readonly string[] | undefined {
    const tags = Object.entries(this.#key?.tags ?? {});
    const values = tags.filter(([tag]) => tag.toLowerCase() === name).map(([, value]) => value);
    return values.length > 1 ? values : values[0];
  }
}

const resourceTag = "aws:resourcetag/";

function inLowerCase(conditions: Conditions): ReadonlyMap<string, string | readonly string[]> {
  const lower = new Map<string, string | readonly string[]>();
  for (const [name, value] of conditions) {
    const key = name.toLowerCase();
    const before = lower.get(key);
    lower.set(key, before === undefined ? value : [before, value].flat());
  }
  return lower;
}
