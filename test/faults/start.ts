import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
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

/** The processes of its PKCS#11 driver: there may be none for a moment, while one takes the place of another. */
export function workersOf({
  process: { pid },
}: {
  readonly process: Pick<Service["process"], "pid">;
}): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    unlessGone(`/proc/${pid}/task/${task}/children`).trim().split(" ").filter(Boolean).map(Number),
  );
  return children.filter((child) => unlessGone(`/proc/${child}/cmdline`).includes("worker.ts"));
}

/** A file of a process or thread; nothing where that has ended. */
export function unlessGone(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Of the store's records of key material, which are not sealed: how often each was written. */
export function materialRevisions(storeFile: string): readonly number[] {
  const database = new DatabaseSync(storeFile, { readOnly: true, timeout: 20_000 });
  try {
    const rows = database.prepare("SELECT revision FROM record WHERE path LIKE 'hbk/%'").all();
    return rows.map(({ revision }) => revision as number);
  } finally {
    database.close();
  }
}
