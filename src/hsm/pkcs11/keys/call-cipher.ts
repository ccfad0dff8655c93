import pkcs11js from "pkcs11js";
import { type Bytes, concat, equalBytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { wipe } from "../../../base/secret.ts";
import type { Engine } from "../../../engine/engine.ts";
import { openBy, sealBy } from "../../../engine/suites.ts";
import { ivLength, nonceLength, type Suite, suites } from "../../../model/ciphertext.ts";
import { kbkdfFixedInput } from "../../../model/kbkdf.ts";
import type { Pkcs11Boundary } from "../../config.ts";
import { type Attributes, asBuffer } from "../cryptoki/attributes.ts";
import { type Cryptoki, CryptokiError, type Handle, type Mechanism } from "../cryptoki/cryptoki.ts";
import { orNull, twice } from "../cryptoki/second-try.ts";
import type { BackingKeys } from "./backing-keys.ts";
import { bringIn } from "./in-the-clear.ts";
import { aesKey, knownKey, knownMessage, noUse, used } from "./wrapping.ts";

const tagLength = 16;
const nothing = new Uint8Array();
const callKeyUse: Attributes = {
  ...aesKey,
  ...noUse,
  encrypt: true,
  decrypt: true,
  sensitive: true,
  extractable: false,
};

/** The key of a call as an object of the token, but for its value where it is brought in. */
export const callKeyAt = (boundary: Pkcs11Boundary): Attributes => {
  if (boundary === "call-key") return {};
  return boundary === "token" ? { ...callKeyUse, valueLen: 32 } : callKeyUse;
};

/** What one call needs beside its data: HBK, the suite of its spec, key id and N. */
export interface CallKey {
  readonly hbk: Handle;
  readonly suite: Suite;
  readonly keyId: Bytes;
  readonly nonce: Bytes;
}

/** GCM under the key of one call, KBKDF(HBK, the suite's label, key id, N): the same octets across every boundary. */
export interface CallCipher {
  /** `ciphertext ‖ tag 16` */
  seal(call: CallKey, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes;
  /** null: not authentic. */
  open(call: CallKey, iv: Bytes, aad: Bytes, sealed: Bytes): Bytes | null;
  /** How many session objects it has made. */
  readonly made: number;
}

/** Throws `HsmError("unsupported")`, with the reason, where the token does not give the known answers. */
export function openCipher(boundary: Pkcs11Boundary, token: Cryptoki, engine: Engine, keys: BackingKeys): CallCipher {
  if (boundary === "call-key") return new EngineCipher(engine, keys);
  const makers = { token: deriveInside(token), "token-gcm": deriveOutside(token, keys) };
  const cipher = new TokenCipher(token, makers[boundary]);
  try {
    testCipher(cipher, token, engine);
  } catch (error) {
    if (!(error instanceof CryptokiError)) throw error;
    throw new HsmError("unsupported", `the token cannot be the boundary ${boundary}: ${error.message}`);
  }
  return cipher;
}

/** `call-key`: the token computes the key, and the engine of this process works with it. */
class EngineCipher implements CallCipher {
  readonly made = 0;
  readonly #engine: Engine;
  readonly #keys: BackingKeys;

  constructor(engine: Engine, keys: BackingKeys) {
    this.#engine = engine;
    this.#keys = keys;
  }

  seal(call: CallKey, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    return this.#with(call, (key) => sealBy(call.suite, this.#engine, key, iv, aad, plaintext));
  }

  open(call: CallKey, iv: Bytes, aad: Bytes, sealed: Bytes): Bytes | null {
    return this.#with(call, (key) => openBy(call.suite, this.#engine, key, iv, aad, sealed));
  }

  #with<Answer>({ hbk, suite, keyId, nonce }: CallKey, use: (key: Bytes) => Answer): Answer {
    const key = this.#keys.names.derive(hbk, suite.label, keyId, nonce);
    try {
      return use(key);
    } finally {
      wipe(key);
    }
  }
}

/** `token`: CKM_SP800_108_COUNTER_KDF, so that the key is never outside. */
const deriveInside =
  (token: Cryptoki) =>
  ({ hbk, keyId, nonce }: CallKey): Handle =>
    token.deriveByCounter(hbk, kbkdfFixedInput("SR1-encrypt", keyId, nonce), callKeyAt("token"));

/** `token-gcm`: the key that the token's HMAC gave passes through this process. */
const deriveOutside =
  (token: Cryptoki, keys: BackingKeys) =>
  ({ hbk, keyId, nonce }: CallKey): Handle => {
    const value = keys.names.derive(hbk, "SR1-encrypt", keyId, nonce);
    try {
      return bringIn(token, { ...callKeyUse, value });
    } finally {
      wipe(value);
    }
  };

/** Why HSMs of such a boundary have no SM4 keys. */
export const tokensLackSm4 =
  "SYMMETRIC_DEFAULT is SM4 in China Regions, which no token computes here: it takes an HSM of the boundary call-key, or the software HSM.";

/** AES-GCM in the token, with a session object of the call. */
class TokenCipher implements CallCipher {
  made = 0;
  readonly #token: Cryptoki;
  readonly #make: (call: CallKey) => Handle;

  constructor(token: Cryptoki, make: (call: CallKey) => Handle) {
    this.#token = token;
    this.#make = make;
  }

  seal(call: CallKey, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    return this.#with(call, (key) => this.#token.encrypt(gcm(iv, aad), key, plaintext));
  }

  open(call: CallKey, iv: Bytes, aad: Bytes, sealed: Bytes): Bytes | null {
    if (sealed.length < tagLength) return null;
    return this.#with(call, (key) =>
      twice(
        () => orNull(() => this.#token.decrypt(gcm(iv, aad), key, sealed)),
        (plaintext) => plaintext !== null,
        () => this.#token.decrypt(gcm(iv, aad), key, this.#token.encrypt(gcm(iv, aad), key, nothing)),
      ),
    );
  }

  #with<Answer>(call: CallKey, use: (key: Handle) => Answer): Answer {
    if (call.suite === suites.SM4) throw new HsmError("unsupported", tokensLackSm4);
    const key = this.#make(call);
    this.made += 1;
    try {
      return use(key);
    } finally {
      this.#token.destroy(key);
    }
  }
}

