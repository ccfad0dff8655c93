/** A module in the flat text that asc writes: one instruction a line, as the binary holds them. */
export interface Wat {
  readonly functions: ReadonlyMap<string, Func>;
}

export interface Func {
  readonly name: string;
  /** Names of parameters, in order. */
  readonly params: readonly string[];
  readonly results: number;
  readonly body: readonly Instruction[];
}

export interface Instruction {
  readonly op: string;
  readonly args: readonly string[];
  /** Of a block that leaves a value. */
  readonly results: number;
}

export function parseWat(text: string): Wat {
  const functions = new Map<string, Func>();
  let current: { func: Omit<Func, "body">; body: Instruction[] } | undefined;
  for (const line of text.split("\n").map((line) => line.trim())) {
    if (line.startsWith("(func ")) {
      const name = line.match(/^\(func (\S+)/)?.[1] as string;
      const params = [...line.matchAll(/\(param (\S+) \w+\)/g)].map((match) => match[1] as string);
      const results = line.match(/\(result ([^)]*)\)/)?.[1]?.split(" ").length ?? 0;
      current = { func: { name, params, results }, body: [] };
    } else if (current && line === ")") {
      functions.set(current.func.name, { ...current.func, body: current.body });
      current = undefined;
    } else if (current && !line.startsWith("(local ") && line !== "") {
      const [op, ...args] = line
        .replace(/\(result [^)]*\)/, "")
        .trim()
        .split(/\s+/);
      current.body.push({ op: op as string, args, results: line.includes("(result ") ? 1 : 0 });
    }
  }
  return { functions };
}
