import type { AuditEvent } from "../audit/audit.ts";
import { buildEvent, buildServiceEvent } from "../audit/event.ts";
import type { KmsError } from "../base/errors.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import { arnOf, type KeyRecord } from "../model/key.ts";
import type { Call } from "./call.ts";

interface Outcome {
  readonly readOnly: boolean;
  readonly responseElements?: Readonly<Record<string, unknown>>;
  readonly error?: KmsError | undefined;
}

/** What a call did. Under a moved clock the event says which time the service went by. */
export function callEvent(call: Call, { readOnly, responseElements, error }: Outcome): AuditEvent {
  const time = Date.now();
  const moved = call.now - time > 1000 ? { serviceTime: new Date(call.now).toISOString() } : undefined;
  return buildEvent({
    actor: call.caller,
    id: call.eventId,
    name: call.operation,
    time,
    readOnly,
    requestParameters: call.requestParameters,
    responseElements: responseElements ?? null,
    additionalEventData: moved ? { ...call.additionalEventData, ...moved } : call.additionalEventData,
    resources: call.resources,
    error,
  });
}

/** What the service did to a key by itself. */
export function keyEvent(
  name: string,
  key: Pick<KeyRecord, "id" | "account" | "region">,
  details: Readonly<Record<string, unknown>> = {},
): AuditEvent {
  const { account, region } = key;
  return buildServiceEvent({
    name,
    account,
    region,
    time: Date.now(),
    resources: [{ arn: arnOf(key), account }],
    details: { keyId: key.id, ...details },
  });
}

/** Which domain key wraps from now on: told by whoever finds it active, so that a crash in a rotation hides nothing. */
export const domainKeyEvent = (active: DomainKeyId, before: DomainKeyId | undefined): AuditEvent =>
  buildServiceEvent({
    name: "ActivateDomainKey",
    account: "000000000000",
    region: "local",
    time: Date.now(),
    details: { active, before },
  });