/** With ivBits, which NSS wants. */
const gcm = (iv: Bytes, aad: Bytes): Mechanism => ({
  mechanism: pkcs11js.CKM_AES_GCM,
  parameter: {
    type: pkcs11js.CK_PARAMS_AES_GCM_v240,
    iv: asBuffer(iv),
    ivBits: iv.length * 8,
    aad: asBuffer(aad),
    tagBits: tagLength * 8,
  } as pkcs11js.AesGCM,
});

/** Against the engine's KBKDF and AES-GCM; what is edited does not open. */
function testCipher(cipher: CallCipher, token: Cryptoki, engine: Engine): void {
  const [keyId, nonce, iv] = [
    new Uint8Array(16).fill(1),
    new Uint8Array(nonceLength).fill(2),
    new Uint8Array(ivLength),
  ];
  const hbk = bringIn(token, { ...used, derive: true, value: knownKey });
  const call = { hbk, suite: suites.SYMMETRIC_DEFAULT, keyId, nonce };
  try {
    const key = engine.kbkdf(knownKey, kbkdfFixedInput("SR1-encrypt", keyId, nonce));
    const expected = engine.gcmSeal(key, iv, keyId, knownMessage);
    const sealed = cipher.seal(call, iv, keyId, knownMessage);
    const opened = cipher.open(call, iv, keyId, sealed);
    const edited = concat(sealed.subarray(0, -1), Uint8Array.of((sealed.at(-1) as number) ^ 1));
    const right = equalBytes(sealed, expected) && opened !== null && equalBytes(opened, knownMessage);
    if (!right || cipher.open(call, iv, keyId, edited) !== null) {
      throw new HsmError("internal", "the token's key derivation and AES-GCM do not give the known answers");
    }
  } finally {
    token.destroy(hbk);
  }
}
