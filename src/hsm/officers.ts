import { ConfigError } from "../base/errors.ts";
import type { HsmAdmin, TransportKey } from "./admin.ts";
import type { ConfiguredHsm } from "./config.ts";
import { trustHsm } from "./index.ts";

/** References to the PINs of security officers, by the names of their HSMs; under "", that of the one HSM which is meant. */
export type OfficerPins = Readonly<Record<string, string>>;

/** `among`: the HSMs that are meant. ConfigError where it is not said whose the PIN is: a wrong one costs a try. */
export function officerPinOf(pins: OfficerPins, name: string, among: readonly string[] = [name]): string | undefined {
  if (pins[""] !== undefined && among.length > 1) {
    throw new ConfigError(`--so-pin must say whose it is: one of ${among.map((name) => `${name}=…`).join(", ")}`);
  }
  return pins[name] ?? pins[""];
}

/** An HSM that keys may leave, opened. */
export interface Exporting {
  readonly configured: Pick<ConfiguredHsm, "name" | "hsm">;
  readonly admin: HsmAdmin;
}

/** Those whose domain key is trusted, by their names. */
const trustedOf = (sources: readonly Exporting[]): readonly string[] =>
  sources.flatMap(({ admin, configured }) => (admin.info.domainKeyMode === "trusted" ? [configured.name] : []));

/** ConfigError unless the PIN of each officer is given, for a target that is made once: another time there is another. */
export function requireOfficers(sources: readonly Exporting[], pins: OfficerPins): void {
  const names = trustedOf(sources);
  const absent = names.filter((name) => officerPinOf(pins, name, names) === undefined);
  if (absent.length === 0) return;
  throw new ConfigError(`the first backup is made in the presence of the security officer of ${absent}: --so-pin`);
}

/**
 * Lets keys leave each of `sources` for `target`, whose fingerprint has been compared: pinned, and where the domain key
 * is trusted, trusted.
 */
export async function admit(sources: readonly Exporting[], target: TransportKey, pins: OfficerPins): Promise<void> {
  const names = trustedOf(sources);
  for (const source of sources) {
    const { name, hsm } = source.configured;
    if (!names.includes(name)) await source.admin.pinTransportKey(target);
    else {
      const soPin = officerPinOf(pins, name, names);
      await trustHsm(hsm, { transportKey: target, ...(soPin !== undefined && { soPin }) });
    }
  }
}
