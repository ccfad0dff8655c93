import { randomUUID } from "node:crypto";
import { managedKeyPolicy } from "../access/managed-policy.ts";
import type { Outbox } from "../audit/outbox.ts";
import type { HsmSet } from "../hsm/hsm-set.ts";
import { type AliasRecord, cipherIn, type KeyRecord } from "../model/key.ts";
import { limits } from "../model/quotas.ts";
import { managedPrefix } from "../model/service.ts";
import type { Write } from "../store/store.ts";
import type { Call } from "./call.ts";
import type { DomainRecords } from "./domain-record.ts";
import { keyEvent } from "./events.ts";
import { newMaterial } from "./material.ts";
import { type LoadedKey, loadKey, type Records, writeAlias, writeKey } from "./records.ts";
import { enableRotation } from "./rotation.ts";

export interface ManagedKeyParts {
  /** Names as in `alias/aws/<name>`. */
  readonly services: readonly string[];
  readonly records: Records;
  readonly hsms: HsmSet;
  readonly domain: DomainRecords;
  readonly outbox: Outbox;
  readonly forget: (writes: readonly Write[]) => void;
}

/**
 * AWS managed keys: `alias/aws/<service>` is predefined in every account and region, and its key is made for the first
 * call that its policy allows. DescribeKey is one: any user who may describe the key makes it, as on AWS.
 */
export class ManagedKeys {
  /** Their aliases, in every account and region. */
  readonly aliases: readonly string[];
  readonly #parts: ManagedKeyParts;

  constructor(parts: ManagedKeyParts) {
    this.#parts = parts;
    this.aliases = parts.services.map((service) => managedPrefix + service);
  }

  /** The key that the alias is for, before it is made: for the decision whether it is. undefined: no such service. */
  proposal(call: Call, account: string, alias: string): LoadedKey | undefined {
    if (!this.aliases.includes(alias)) return undefined;
    const service = alias.slice(managedPrefix.length);
    const policy = managedKeyPolicy(service, account, call.region);
    const record: KeyRecord = {
      id: randomUUID(),
      account,
      region: call.region,
      spec: "SYMMETRIC_DEFAULT",
      ...cipherIn(call.region, "SYMMETRIC_DEFAULT"),
      usage: "ENCRYPT_DECRYPT",
      origin: "AWS_KMS",
      manager: "AWS",
      description: `Default key that protects my ${service} data when no other key is defined`,
      state: "Enabled",
      createdAt: call.now,
      policy,
      tags: {},
      aliases: [alias],
      hbkId: "",
      materials: [],
    };
    return loadKey(record);
  }

  /** How many there are; those of services that have left the configuration are not known for what they are. */
  async count(account: string, region: string): Promise<number> {
    const made = this.aliases.map((name) => this.#parts.records.alias(account, region, name));
    return (await Promise.all(made)).filter((alias) => alias !== undefined).length;
  }

  /** Makes the key that was proposed, and its alias. A conflict when somebody else has. */
  async make({ record }: LoadedKey): Promise<void> {
    const { hsms, domain, outbox, forget } = this.#parts;
    const { hbkId, write, expectation } = await newMaterial(hsms, domain, record);
    const key = { ...record, hbkId, materials: [{ hbkId }] };
    const { account, region, id, createdAt } = key;
    const [name] = key.aliases as [string];
    const alias: AliasRecord = { name, target: id, createdAt, updatedAt: createdAt };
    const rotating = enableRotation(key, limits.rotationPeriodDays, createdAt);
    const writes = [writeKey(rotating.key, 0), rotating.write, write, writeAlias(account, region, alias, 0)];
    try {
      await outbox.commit(writes, keyEvent("CreateKey", key, { keyManager: "AWS", aliasName: name }), [expectation]);
    } finally {
      forget(writes);
    }
  }
}
