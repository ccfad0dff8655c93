import { randomUUID } from "node:crypto";
import { shownArn } from "../model/arn.ts";
import { callerOf } from "../model/service.ts";
import type { AuditEvent } from "./audit.ts";

/** Who did it, and from where: a request's caller, or the operator at a command line. */
export interface Actor {
  readonly principal: {
    /** "Root", "IAMUser", "AWSService"; "Operator" for a command on the machine itself. */
    readonly type: string;
    readonly account: string;
    readonly arn: string;
    readonly id: string | undefined;
    readonly name?: string;
    readonly accessKeyId?: string;
  };
  readonly region: string;
  readonly requestId: string;
  readonly address: string;
  readonly userAgent: string;
  /** The service that makes the call for its account. */
  readonly service?: string;
  readonly tls?: Readonly<Record<string, string>>;
}

type Members = Readonly<Record<string, unknown>>;

export interface EventFacts {
  readonly actor: Actor;
  /** A UUID; a new one when absent. */
  readonly id?: string | undefined;
  readonly name: string;
  readonly source?: AuditEvent["eventSource"];
  /** Milliseconds, of the machine's clock. */
  readonly time: number;
  readonly readOnly: boolean;
  /** Nothing secret: no plaintext, ciphertext, message, key material or grant token. */
  readonly requestParameters: Members | null;
  readonly responseElements?: Members | null;
  readonly additionalEventData?: Members | undefined;
  readonly resources?: readonly Resource[];
  /** The code and message that the caller gets. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

interface Resource {
  readonly arn: string;
  readonly account: string;
}

/** What one call did. */
export function buildEvent(facts: EventFacts): AuditEvent {
  const { actor, error, additionalEventData, resources = [] } = facts;
  const { principal } = actor;
  return {
    eventVersion: "1.11",
    userIdentity: identityOf(actor),
    eventTime: seconds(facts.time),
    eventSource: facts.source ?? "kms.amazonaws.com",
    eventName: facts.name,
    awsRegion: actor.region,
    sourceIPAddress: actor.address,
    userAgent: cut(actor.userAgent),
    errorCode: error && errorCode(error.code),
    errorMessage: error && cut(error.message),
    requestParameters: bounded(facts.requestParameters, 100 * 1024),
    responseElements: bounded(facts.responseElements ?? null, 100 * 1024),
    additionalEventData: additionalEventData && bounded(additionalEventData, 28 * 1024),
    requestID: flat(actor.requestId),
    eventID: flat(facts.id ?? randomUUID()),
    readOnly: facts.readOnly,
    resources: resources.length > 0 ? resources.map(resourceOf) : undefined,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: principal.type === service ? (resources[0]?.account ?? principal.account) : principal.account,
    eventCategory: "Management",
    tlsDetails: actor.tls,
  };
}

/** What a service does is told to the account whose key it is about, under the service's name. */
const service = "AWSService";

function identityOf({ principal, region, service: through }: Actor): AuditEvent["userIdentity"] {
  const { type, account: accountId, accessKeyId } = principal;
  if (type === service) return { type, accountId, accessKeyId, invokedBy: principal.arn };
  const { id: principalId, name: userName } = principal;
  const arn = shownArn(principal.arn, region);
  const invokedBy = through && `${callerOf(through)}.amazonaws.com`;
  return { type, principalId, arn, accountId, accessKeyId, userName, invokedBy };
}

/**
 * A structure of the API as CloudTrail writes it: `aWSAccountId`, and times like `Aug 10, 2022, 10:38:27 PM`. No policies,
 * contexts or tags as maps: their names are not the API's.
 */
export function recorded(value: unknown): unknown {
  if (value instanceof Date) return times.format(value).replace("\u202f", " ");
  if (Array.isArray(value)) return value.map(recorded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name.charAt(0).toLowerCase() + name.slice(1), recorded(member)]),
  );
}

const times = new Intl.DateTimeFormat("en-US", { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" });

export interface ServiceEventFacts {
  readonly name: string;
  /** The account of the key; of a matter of the service itself, all zeros. */
  readonly account: string;
  readonly region: string;
  readonly time: number;
  /** A UUID; a new one when absent. */
  readonly requestId?: string;
  readonly resources?: readonly Resource[];
  readonly details: Members;
}

/** What the service did by itself: a deletion that was due, a chain that goes on after a crash. */
export const buildServiceEvent = ({
  name,
  account,
  region,
  time,
  requestId = randomUUID(),
  resources,
  details,
}: ServiceEventFacts): AuditEvent => ({
  eventVersion: "1.11",
  userIdentity: { accountId: account, invokedBy: ourselves },
  eventTime: seconds(time),
  eventSource: "kms.amazonaws.com",
  eventName: name,
  awsRegion: region,
  sourceIPAddress: ourselves,
  userAgent: ourselves,
  requestParameters: null,
  responseElements: null,
  requestID: requestId,
  eventID: randomUUID(),
  readOnly: false,
  resources: resources?.map(resourceOf),
  eventType: "AwsServiceEvent",
  managementEvent: true,
  recipientAccountId: account,
  eventCategory: "Management",
  serviceEventDetails: bounded(details, 100 * 1024),
});

const ourselves = "strongroom";

const resourceOf = ({ arn, account }: Resource) => ({ accountId: account, type: "AWS::KMS::Key" as const, ARN: arn });

/** CloudTrail's name for it differs from the exception's. */
const errorCode = (code: string): string => (code === "AccessDeniedException" ? "AccessDenied" : cut(code));

const scratch = Buffer.allocUnsafeSlow(36);

/**
 * A copy of a UUID in one piece: `randomUUID` concatenates, and the fast path of V8's JSON.stringify gives up on the
 * whole record at such a string (measured: three times as slow).
 */
function flat(uuid: string): string {
  return scratch.write(uuid, "latin1") === uuid.length ? scratch.toString("latin1", 0, uuid.length) : uuid;
}

let last = { second: Number.NaN, text: "" };

/** Many events share a second. */
function seconds(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== last.second) last = { second, text: `${new Date(second * 1000).toISOString().slice(0, 19)}Z` };
  return last.text;
}

/** CloudTrail's caps of 2026, in UTF-16 units: 1 KB for single texts. */
const cut = (text: string): string => (text.length > 1024 ? text.slice(0, 1024) : text);

function bounded<T extends Members | null>(members: T, limit: number): T | Members {
  if (members === null || lengthWithin(members, limit) >= 0) return members;
  return { omitted: `more than ${limit / 1024} KB` };
}

/** What of `room` is left after a JSON value of about this length; negative when it does not fit. */
function lengthWithin(value: unknown, room: number): number {
  if (typeof value === "string") return room - value.length;
  if (typeof value !== "object" || value === null) return room - 8;
  let left = room;
  // Not `for … in`: V8 optimises that for one shape and throws the code away at the next, without end.
  for (const name of Object.keys(value)) {
    if (left < 0) return left;
    left = lengthWithin((value as Record<string, unknown>)[name], left - name.length - 6);
  }
  return left;
}
