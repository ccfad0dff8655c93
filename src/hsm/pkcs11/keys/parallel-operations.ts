import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { Engine } from "../../../engine/engine.ts";
import { ciphertextOverhead, headerLength, parseHeader, suiteOf, suites } from "../../../model/ciphertext.ts";
import { kbkdfFixedInput } from "../../../model/kbkdf.ts";
import type { Pkcs11Boundary } from "../../config.ts";
import type { DataKey } from "../../hsm.ts";
import { type Cryptoki, hmacs, type Mechanism } from "../cryptoki/cryptoki.ts";
import { macHashOf } from "../cryptoki/mac-hash.ts";
import type { SessionPool } from "../cryptoki/session-pool.ts";
import type { BackingKey } from "./backing-keys.ts";
import { tokensLackSm4 } from "./call-cipher.ts";
import { bringIn } from "./in-the-clear.ts";
import type { Operations } from "./operations.ts";
import { knownKey, knownMessage, used } from "./wrapping.ts";

/** Of native/job.h. */
const longestSigned = 8192;

/** As many at once as the pool has sessions. */
export class ParallelOperations implements Operations {
  made = 0;
  readonly #pool: SessionPool;
  readonly #boundary: Pkcs11Boundary;
  /** For what is longer than a job takes. */
  readonly #token: Cryptoki;

  /** `boundary`: that of the pool. */
  constructor(pool: SessionPool, token: Cryptoki, boundary: Pkcs11Boundary) {
    this.#pool = pool;
    this.#token = token;
    this.#boundary = boundary;
  }

  async seal(key: BackingKey, plaintext: Bytes, aad: Bytes): Promise<Bytes> {
    this.#require(key);
    return this.#pool.seal(key, plaintext, aad);
  }

  async open(key: BackingKey, ciphertext: Bytes, aad: Bytes): Promise<Bytes | null> {
    this.#require(key);
    return this.#pool.open(key, ciphertext, aad);
  }

  async dataKey(key: BackingKey, length: number, aad: Bytes, want: "both" | "ciphertext"): Promise<DataKey> {
    this.#require(key);
    const answer = await this.#pool.dataKey(key, length, aad, want === "both");
    const ciphertext = answer.subarray(0, ciphertextOverhead + length);
    return want === "both" ? { ciphertext, plaintext: answer.subarray(ciphertext.length) } : { ciphertext };
  }

  async reEncrypt(
    from: BackingKey,
    ciphertext: Bytes,
    aad: Bytes,
    to: BackingKey,
    toAad: Bytes,
  ): Promise<Bytes | null> {
    this.#require(from);
    this.#require(to);
    return this.#pool.reEncrypt(from, ciphertext, aad, to, toAad);
  }

  async mac(key: BackingKey, message: Bytes): Promise<Bytes> {
    const hash = macHashOf(key.meta);
    if (message.length > longestSigned) return this.#token.hmac(key.handle, message, hash);
    const [mechanism, length] = hmacs[hash];
    const mac = await this.#pool.sign({ mechanism }, key, message);
    if (mac.length !== length) throw new HsmError("internal", `the token's HMAC is not ${length} bytes long`);
    return mac;
  }

  sign(mechanism: Mechanism, key: BackingKey, data: Bytes): Promise<Bytes> {
    return this.#pool.sign(mechanism, key, data);
  }

  decrypt(mechanism: Mechanism, key: BackingKey, ciphertext: Bytes): Promise<Bytes> {
    return this.#pool.decrypt(mechanism, key, ciphertext);
  }

  random(length: number): Promise<Bytes> {
    return this.#pool.random(length);
  }

  /** Counts the object that the call makes of this key, where it makes one. */
  #require({ meta }: BackingKey): void {
    if (this.#boundary === "call-key") return;
    if (suiteOf(meta.spec) === suites.SM4) throw new HsmError("unsupported", tokensLackSm4);
    this.made += 1;
  }
}

/** Against the engine's KBKDF and AES-GCM; what is edited does not open. Throws `HsmError("internal")`. */
export async function testSessions(
  pool: SessionPool,
  token: Cryptoki,
  engine: Engine,
  boundary: Pkcs11Boundary,
): Promise<void> {
  const handle = bringIn(token, { ...used, derive: boundary === "token", value: knownKey });
  const [hbkId, keyId, aad] = [new Uint8Array(32).fill(1), new Uint8Array(16).fill(2), knownMessage];
  const key = { handle, identity: new Uint8Array([...hbkId, ...keyId, suites.SYMMETRIC_DEFAULT.code]), jobs: 0 };
  const all = Array.from({ length: pool.sessions }, async () => {
    const sealed = await pool.seal(key, knownMessage, aad);
    const header = parseHeader(sealed);
    if (!header) return false;
    const callKey = engine.kbkdf(knownKey, kbkdfFixedInput("SR1-encrypt", keyId, header.nonce));
    const bound = new Uint8Array([...sealed.subarray(0, headerLength), ...aad]);
    const opened = engine.gcmOpen(callKey, header.iv, bound, sealed.subarray(headerLength));
    const back = await pool.open(key, sealed, aad);
    const edited = await pool.open(key, sealed.with(headerLength, (sealed[headerLength] as number) ^ 1), aad);
    const same = [opened, back].every((plaintext) => plaintext && equalBytes(plaintext, knownMessage));
    return same && equalBytes(header.hbkId, hbkId) && edited === null;
  });
  try {
    const right = await Promise.all(all);
    if (right.includes(false)) throw new HsmError("internal", "a session does not give the known answers");
  } finally {
    token.destroy(handle);
  }
}
