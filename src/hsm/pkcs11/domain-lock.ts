import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HsmError } from "../../base/errors.ts";
import { type Lock, takeLock } from "../../base/lock.ts";

/** Milliseconds. */
const longestWait = 120_000;
const pause = 20;

/**
 * Runs `use` while no other process of this machine that was given the same folder does, because PKCS#11 has no
 * compare-and-set: domain.ts.
 */
export async function alone<Answer>(directory: string | undefined, use: () => Promise<Answer>): Promise<Answer> {
  if (directory === undefined) return use();
  const lock = await locked(directory);
  try {
    return await use();
  } finally {
    lock.release();
  }
}

async function locked(directory: string): Promise<Lock> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const end = performance.now() + longestWait; performance.now() < end; await sleep(pause)) {
    const lock = takeLock(join(directory, "domain-lock.db"));
    if (lock) return lock;
  }
  throw new HsmError("unavailable", "another process administers this HSM");
}
