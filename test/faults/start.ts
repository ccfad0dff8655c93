import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkout, type HsmChoice } from "../contract/service.ts";

export interface Refusal {
  readonly status: number | null;
  /** Standard error. */
  readonly log: string;
}

/** A start that ends by itself: a service that serves, or hangs, is killed after a while, and its status is null. */
export function refusedStart(home: string, hsm: HsmChoice = "soft"): Refusal {
  const addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const command = ["dev", "--home", home, "--hsm", hsm, ...addresses];
  const { status, stderr } = spawnSync(join(checkout, "scripts/strongroom"), command, {
    encoding: "utf8",
    timeout: 40_000,
    killSignal: "SIGKILL",
  });
  return { status, log: stderr };
}

/** The contents of every file below `folder`, as digests by path. */
export function digests(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}
