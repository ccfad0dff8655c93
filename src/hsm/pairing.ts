import { ConfigError } from "../base/errors.ts";
import type { ConfiguredHsm } from "./hsm.ts";
import { openHsmAdmin } from "./index.ts";

/**
 * Lets keys go from each of two HSMs to the other, under transport keys whose fingerprints have been `compared` on both
 * consoles; none is pinned otherwise. Answers the fingerprints by the HSMs' names.
 */
export async function pairHsms(
  pair: readonly [ConfiguredHsm, ConfiguredHsm],
  compared: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const admins = await Promise.all(pair.map(({ hsm }) => openHsmAdmin(hsm)));
  try {
    const keys = await Promise.all(admins.map((admin) => admin.transportKey()));
    const unknown = keys.find(({ fingerprint }) => !compared.includes(fingerprint));
    if (compared.length > 0 && unknown) {
      throw new ConfigError(`${unknown.fingerprint} is not among the fingerprints that were given: nothing is pinned`);
    }
    for (const [i, admin] of admins.entries()) {
      const other = keys[1 - i];
      if (compared.length > 0 && other) await admin.pinTransportKey(other);
    }
    return Object.fromEntries(pair.map(({ name }, i) => [name, keys[i]?.fingerprint ?? ""]));
  } finally {
    await Promise.all(admins.map((admin) => admin.close()));
  }
}
