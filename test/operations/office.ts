import { randomUUID } from "node:crypto";
import { authorizer } from "../../src/access/evaluate.ts";
import type { Iam } from "../../src/access/iam.ts";
import { utf8 } from "../../src/base/bytes.ts";
import { KmsError } from "../../src/base/errors.ts";
import type { ConfiguredHsm } from "../../src/hsm/config.ts";
import type { Caller } from "../../src/kms/caller.ts";
import { KeyStoreConnections } from "../../src/kms/key-store-connections.ts";
import { Kms, type KmsParts } from "../../src/kms/kms.ts";
import { perform } from "../../src/operations/perform.ts";
import { operatorIam } from "../../src/operator.ts";
import type { Parts } from "../../src/service.ts";
import { newSite, type Site } from "../kms/premises.ts";
import { expectAnswer, expectDocumented } from "./documented.ts";

export const account = "111122223333";
export const day = 86_400;

// biome-ignore lint/suspicious/noExplicitAny: a test reads what its operation answers
export type Answer = Record<string, any>;
/** Performs one operation as a user; blobs are base64. `source`: the resource for which a service asks. */
export type Ask = (operation: string, request?: object, source?: Caller["source"]) => Promise<Answer>;

/** Operations without a server: everything below it is real. */
export interface Office {
  readonly site: Site;
  readonly parts: Parts;
  readonly kms: Kms;
  readonly iam: Iam;
  /** May do everything in the account. */
  readonly admin: Ask;
  user(name: string, of?: string, policy?: string, region?: string): Promise<Ask>;
  newKey(spec?: object, by?: Ask): Promise<string>;
  /** What a job does, with nothing remembered of what was before. */
  settleKeyStores(): Promise<void>;
  close(): Promise<void>;
}

export async function openOffice(
  more: Partial<KmsParts> = {},
  region = "us-east-1",
  others: readonly ConfiguredHsm[] = [],
): Promise<Office> {
  const site = await newSite(others);
  const parts = await site.open();
  const kms = new Kms({ ...parts, regions: [region], authorizer, sink: parts.log, clock: site.clock, ...more });
  const iam = operatorIam(parts, account, site.clock);
  const user: Office["user"] = async (name, of = account, policy, in_ = region) => {
    await iam.createUser(of, name);
    if (policy) await iam.putUserPolicy(of, name, "p", policy);
    const { accessKeyId } = await iam.createAccessKey(of, name);
    return async (operation, request = {}, source) => {
      parts.principals.forget();
      const key = await parts.principals.lookup(accessKeyId);
      if (!key) throw new Error("the access key is gone");
      const caller = {
        principal: key.principal,
        region: in_,
        requestId: randomUUID(),
        address: "::1",
        userAgent: "test",
        ...(source && { source }),
      };
      return documented(operation, perform(kms, operation, caller, utf8(JSON.stringify(request))));
    };
  };
  const admin = await user("admin", account, allow("*"));
  return {
    site,
    parts,
    kms,
    iam,
    admin,
    user,
    newKey: async (spec = {}, by = admin) => (await by("CreateKey", spec))["KeyMetadata"].Arn,
    async settleKeyStores() {
      const connections = new KeyStoreConnections({ ...parts, forget: kms.forget, keyStores: kms.keyStores });
      kms.watch("key-stores", (path) => connections.note(path));
      await connections.run();
    },
    async close() {
      await parts.outbox.flush();
      await parts.close();
      site.remove();
    },
  };
}

/** What is answered, and what is refused, is what the newest client expects. */
async function documented(operation: string, performed: Promise<unknown>): Promise<Answer> {
  try {
    const answer = await performed;
    expectAnswer(operation, answer);
    return answer as Answer;
  } catch (error) {
    if (error instanceof KmsError) expectDocumented(operation, error.code);
    throw error;
  }
}

export const allow = (Action: string | readonly string[], more: object = {}): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*", ...more }] });

export const refused = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "answered",
    (error: KmsError) => error.code,
  );
