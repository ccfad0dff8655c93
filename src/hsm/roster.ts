import type { ConfiguredHsm } from "./config.ts";
import type { DomainKey, DomainKeyId } from "./domain-key.ts";
import type { Health, HsmInfo } from "./hsm.ts";
import { openHsm, openHsmAdmin } from "./index.ts";
import { sharedDomainKeys } from "./shared-domain.ts";

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
  /** Other HSMs that have a domain key of this one, and of those that this one unwraps by what each lacks. */
  readonly sharedWith?: readonly { readonly name: string; readonly lacks: readonly DomainKeyId[] }[];
}

/** Opens it, twice at most: an HSM that refuses a PIN is not asked again. */
async function standingOf({ hsm, ...configured }: ConfiguredHsm): Promise<Standing> {
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

/** Every HSM of a deployment, and which of them share their domain keys. */
export async function standingsOf(hsms: readonly ConfiguredHsm[]): Promise<readonly Standing[]> {
  const standings = await Promise.all(hsms.map(standingOf));
  return standings.map((one) => {
    const sharedWith = standings.flatMap((other) => (other === one ? [] : sharing(one, other)));
    return sharedWith.length > 0 ? { ...one, sharedWith } : one;
  });
}

function sharing({ domainKeys: ours = [] }: Standing, { name, domainKeys: theirs = [] }: Standing) {
  const shared = sharedDomainKeys(ours, theirs);
  const lacks = sharedDomainKeys(ours, ours).filter((id) => !shared.includes(id));
  return shared.length > 0 ? [{ name, lacks }] : [];
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
  const { name, specs, replicaOf, info, health, domainKeys = [], sharedWith = [] } = standing;
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
    [
      ...domainKeys.map(({ id, state }) => `${short(id)} ${state}`),
      ...sharedWith.map(
        ({ name, lacks }) => `shared with ${name}${lacks.length > 0 ? `, which lacks ${lacks.map(short)}` : ""}`,
      ),
    ].join(", "),
  ];
}

const short = (id: DomainKeyId): string => id.slice(0, 8);
