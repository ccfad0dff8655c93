import type { DomainKey } from "./admin.ts";
import type { ConfiguredHsm } from "./config.ts";
import type { Health, HsmInfo } from "./hsm.ts";
import { openHsm, openHsmAdmin } from "./index.ts";

/** One HSM of a deployment as it is now: what was found out of it before it failed, if it did. */
export interface Standing {
  readonly name: string;
  readonly specs?: ConfiguredHsm["specs"];
  readonly replicaOf?: string;
  readonly info?: HsmInfo;
  readonly health: Health;
  readonly domainKeys?: readonly DomainKey[];
  /** ARNs of keys that are in it alone, where it is not configured. */
  readonly keys?: readonly string[];
}

/** Opens it, twice at most: an HSM that refuses a PIN is not asked again. */
export async function standingOf({ hsm, ...configured }: ConfiguredHsm): Promise<Standing> {
  try {
    const opened = await openHsm(hsm);
    const { info } = opened;
    const health = await opened.health().finally(() => opened.close());
    if (!health.ok) return { ...configured, info, health };
    const admin = await openHsmAdmin(hsm);
    const domainKeys = await admin.domainKeys().finally(() => admin.close());
    return { ...configured, info, health, domainKeys };
  } catch (error) {
    return { ...configured, health: { ok: false, detail: (error as Error).message } };
  }
}

const heading = ["name", "driver", "model", "token", "domain key", "boundary", "new keys", "health", "domain keys"];

/** For people: a line each. */
export function rosterTable(standings: readonly Standing[]): string {
  const isDefaulted = standings.some(({ specs }) => specs === "default");
  const rows = [heading, ...standings.map((one, i) => rowOf(one, i === 0 && !isDefaulted))];
  const widths = heading.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function rowOf(standing: Standing, isDefault: boolean): readonly string[] {
  const { name, specs, replicaOf, info, health, domainKeys = [] } = standing;
  const made = typeof specs === "object" ? specs.join(",") : (specs ?? (isDefault ? "default" : "none"));
  return [
    name,
    info?.driver ?? "",
    info?.model ?? "",
    info?.serial ?? "",
    info?.domainKeyMode ?? "",
    info?.boundary ?? "",
    replicaOf === undefined ? made : `replica of ${replicaOf}`,
    health.ok ? "ok" : health.detail,
    domainKeys.map(({ id, state }) => `${id.slice(0, 8)} ${state}`).join(", "),
  ];
}
