import { randomFillSync } from "node:crypto";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bytes, base64, fromBase64 } from "../base/bytes.ts";
import { ConfigError, HsmError } from "../base/errors.ts";
import { holdLock, type Lock } from "../base/lock.ts";
import { secret, wipe } from "../base/secret.ts";
import type { HsmAdmin, TransportKey } from "../hsm/admin.ts";
import type { SoftConfig } from "../hsm/config.ts";
import type { Ekt, Hsm } from "../hsm/hsm.ts";
import { initHsm, openHsm, openHsmAdmin } from "../hsm/index.ts";
import type { Officer } from "./officers.ts";
import { combineShares, type OpenedShare, type SealedShare, shareAmong } from "./shares.ts";

/**
 * What every backup of one ceremony carries: a soft HSM whose key file exists only as shares, M of which give it back.
 * Keys are exported to its transport key, whose private half is in its sealed state.
 */
export interface Recovery {
  readonly threshold: number;
  readonly shares: readonly SealedShare[];
  readonly transport: {
    readonly spki: string;
    readonly oaepHash: TransportKey["oaepHash"];
    readonly fingerprint: string;
  };
  /** The soft HSM's state file, base64. */
  readonly state: string;
  /**
   * The token of the store's index key under the soft HSM's domain key, base64. Nobody can make one without the shares, and
   * everything in the store is authenticated by that key: so a recovery belongs to one store.
   */
  readonly index: string;
}

/** A soft HSM that lives for one ceremony or one restoration, in memory. */
export interface Vault {
  readonly hsm: Hsm;
  readonly admin: HsmAdmin;
  close(): Promise<void>;
}

export const transportOf = ({ transport }: Recovery): TransportKey => ({
  spki: fromBase64(transport.spki) as Bytes,
  oaepHash: transport.oaepHash,
  fingerprint: transport.fingerprint,
});

/** The ceremony. `admit` brings the store's index key into the new soft HSM, and answers its token there. */
export async function newRecovery(
  officers: readonly Officer[],
  threshold: number,
  admit: (admin: HsmAdmin, transport: TransportKey) => Promise<Ekt>,
): Promise<Recovery> {
  const key = randomFillSync(secret(keyLength));
  const place = new Place(key);
  try {
    await initHsm(place.config);
    const admin = await openHsmAdmin(place.config);
    try {
      const { spki, oaepHash, fingerprint } = await admin.transportKey();
      const index = base64(await admit(admin, { spki, oaepHash, fingerprint }));
      const transport = { spki: base64(spki), oaepHash, fingerprint };
      const shares = await shareAmong(officers, threshold, fingerprint, key);
      return { threshold, shares, transport, state: base64(readFileSync(place.state)), index };
    } finally {
      await admin.close();
    }
  } finally {
    wipe(key);
    place.remove();
  }
}

/** ConfigError when the shares are too few, wrong, or of another backup. */
export async function openVault(recovery: Recovery, shares: readonly OpenedShare[]): Promise<Vault> {
  const { threshold, transport, state } = recovery;
  const officers = recovery.shares.map(({ officer }) => officer);
  const key = await combineShares(shares, { fingerprint: transport.fingerprint, threshold, officers });
  const place = new Place(key);
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const part of opened) await part.close();
    place.remove();
  };
  try {
    mkdirSync(place.directory, { mode: 0o700 });
    writeFileSync(place.state, fromBase64(state) as Bytes, { mode: 0o600 });
    const hsm = await openHsm(place.config);
    opened.push(hsm);
    const admin = await openHsmAdmin(place.config);
    opened.push(admin);
    place.forgetKey();
    if ((await admin.transportKey()).fingerprint !== transport.fingerprint)
      throw new HsmError("refused", "another key");
    return { hsm, admin, close };
  } catch (cause) {
    await close();
    throw new ConfigError("the shares do not open this backup: one of them is wrong, or its recovery part is damaged", {
      cause,
    });
  } finally {
    wipe(key);
  }
}

const keyLength = 32;
/** TMPFS_MAGIC of statfs(2). */
const tmpfs = 0x01021994;

const prefix = "strongroom-vault-";

/**
 * A private folder, in memory where the machine has such a one. The key file has no name, so that a process which is killed
 * leaves none; the folder that it leaves holds nothing without the key, and goes with the next one.
 */
class Place {
  readonly directory: string;
  readonly state: string;
  readonly #folder: string;
  readonly #lock: Lock;
  #key: number | undefined;

  constructor(key: Bytes) {
    const home = inMemory("/dev/shm") ? "/dev/shm" : tmpdir();
    removeDead(home);
    this.#folder = mkdtempSync(join(home, prefix));
    this.#lock = holdLock(join(this.#folder, "lock"));
    this.directory = join(this.#folder, "hsm");
    this.state = join(this.directory, "state");
    const named = join(this.#folder, "key");
    this.#key = openSync(named, "wx+", 0o600);
    rmSync(named);
    writeSync(this.#key, key);
  }

  get config(): SoftConfig {
    return { driver: "soft", directory: this.directory, keyFile: `/proc/self/fd/${this.#key}` };
  }

  forgetKey(): void {
    if (this.#key === undefined) return;
    writeSync(this.#key, new Uint8Array(keyLength), 0, keyLength, 0);
    closeSync(this.#key);
    this.#key = undefined;
  }

  remove(): void {
    this.forgetKey();
    this.#lock.release();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Milliseconds: one that is younger may be about to take its lock. */
const youngest = 60_000;

/** What processes have left that were killed: nobody holds their locks. */
function removeDead(home: string): void {
  for (const name of readdirSync(home)) {
    const folder = join(home, name);
    const found = name.startsWith(prefix) ? lstatSync(folder, { throwIfNoEntry: false }) : undefined;
    if (!found?.isDirectory() || found.uid !== process.geteuid?.() || Date.now() - found.mtimeMs < youngest) continue;
    try {
      holdLock(join(folder, "lock")).release();
    } catch (error) {
      if (error instanceof ConfigError) continue;
      throw error;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

function inMemory(path: string): boolean {
  try {
    return statfsSync(path).type === tmpfs;
  } catch {
    return false;
  }
}
