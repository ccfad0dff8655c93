import type { Bytes } from "../../../base/bytes.ts";
import { secret, wipe } from "../../../base/secret.ts";
import type { Engine } from "../../../engine/engine.ts";
import type { Cryptoki, Handle } from "../cryptoki/cryptoki.ts";
import { bringIn } from "./in-the-clear.ts";
import { moving } from "./wrapping.ts";

/** Of SHA-256. HMAC hashes a longer key, and pads a shorter one with zeros (FIPS 198-1 §4). */
export const hmacBlock = 64;
/** SoftHSM makes no HMAC with a shorter key. */
export const leastMacKey = 32;

/**
 * A session object over a SigV4 secret that may be moved, as HMAC itself would take it: 64 bytes whatever its length, so
 * that no token finds it too short, and none that leaves KWP's padding at its end changes it.
 */
export function createMacKey(token: Cryptoki, engine: Engine, material: Bytes): Handle {
  const value = secret(hmacBlock);
  const hashed = material.length > hmacBlock ? engine.sha256(material) : undefined;
  value.set(hashed ?? material);
  try {
    return bringIn(token, { ...moving, value });
  } finally {
    wipe(value, hashed);
  }
}
