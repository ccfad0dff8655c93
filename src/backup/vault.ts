import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bytes, base64, fromBase64 } from "../base/bytes.ts";
import { ConfigError, HsmError } from "../base/errors.ts";
import { secret, wipe } from "../base/secret.ts";
import type { Ekt, Hsm, HsmAdmin, SoftConfig, TransportKey } from "../hsm/hsm.ts";
import { initHsm, openHsm, openHsmAdmin } from "../hsm/index.ts";
import { readPrivateFile } from "../hsm/secret-reference.ts";
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
  const place = new Place();
  const key = secret(keyLength);
  try {
    await initHsm(place.config);
    readPrivateFile(place.keyFile, key);
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
  const place = new Place();
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    for (const part of opened) await part.close();
    place.remove();
  };
  try {
    mkdirSync(place.directory, { mode: 0o700 });
    writeFileSync(place.keyFile, key, { mode: 0o600 });
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

/** A private folder, in memory where the machine has such a one. */
class Place {
  readonly #folder = mkdtempSync(join(inMemory("/dev/shm") ? "/dev/shm" : tmpdir(), "strongroom-vault-"));
  readonly directory = join(this.#folder, "hsm");
  readonly state = join(this.directory, "state");
  readonly keyFile = join(this.#folder, "key");

  get config(): SoftConfig {
    return { driver: "soft", directory: this.directory, keyFile: this.keyFile };
  }

  forgetKey(): void {
    writeFileSync(this.keyFile, new Uint8Array(keyLength), { mode: 0o600 });
    rmSync(this.keyFile);
  }

  remove(): void {
    this.forgetKey();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function inMemory(path: string): boolean {
  try {
    return statfsSync(path).type === tmpfs;
  } catch {
    return false;
  }
}
