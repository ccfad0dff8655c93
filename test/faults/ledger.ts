import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type KMS, paginateListAliases, paginateListKeys } from "@aws-sdk/client-kms";

/** What a client knows of a key. */
export interface KeyFacts {
  readonly description: string;
  readonly state: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Sorted. */
  readonly aliases: readonly string[];
}

export interface Sealed {
  readonly keyId: string;
  readonly plaintext: Uint8Array;
  readonly blob: Uint8Array;
  readonly context: Record<string, string>;
}

/** What a service has acknowledged: none of it may ever be lost. */
export class Ledger {
  readonly keys = new Map<string, KeyFacts>();
  /** What a key is if the one request that was not answered was carried out all the same. */
  readonly inDoubt = new Map<string, KeyFacts>();
  readonly ciphertexts: Sealed[] = [];
  /** Request id and operation. */
  readonly requests = new Map<string, string>();
}

export interface AuditLine {
  readonly requestID: string;
  readonly eventID: string;
  readonly eventName: string;
  readonly eventSource: string;
  readonly eventType: string;
  readonly errorCode?: string;
  readonly requestParameters: Readonly<Record<string, unknown>> | null;
  readonly resources?: readonly { readonly ARN: string }[];
  readonly additionalEventData?: Readonly<Record<string, unknown>>;
  readonly serviceEventDetails?: Readonly<Record<string, unknown>>;
}

export const auditLines = (home: string, chain = "service"): readonly AuditLine[] =>
  readFileSync(join(home, `audit/${chain}.jsonl`), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AuditLine);

/** What is wrong with the audit log, given what was acknowledged. */
export function auditFaults(home: string, { requests }: Ledger): string[] {
  const lines = auditLines(home);
  const told = Map.groupBy(lines, ({ requestID }) => requestID);
  const faults = [...requests].flatMap(([id, operation]) => {
    const events = told.get(id) ?? [];
    return events.length === 1 && events[0]?.eventName === operation
      ? []
      : [`${operation} ${id} has ${events.length} events`];
  });
  if (new Set(lines.map(({ eventID }) => eventID)).size < lines.length) faults.push("an event is there twice");
  return faults;
}

/** What the audit log alone says of every key: each change that was made has its event, whether acknowledged or not. */
export function factsTold(home: string): Map<string, KeyFacts> {
  const told = new Map<string, KeyFacts>();
  for (const event of auditLines(home).filter(({ errorCode }) => errorCode === undefined)) {
    const parameters = event.requestParameters ?? {};
    const id = event.resources?.[0]?.ARN.split("/")[1] ?? "";
    const before = told.get(id) ?? { description: "", state: "Enabled", tags: {}, aliases: [] };
    const after = afterEvent[event.eventName]?.(before, parameters);
    if (after) told.set(id, after);
  }
  return told;
}

type Parameters = Readonly<Record<string, unknown>>;

const tagsOf = ({ tags = [] }: Parameters): Record<string, string> =>
  Object.fromEntries(
    (tags as { tagKey: string; tagValue: string }[]).map(({ tagKey, tagValue }) => [tagKey, tagValue]),
  );

const afterEvent: Readonly<Record<string, (key: KeyFacts, parameters: Parameters) => KeyFacts>> = {
  CreateKey: (key, told) => ({ ...key, description: (told["description"] as string) ?? "", tags: tagsOf(told) }),
  UpdateKeyDescription: (key, { description }) => ({ ...key, description: description as string }),
  DisableKey: (key) => ({ ...key, state: "Disabled" }),
  EnableKey: (key) => ({ ...key, state: "Enabled" }),
  ScheduleKeyDeletion: (key) => ({ ...key, state: "PendingDeletion" }),
  CancelKeyDeletion: (key) => ({ ...key, state: "Disabled" }),
  TagResource: (key, told) => ({ ...key, tags: { ...key.tags, ...tagsOf(told) } }),
  UntagResource: ({ tags, ...key }, { tagKeys }) => ({
    ...key,
    tags: Object.fromEntries(Object.entries(tags).filter(([name]) => !(tagKeys as string[]).includes(name))),
  }),
  CreateAlias: (key, { aliasName }) => ({ ...key, aliases: [...key.aliases, aliasName as string].sort() }),
  DeleteAlias: (key, { aliasName }) => ({ ...key, aliases: key.aliases.filter((name) => name !== aliasName) }),
};

/**
 * What is wrong with a service, given what was acknowledged; from then on the ledger knows how its doubts have ended.
 * Whether acknowledged or not, nothing may be half made. Of the `checked` keys it only looks whether they are there.
 */
