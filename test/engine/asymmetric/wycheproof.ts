import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Group<Test> {
  readonly tests: readonly (Test & Verdict)[];
}

interface Verdict {
  readonly tcId: number;
  readonly result: "valid" | "invalid" | "acceptable";
  readonly flags: readonly string[];
}

/** The test groups of a file of C2SP/wycheproof. */
export function wycheproof<G extends Group<unknown>>(name: string): readonly G[] {
  const path = join(import.meta.dirname, "../../vectors/wycheproof", `${name}.json`);
  return (JSON.parse(readFileSync(path, "utf8")) as { testGroups: readonly G[] }).testGroups;
}
