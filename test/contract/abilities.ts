import { strongroom } from "./command.ts";

/** What an HSM can do, as `strongroom hsm probe` says it: no test goes by the name of a module. */
export interface Abilities {
  /** Why there are no such keys; undefined where there are. */
  refusal(spec: string, usage: string): string | undefined;
  /** Why no material of such keys is unwrapped so; undefined where it is. */
  importRefusal(spec: string, algorithm: string): string | undefined;
}

interface Report {
  readonly refuses: readonly { readonly spec: string; readonly usage: string; readonly reason: string }[];
  readonly imports: {
    readonly takes: Readonly<Record<string, readonly string[]>>;
    readonly lacks: Readonly<Record<string, string>>;
  };
}

/** Of the HSM of a dev home. The software HSM has everything. */
export async function abilitiesOf(home: string): Promise<Abilities> {
  const report: Report | { readonly driver: "soft" } = await strongroom("hsm", "probe", "--json", "--home", home);
  if ("driver" in report) return { refusal: () => undefined, importRefusal: () => undefined };
  const { refuses, imports } = report;
  return {
    refusal: (spec, usage) => refuses.find((one) => one.spec === spec && one.usage === usage)?.reason,
    importRefusal(spec, algorithm) {
      if (imports.takes[algorithm]?.includes(spec)) return undefined;
      const lack = imports.lacks[algorithm];
      return `The token does not unwrap ${spec} key material by ${algorithm}${lack === undefined ? "" : `: ${lack}`}.`;
    },
  };
}