export async function stateFaults(
  kms: KMS,
  ledger: Ledger,
  checked: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const listed: string[] = [];
  for await (const { Keys = [] } of paginateListKeys({ client: kms, pageSize: 1000 }, {})) {
    listed.push(...Keys.map(({ KeyId }) => KeyId as string));
  }
  const aliases = new Map<string, string>();
  for await (const { Aliases = [] } of paginateListAliases({ client: kms, pageSize: 100 }, {})) {
    for (const { AliasName, TargetKeyId } of Aliases) aliases.set(AliasName as string, TargetKeyId as string);
  }
  const lost = [...ledger.keys.keys()].filter((id) => !listed.includes(id)).map((id) => `key ${id} is lost`);
  const orphans = [...aliases].filter(([, target]) => !listed.includes(target)).map(([name]) => `${name} has no key`);
  const unchecked = listed.filter((id) => !checked.has(id));
  const wrong = await inParallel(unchecked, (id) => keyFaults(kms, ledger, id, aliases));
  ledger.inDoubt.clear();
  return [...lost, ...orphans, ...wrong.flat()];
}

async function keyFaults(
  kms: KMS,
  ledger: Ledger,
  id: string,
  aliases: ReadonlyMap<string, string>,
): Promise<string[]> {
  const facts = await readFacts(kms, id, aliases);
  const expected = [ledger.keys.get(id), ledger.inDoubt.get(id)].filter((known) => known !== undefined);
  ledger.keys.set(id, facts);
  const faults = (await use(kms, id)) === useIn[facts.state] ? [] : [`key ${id} is not usable as ${facts.state}`];
  if (expected.length > 0 && !expected.some((known) => JSON.stringify(known) === JSON.stringify(facts))) {
    faults.push(`key ${id} is ${JSON.stringify(facts)}, not ${JSON.stringify(expected)}`);
  }
  const named = facts.aliases.map(async (name) => {
    const { KeyMetadata } = await kms.describeKey({ KeyId: name });
    return KeyMetadata?.KeyId === id ? [] : [`${name} does not lead to ${id}`];
  });
  return [...faults, ...(await Promise.all(named)).flat()];
}

async function readFacts(kms: KMS, id: string, aliases: ReadonlyMap<string, string>): Promise<KeyFacts> {
  const { KeyMetadata } = await kms.describeKey({ KeyId: id });
  const { Tags = [] } = await kms.listResourceTags({ KeyId: id });
  return {
    description: KeyMetadata?.Description as string,
    state: KeyMetadata?.KeyState as string,
    tags: Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey, TagValue as string])),
    aliases: [...aliases]
      .filter(([, target]) => target === id)
      .map(([name]) => name)
      .sort(),
  };
}

/** What an attempt to use a key comes to, by its state. */
const useIn: Readonly<Record<string, string>> = {
  Enabled: "used",
  Disabled: "DisabledException",
  PendingDeletion: "KMSInvalidStateException",
};

async function use(kms: KMS, KeyId: string): Promise<string> {
  try {
    const { CiphertextBlob } = await kms.encrypt({ KeyId, Plaintext: Uint8Array.of(1) });
    const { Plaintext } = await kms.decrypt({ CiphertextBlob });
    return Plaintext?.[0] === 1 ? "used" : "another plaintext";
  } catch (error) {
    return (error as Error).name;
  }
}

/** Of the given ciphertexts, those of enabled keys that do not open. */
export async function ciphertextFaults(kms: KMS, ledger: Ledger, from = 0): Promise<string[]> {
  const open = ledger.ciphertexts.slice(from).filter(({ keyId }) => ledger.keys.get(keyId)?.state === "Enabled");
  const faults = await inParallel(open, async ({ keyId, plaintext, blob, context }) => {
    const request = { CiphertextBlob: blob, EncryptionContext: context };
    const opened = await kms.decrypt(request).catch((error: Error) => error.name);
    const same = typeof opened === "object" && Buffer.from(opened.Plaintext ?? []).equals(plaintext);
    return same
      ? []
      : [`a ciphertext of ${keyId} does not open: ${typeof opened === "string" ? opened : "other text"}`];
  });
  return faults.flat();
}

/** At most 16 at a time. */
export async function inParallel<T, A>(items: readonly T[], task: (item: T) => Promise<A>): Promise<A[]> {
  const answers: A[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) answers[i] = await task(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return answers;
}
