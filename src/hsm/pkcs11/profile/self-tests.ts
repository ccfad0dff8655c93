import { createHmac } from "node:crypto";
import { concat, equalBytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { Engine } from "../../../engine/engine.ts";
import { type Cryptoki, CryptokiError } from "../cryptoki/cryptoki.ts";
import { type MacHash, macHashes } from "../cryptoki/mac-hash.ts";
import { bringInFirst, bringInKnown, lacking } from "../keys/in-the-clear.ts";
import { knownKey, knownMessage, moving } from "../keys/wrapping.ts";

/** Throws `HsmError("unsupported")` where there is no HMAC-SHA-256, and "internal" where it is wrong. */
export function testMac(token: Cryptoki, engine: Engine): void {
  const key = bringInFirst(token, { ...moving, value: knownKey });
  try {
    if (!equalBytes(token.hmac(key, knownMessage), engine.hmacSha256(knownKey, knownMessage))) {
      throw new HsmError("internal", "the token's HMAC-SHA-256 does not give the known answer");
    }
  } catch (error) {
    throw error instanceof CryptokiError ? lacking("HMAC-SHA-256 by a generic secret key", error) : error;
  } finally {
    token.destroy(key);
  }
}

/** The hashes by which the token's HMAC gives the known answer. */
export function findMacs(token: Cryptoki): MacHash[] {
  const value = concat(knownKey, knownKey);
  const key = bringInKnown(token, { ...moving, value });
  const works = (hash: MacHash): boolean => {
    try {
      const expected = createHmac(hash, value).update(knownMessage).digest();
      return equalBytes(token.hmac(key, knownMessage, hash), expected);
    } catch (error) {
      if (error instanceof CryptokiError) return false;
      throw error;
    }
  };
  try {
    return macHashes.filter(works);
  } finally {
    token.destroy(key);
  }
}

/** Throws `HsmError("internal")` where the generator repeats itself or gives nothing. */
export function testRandom(token: Cryptoki): void {
  const [nothing, first, second] = [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)];
  token.random(first);
  token.random(second);
  if (equalBytes(nothing, first) || equalBytes(first, second)) {
    throw new HsmError("internal", "the token's random generator repeats itself");
  }
}
