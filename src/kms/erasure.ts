import type { AuditEvent } from "../audit/audit.ts";
import type { Outbox } from "../audit/outbox.ts";
import { ConfigError } from "../base/errors.ts";
import type { ConfiguredHsm, HsmConfig } from "../hsm/config.ts";
import type { DomainKeyId } from "../hsm/domain-key.ts";
import { openHsmAdmin } from "../hsm/index.ts";
import { awaitedDomainKeys } from "./deletion.ts";
import { declareErased } from "./erased.ts";
import { eachToken, type KeyTokensParts } from "./key-tokens.ts";
import { domainKeyOf } from "./records.ts";

export interface ErasureParts extends KeyTokensParts {
  readonly outbox: Outbox;
}

/** A domain key that no HSM of the configuration has, and how much deleted material waits for it. */
export interface Waiting {
  readonly domainKey: DomainKeyId;
  readonly deletedMaterial: number;
}

/** Every HSM of the configuration must answer: what is not known may be there. */
export async function waiting({ store }: ErasureParts, hsms: readonly ConfiguredHsm[]): Promise<Waiting[]> {
  const held = new Set((await Promise.all(hsms.map(({ hsm }) => domainKeysOf(hsm)))).flat());
  const elsewhere = [...(await awaitedDomainKeys(store))].filter(([id]) => !held.has(id));
  return elsewhere.map(([domainKey, deletedMaterial]) => ({ domainKey, deletedMaterial }));
}

/** The operator's statement that the HSM of `domainKeys` is erased. ConfigError where it cannot be, or nothing waits. */
export async function erase(
  parts: ErasureParts,
  hsms: readonly ConfiguredHsm[],
  domainKeys: readonly DomainKeyId[],
  told: AuditEvent,
): Promise<void> {
  const known = (await waiting(parts, hsms)).map(({ domainKey }) => domainKey);
  const inUse = new Set<DomainKeyId>();
  await eachToken(parts, (tokens) => {
    for (const ekt of tokens) inUse.add(domainKeyOf(ekt));
  });
  for (const id of domainKeys) {
    if (inUse.has(id)) throw new ConfigError(`keys are wrapped by the domain key ${id}`);
    if (!known.includes(id))
      throw new ConfigError(`nothing waits for a domain key ${id} that no HSM of the configuration has`);
  }
  await declareErased(parts, domainKeys, told);
}

async function domainKeysOf(hsm: HsmConfig): Promise<readonly DomainKeyId[]> {
  const admin = await openHsmAdmin(hsm);
  try {
    return (await admin.domainKeys()).map(({ id }) => id);
  } finally {
    await admin.close();
  }
}
