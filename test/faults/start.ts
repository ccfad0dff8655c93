import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkout, type Service } from "../contract/service.ts";

export interface Refusal {
  readonly status: number | null;
  /** Standard error. */
  readonly log: string;
}

/** A start that ends by itself: a service that serves, or hangs, is killed after a while, and its status is null. */
export function refusedStart(home: string, hsm: "soft" | "softhsm2" = "soft"): Refusal {
  const addresses = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const command = ["dev", "--home", home, "--hsm", hsm, ...addresses];
  const { status, stderr } = spawnSync(join(checkout, "scripts/strongroom"), command, {
    encoding: "utf8",
    timeout: 100_000,
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

/** The processes of the PKCS#11 driver. */
export function workersOf({ process: { pid } }: Service): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
  const workers = children.filter((child) => readFileSync(`/proc/${child}/cmdline`, "utf8").includes("worker.ts"));
  if (workers.length === 0) throw new Error("there is no worker");
  return workers;
}
