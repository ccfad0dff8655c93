import type { Authorizer } from "../access/authorizer.ts";
import { conditionContext } from "../access/context.ts";
import type { Principals } from "../access/principals.ts";
import { base64, fromBase64 } from "../base/bytes.ts";
import { KmsError } from "../base/errors.ts";
import { keyArn, parseArn, principalArn } from "../model/arn.ts";
import { type GrantPrincipal, type GrantRecord, isGrantId } from "../model/grant.ts";
import type { KeyRecord } from "../model/key.ts";
import { quotas } from "../model/quotas.ts";
import type { Call } from "./call.ts";
import { denied, type Finder, type FoundKey, granteesOf, isDue } from "./find.ts";
import { type Grantee, type GrantRecords, granteePrefix, grantPrefix, retirablePrefix } from "./grant-records.ts";
import type { Cut, Markers, Page } from "./pagination.ts";
import type { Records } from "./records.ts";
import { parseReference, quotable } from "./reference.ts";
import type { Seal } from "./seal.ts";

export interface GrantParts {
  readonly finder: Finder;
  readonly records: Records;
  readonly grants: GrantRecords;
  readonly markers: Markers;
  readonly seal: Seal;
  readonly authorizer: Authorizer;
  readonly principals: Principals;
}

/** Which grants of a key are asked for. */
export interface GrantFilter {
  readonly id: string | undefined;
  /** An ARN, or the name of a service. */
  readonly grantee: string | undefined;
}

/** What a caller wants to retire, as far as it is there. */
interface Retiring {
  /** Of the key. */
  readonly account: string;
  readonly id: string;
  readonly key: KeyRecord | undefined;
  readonly grant: GrantRecord | undefined;
}

/** Grants as operations reach them: whoever asks has been authorized, or is here. */
export class Grants {
  readonly #parts: GrantParts;

  constructor(parts: GrantParts) {
    this.#parts = parts;
  }

  /** The user or account root that a grant is to name. */
  async principal(given: string): Promise<GrantPrincipal> {
    const arn = principalArn(given);
    const id = await this.#parts.principals.idOf(arn);
    if (id === undefined) {
      throw new KmsError("InvalidArnException", "principal", { arn: quotable(given) });
    }
    return { arn, id };
  }

  /** The grant of the same name and parameters, which a retry has made before. */
  namesake(grant: GrantRecord): Promise<GrantRecord | undefined> {
    return this.#parts.grants.namesake(grant);
  }

  /** LimitExceededException when the key has all the grants that it may have; those in flight may not be counted. */
  async checkQuota({ value: { record, arn } }: FoundKey): Promise<void> {
    if (await this.#parts.grants.full(record, quotas.grantsPerKey)) {
      throw new KmsError("LimitExceededException", "grantsPerKey", { arn });
    }
  }

  /** A grant of a key that was found; NotFoundException. */
  async of({ value: { record, arn } }: FoundKey, id: string): Promise<GrantRecord> {
    const grant = isGrantId(id) ? await this.#parts.grants.get(record, id) : undefined;
    return grant ?? noGrant(arn, id);
  }

  async list(
    call: Call,
    { value: { record, arn } }: FoundKey,
    filter: GrantFilter,
    page: Page,
  ): Promise<Cut<GrantRecord>> {
    const { id } = filter;
    const grantee = filter.grantee && principalArn(filter.grantee);
    if (id !== undefined) {
      if (!isGrantId(id)) throw invalidGrantId();
      const grant = await this.#parts.grants.get(record, id);
      const names = [grant?.grantee?.arn, grant?.granteeService];
      return { items: grant && (grantee === undefined || names.includes(grantee)) ? [grant] : [] };
    }
    const { markers, records, grants } = this.#parts;
    if (grantee === undefined) {
      return markers.page(call, page, arn, grantPrefix(record), records, (_path, value) => value as GrantRecord);
    }
    const prefix = granteePrefix(record, grantee);
    const cut = await markers.page(call, page, `${arn} ${grantee}`, prefix, records, (path) =>
      path.slice(prefix.length),
    );
    return { ...cut, items: await present(cut.items.map((grantId) => grants.get(record, grantId))) };
  }

  /**
   * Those that a principal of the caller's account may retire, on any key of the region; or that the service may which
   * asks, on keys of the account that it acts for, or else its own.
   */
  async retirable(call: Call, retiring: string, page: Page): Promise<Cut<GrantRecord>> {
    const { finder, markers, records, grants } = this.#parts;
    const { principal, source } = call.caller;
    const arn = parseArn(retiring);
    finder.authorize(call, call.operation, arn ? retiring : "*");
    if (arn ? arn.account !== call.account : !principal.serviceNames?.includes(retiring)) {
      throw denied(call, call.operation, quotable(retiring), "foreignPrincipal");
    }
    const account = (!arn && source?.account) || call.account;
    const prefix = retirablePrefix(account, call.region, principalArn(retiring));
    const cut = await markers.page(call, page, retiring, prefix, records, (_path, value) => value as GrantRecord);
    const keys = cut.items.map(({ account, region, keyId, id }) => grants.get({ account, region, id: keyId }, id));
    return { ...cut, items: await present(keys) };
  }

