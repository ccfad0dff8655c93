import { ConfigError, HsmError } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import { isBuilt } from "../../../engine/native/addon.ts";
import type { Cryptoki } from "../cryptoki/cryptoki.ts";
import type { SessionPool } from "../cryptoki/session-pool.ts";
import { callKeyAt } from "../keys/call-cipher.ts";
import { testSessions } from "../keys/parallel-operations.ts";
import { knownMessage } from "../keys/wrapping.ts";
import type { Greeting } from "../protocol.ts";
import type { OpenToken } from "./service.ts";

/** Milliseconds. A token that takes longer for a MAC waits for a network or a slow processor, not for this one. */
const quick = 0.5;
const tries = 12;
const whereItWaits = 16;
/** Beside the pool's: the vault, the one in which the thread of JavaScript works, and one for a new key pair. */
const ownSessions = 3;
/** CK_EFFECTIVELY_INFINITE is 0, and CK_UNAVAILABLE_INFORMATION all ones. */
const isLimit = (count: number): boolean => count > 0 && count < 0xffff_ffff;

/**
 * undefined where operations are done one after the other: by other engines, and in modules whose state native code does
 * not share.
 */
export async function openSessions(greeting: Greeting, opened: OpenToken): Promise<SessionPool | undefined> {
  const { token, engine, keys, domain } = opened;
  const { sessions: wanted, boundary } = greeting;
  if (greeting.engine !== "native" || !token.nativeIfAny) {
    if (wanted === undefined || wanted === 1 || !isBuilt()) return undefined;
    throw new ConfigError(`sessions: ${wanted} takes the native engine, and a module that gives all callers one state`);
  }
  const most = mostSessions(token);
  if (wanted !== undefined && wanted > most) {
    throw new ConfigError(
      `sessions: ${wanted} is more than the token has: ${most}, beside ${ownSessions} for the rest`,
    );
  }
  const suited = isQuick(() => wipe(token.hmac(domain.active().mac, knownMessage))) ? 1 : whereItWaits;
  const callKeys = { boundary, attributes: callKeyAt(boundary) };
  const open = (count: number) => token.sessions(count, callKeys, (key) => keys.left(key));
  const count = wanted ?? Math.min(suited, most);
  let pool = open(count);
  if (pool.sessions < count) {
    pool.close();
    if (wanted !== undefined) {
      throw new HsmError("unavailable", `the token opened ${pool.sessions} of ${wanted} sessions`);
    }
    pool = open(Math.max(pool.sessions - ownSessions, 1));
  }
  await testSessions(pool, token, engine, boundary);
  return pool;
}

/** That a pool may have. */
function mostSessions(token: Cryptoki): number {
  const { maxSessionCount, maxRwSessionCount } = token.tokenInfo();
  return Math.min(...[maxSessionCount, maxRwSessionCount].filter(isLimit).map((count) => count - ownSessions));
}

/** Whether it is once, because other processes take time, too. */
function isQuick(use: () => void): boolean {
  for (let left = tries; left > 0; left--) {
    const start = performance.now();
    use();
    if (performance.now() - start < quick) return true;
  }
  return false;
}
