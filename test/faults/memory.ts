import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** One line of /proc/<pid>/maps (proc_pid_maps(5)). */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly permissions: string;
  readonly name: string;
}

export interface Hit {
  readonly needle: string;
  readonly address: number;
  readonly mapping: Mapping;
}

export function mappings(pid: number): Mapping[] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const found = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line);
      if (!found) return [];
      const [, start = "", end = "", permissions = "", name = ""] = found;
      return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), permissions, name }];
    });
}

/** Of the module, whose memory has a fixed size of 5 pages: assembly/memory.ts. */
export const isLinearMemory = ({ start, end }: Mapping): boolean => end - start === 5 << 16;

const chunkLength = 16 << 20;

/** Where `needles` are in the memory of a process, which stands still meanwhile. What was read of it is wiped. */
export function search(pid: number, needles: Readonly<Record<string, Uint8Array>>): Hit[] {
  const all = Object.entries(needles).map(([needle, bytes]) => ({ needle, bytes }));
  const longest = Math.max(...all.map(({ bytes }) => bytes.length));
  const chunk = Buffer.from(new ArrayBuffer(chunkLength + longest));
  process.kill(pid, "SIGSTOP");
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    return mappings(pid)
      .filter(({ permissions, name }) => permissions.startsWith("rw") && !name.startsWith("[v"))
      .flatMap((mapping) => {
        const hits: Hit[] = [];
        for (let at = mapping.start; at < mapping.end; at += chunkLength) {
          const wanted = Math.min(chunk.length, mapping.end - at);
          const part = chunk.subarray(0, readSync(memory, chunk, 0, wanted, at));
          for (const { needle, bytes } of all) {
            for (let i = part.indexOf(bytes); i >= 0 && i < chunkLength; i = part.indexOf(bytes, i + 1)) {
              hits.push({ needle, address: at + i, mapping });
            }
          }
        }
        return hits;
      });
  } finally {
    chunk.fill(0);
    closeSync(memory);
    process.kill(pid, "SIGCONT");
  }
}

/** The files below `folder` that contain `bytes`, by path. */
export const filesWith = (folder: string, bytes: Uint8Array): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile() && readFileSync(join(folder, name)).includes(bytes))
    .sort();