  /** Another one each time. */
  async token({ account, region, keyId, id }: GrantRecord): Promise<string> {
    return base64(await this.#parts.seal.seal(tokenPurpose, JSON.stringify([account, region, keyId, id])));
  }

  /**
   * InvalidGrantTokenException unless every one is of a grant that is there. They do nothing else: on AWS a token bridges
   * the minutes until its grant is known everywhere, and here a grant is at once.
   */
  async checkTokens(call: Call, tokens: readonly string[] = []): Promise<void> {
    for (const token of tokens) await this.#ofToken(call, token);
  }

  /** The grant of a token, if the caller may retire it. */
  async toRetireByToken(call: Call, token: string): Promise<GrantRecord> {
    const grant = await this.#ofToken(call, token);
    const { account, keyId } = grant;
    const key = await this.#key(call, account, keyId);
    if (!key) throw invalidGrantToken();
    this.#authorizeRetiring(call, { account, id: keyId, key, grant });
    return grant;
  }

  /** A grant of a key, if the caller may retire it. Others do not learn whether it is there. */
  async toRetire(call: Call, keyId: string, grantId: string): Promise<GrantRecord> {
    const reference = parseReference(keyId, call);
    if (reference.kind !== "key") throw new KmsError("InvalidArnException", "alias");
    const { account, id } = reference;
    const key = await this.#key(call, account, id);
    const grant = key && isGrantId(grantId) ? await this.#parts.grants.get(key, grantId) : undefined;
    this.#authorizeRetiring(call, { account, id, key, grant });
    return grant ?? noGrant(keyArn(call.region, account, id), grantId);
  }

  async #key(call: Call, account: string, id: string): Promise<KeyRecord | undefined> {
    const key = await this.#parts.records.key(account, call.region, id);
    return key && !isDue(key.value, call.now) ? key.value.record : undefined;
  }

  /**
   * A grant is retired by whom it says, and in the name of the account that made it: by whom that account's identity
   * policies allow. Key policies have no say (API Reference, RetireGrant).
   */
  #authorizeRetiring(call: Call, { account, id, key, grant }: Retiring): void {
    const { principal } = call.caller;
    const arn = keyArn(call.region, account, id);
    if (key) call.names(arn, account);
    const granted = granteesOf(principal);
    const { allowed, denial } = this.#parts.authorizer.decide({
      principal,
      action: "kms:RetireGrant",
      resource: arn,
      owner: grant?.issuingAccount ?? account,
      context: conditionContext(call.caller, undefined, key),
      grants: (to) => (grant && granted[to].some((grantee) => mayRetire(grant, grantee)) ? grant.id : undefined),
    });
    if (!allowed) throw denied(call, "RetireGrant", arn, denial);
  }

  async #ofToken(call: Call, token: string): Promise<GrantRecord> {
    const sealed = fromBase64(token);
    const text = sealed && (await this.#parts.seal.open(tokenPurpose, sealed));
    if (text === undefined) throw invalidGrantToken();
    const [account, region, id, grantId] = JSON.parse(text) as [string, string, string, string];
    const grant = region === call.region ? await this.#parts.grants.get({ account, region, id }, grantId) : undefined;
    if (!grant) throw invalidGrantToken();
    return grant;
  }
}

const tokenPurpose = "grant token";

const same = (principal: GrantPrincipal | undefined, service: string | undefined, { arn, id }: Grantee): boolean =>
  id === undefined ? service === arn : principal?.arn === arn && principal.id === id;

const mayRetire = (grant: GrantRecord, asker: Grantee): boolean =>
  same(grant.retiring, grant.retiringService, asker) ||
  (grant.operations.includes("RetireGrant") && same(grant.grantee, grant.granteeService, asker));

const present = async <T>(found: readonly Promise<T | undefined>[]): Promise<T[]> =>
  (await Promise.all(found)).filter((item) => item !== undefined);

const invalidGrantToken = (): KmsError => new KmsError("InvalidGrantTokenException", "grantToken");
const invalidGrantId = (): KmsError => new KmsError("InvalidGrantIdException", "grantId");

function noGrant(arn: string, id: string): never {
  if (!isGrantId(id)) throw invalidGrantId();
  throw new KmsError("NotFoundException", "grant", { id, arn });
}
