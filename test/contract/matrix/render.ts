import { documentedOperations } from "./documented.ts";
import { nameOf, type Subject, states } from "./subject.ts";

/** Of each operation and state, what the kinds of keys saw: those that saw the same stand together. */
export function render(seen: ReadonlyMap<string, string>, subjects: readonly Subject[]): string {
  const columns = states;
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const short = (outcome: string) => outcome.replace(/Exception$/, "");
  const cell = (operation: string, state: string): string => {
    const outcomes = subjects
      .flatMap(({ name }) => seen.get(`${operation} ${state} ${name}`) ?? [])
      .filter((outcome) => state === "Enabled" || outcome !== "InvalidKeyUsageException");
    return [...new Set(outcomes)].map(short).sort().reverse().join(", ") || "–";
  };
  const kindCell = (operation: string, { name }: Subject): string => {
    const outcome = seen.get(`${operation} Enabled ${name}`);
    return outcome === undefined ? "–" : short(outcome);
  };
  const usages = new Map<string, Subject>();
  for (const subject of subjects) {
    const { spec } = subject.kind;
    const family = /^(ML_DSA|ML_KEM|SM2|[A-Z]+)/.exec(spec)?.[0];
    usages.set(nameOf(family as string, subject.kind), subject);
  }
  return `# What every operation answers

Seen on a running service by \`test/contract/matrix.test.ts\`, which holds each of ${seen.size} answers against what AWS documents. Every
state is tried with ${subjects.length} keys, one of each spec, usage and origin. A cell lists what they answered; InvalidKeyUsage comes before
what is said of a state, and stands in the first column alone. Creating and Updating, through which multi-Region keys go on AWS for
some seconds, are never seen: here the keys of all Regions change at once.

## By key state

${row(["Operation", ...columns])}
${row(["---", ...columns.map(() => "---")])}
${documentedOperations.map((operation) => row([operation, ...columns.map((state) => cell(operation, state))])).join("\n")}

## By kind of key, enabled

${row(["Operation", ...usages.keys()])}
${row(["---", ...[...usages.keys()].map(() => "---")])}
${documentedOperations.map((operation) => row([operation, ...[...usages.values()].map((subject) => kindCell(operation, subject))])).join("\n")}
`;
}
