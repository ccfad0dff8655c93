import { combine, split } from "shamir-secret-sharing";
import { type Bytes, base64, fromBase64, fromUtf8 } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { secretFrom, wipe } from "../base/secret.ts";
import { type Officer, sealToOfficer } from "./officers.ts";

/** One officer's share of a secret, sealed to their key. */
export interface SealedShare {
  /** The officer's fingerprint. */
  readonly officer: string;
  /** Base64: officers.ts. */
  readonly sealed: string;
}

/** A share as its officer has opened it, for one restoration. */
export interface OpenedShare {
  /** The backup key's fingerprint. */
  readonly backup: string;
  readonly officer: string;
  readonly share: Bytes;
}

/** ConfigError unless there are at least two officers, all different, and `threshold` is 2 to their number. */
function checkOfficers(officers: readonly Officer[], threshold: number): void {
  if (officers.length < 2 || officers.length > 255) throw new ConfigError("a backup needs 2 to 255 officers");
  if (new Set(officers.map(({ fingerprint }) => fingerprint)).size < officers.length) {
    throw new ConfigError("two of the officers have the same key");
  }
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > officers.length) {
    throw new ConfigError(`the threshold is not 2 to ${officers.length}, the number of officers`);
  }
}

/** Shamir's scheme: `threshold` shares give `secret` back, fewer say nothing about it. `context` names what it opens. */
export async function shareAmong(
  officers: readonly Officer[],
  threshold: number,
  context: string,
  secret: Bytes,
): Promise<SealedShare[]> {
  checkOfficers(officers, threshold);
  const shares = await split(secret, officers.length, threshold);
  try {
    return await Promise.all(
      officers.map(async (officer, i) => ({
        officer: officer.fingerprint,
        sealed: base64(await sealToOfficer(officer, context, shares[i] as Bytes)),
      })),
    );
  } finally {
    wipe(...shares);
  }
}

/**
 * What `shares` give: a wrong one among them gives a wrong secret, which is for the caller to find out. ConfigError when
 * they are too few, of another backup, or of an officer who has none.
 */
export async function combineShares(
  shares: readonly OpenedShare[],
  { fingerprint, threshold, officers }: { fingerprint: string; threshold: number; officers: readonly string[] },
): Promise<Bytes> {
  for (const { backup, officer } of shares) {
    if (backup !== fingerprint) throw new ConfigError("a share is that of another backup");
    if (!officers.includes(officer)) throw new ConfigError("a share is that of no officer of this backup");
  }
  const distinct = [...new Map(shares.map((share) => [share.officer, share.share])).values()];
  if (distinct.length < threshold) {
    throw new ConfigError(`${distinct.length} shares are given, and the backup needs those of ${threshold} officers`);
  }
  try {
    const combined = await combine(distinct);
    const secret = secretFrom(combined);
    wipe(combined);
    return secret;
  } catch (cause) {
    throw new ConfigError("the shares do not fit together", { cause });
  }
}

/** The file that an officer brings to a restoration. */
export const formatShare = ({ backup, officer, share }: OpenedShare): string =>
  `${JSON.stringify({ backup, officer, share: base64(share) })}\n`;

/** ConfigError: not a share's file. */
export function parseShare(bytes: Bytes): OpenedShare {
  try {
    const { backup, officer, share } = JSON.parse(fromUtf8(bytes));
    const raw = typeof share === "string" ? fromBase64(share) : undefined;
    if (!raw || typeof backup !== "string" || typeof officer !== "string") throw new RangeError("a member is missing");
    const kept = secretFrom(raw);
    wipe(raw);
    return { backup, officer, share: kept };
  } catch (cause) {
    throw new ConfigError("not an officer's share as `hsm open-share` writes it", { cause });
  }
}
