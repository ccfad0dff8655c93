import { ConfigError } from "../base/errors.ts";
import type { HsmAdmin } from "./admin.ts";
import type { ConfiguredHsm } from "./config.ts";
import { openHsmAdmin } from "./index.ts";
import { admit, type OfficerPins } from "./officers.ts";
import { sharedDomainKeys } from "./shared-domain.ts";

/**
 * Lets keys go from each of two HSMs to the other, under transport keys whose fingerprints have been `compared` on both
 * consoles; none is pinned otherwise. Answers the fingerprints by the HSMs' names. ConfigError where they share a
 * domain key.
 */
export async function pairHsms(
  pair: readonly [ConfiguredHsm, ConfiguredHsm],
  compared: readonly string[],
  officers: OfficerPins = {},
): Promise<Readonly<Record<string, string>>> {
  const admins = await Promise.all(pair.map(({ hsm }) => openHsmAdmin(hsm)));
  try {
    const [ours, theirs] = await Promise.all(admins.map((admin) => admin.domainKeys()));
    if (sharedDomainKeys(ours ?? [], theirs ?? []).length > 0) {
      throw new ConfigError(
        `the HSMs ${pair.map(({ name }) => name).join(" and ")} share a domain key: no key has to go from one to the other`,
      );
    }
    const keys = await Promise.all(admins.map((admin) => admin.transportKey()));
    const unknown = keys.find(({ fingerprint }) => !compared.includes(fingerprint));
    if (compared.length > 0 && unknown) {
      throw new ConfigError(`${unknown.fingerprint} is not among the fingerprints that were given: nothing is pinned`);
    }
    const opened = pair.map((configured, i) => ({ configured, admin: admins[i] as HsmAdmin }));
    for (const [i, other] of keys.toReversed().entries()) {
      if (compared.length > 0) await admit(opened.slice(i, i + 1), other, officers);
    }
    return Object.fromEntries(pair.map(({ name }, i) => [name, keys[i]?.fingerprint ?? ""]));
  } finally {
    await Promise.all(admins.map((admin) => admin.close()));
  }
}
