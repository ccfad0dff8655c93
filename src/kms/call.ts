import { randomUUID } from "node:crypto";
import type { KeyRecord } from "../model/key.ts";
import type { Caller } from "./caller.ts";

const sourceOf = ({ arn, account }: NonNullable<Caller["source"]>) => ({ sourceArn: arn, sourceAccount: account });

/** One request on its way through an operation, and what its audit event will tell. */
export class Call {
  readonly operation: string;
  readonly caller: Caller;
  /** Key states and expiry go by this time, which a developer may have moved; milliseconds. */
  readonly now: number;
  readonly eventId = randomUUID();
  /** What of the request the event may show; null until the request has been read. */
  requestParameters: Record<string, unknown> | null = null;
  /** ARNs of the keys that were found, in the order of the request. */
  readonly resources: { readonly arn: string; readonly account: string }[] = [];
  /** Keys that a cryptographic operation may use. */
  readonly used: KeyRecord[] = [];
  additionalEventData: Record<string, unknown> | undefined;
  /** The event is in the store, with the change it tells of. */
  told = false;

  constructor(operation: string, caller: Caller, now: number) {
    this.operation = operation;
    this.caller = caller;
    this.now = now;
    // CloudTrail shows neither; here policies and grants are believed on what a service says, so the log keeps it.
    if (caller.source) this.additionalEventData = sourceOf(caller.source);
  }

  /** What one request does in another region: with an event of its own there. */
  in(region: string, operation = this.operation): Call {
    return new Call(operation, { ...this.caller, region }, this.now);
  }

  get account(): string {
    return this.caller.principal.account;
  }

  get region(): string {
    return this.caller.region;
  }

  /** What the request leaves to its default. */
  defaults(name: string, value: string): void {
    if (this.requestParameters) this.requestParameters[name] ??= value;
  }

  /** Which material a cryptographic operation has used. */
  usedMaterial(name: "keyMaterialId" | "sourceKeyMaterialId" | "destinationKeyMaterialId", hbkId: string): void {
    this.additionalEventData = { ...this.additionalEventData, [name]: hbkId };
  }

  /** Of an attested recipient, as CloudTrail names it. */
  tellsRecipient(recipient: Readonly<Record<string, string>>): void {
    this.additionalEventData = { ...this.additionalEventData, recipient };
  }

  /** Where the material of its key is. */
  usedKeyStore(facts: { readonly customKeyStoreId: string; readonly xksKeyId?: string }): void {
    this.additionalEventData = { ...this.additionalEventData, ...facts };
  }

  names(arn: string, account: string): void {
    if (!this.resources.some((resource) => resource.arn === arn)) this.resources.push({ arn, account });
  }
}
