import pkcs11js from "pkcs11js";
import { type Bytes, equalBytes } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, secretFrom, wipe } from "../../base/secret.ts";
import {
  type AttributeName,
  type Attributes,
  asBuffer,
  attributeType,
  attributeValue,
  templateOf,
} from "./attributes.ts";
import { CryptokiError, call } from "./cryptoki-call.ts";
import type { MacHash } from "./mac-hash.ts";
import { NativeCryptoki } from "./native-cryptoki.ts";
import { findSlot, loadModule, login } from "./open-token.ts";
import { quirks, withoutQuirk } from "./quirks.ts";
import type { TokenSelector } from "./token-selector.ts";

export type Handle = pkcs11js.Handle;
export type Mechanism = pkcs11js.Mechanism;
export { CryptokiError };

/** Longer than any MAC: openCryptoki writes past a buffer that is too short. */
const longestMac = 512;
/** Longer than any secret key or wrapped AES key. */
const longestWrapped = 16_384;
const tagLength = 16;
/** Mechanism, and length of the MAC. */
const hmacs = {
  sha224: [pkcs11js.CKM_SHA224_HMAC, 28],
  sha256: [pkcs11js.CKM_SHA256_HMAC, 32],
  sha384: [pkcs11js.CKM_SHA384_HMAC, 48],
  sha512: [pkcs11js.CKM_SHA512_HMAC, 64],
} as const satisfies Record<MacHash, readonly [number, number]>;

/**
 * One token of one module, logged in. Keys that are kept live in the vault session, which does nothing else: session
 * objects die with the session that made them. Operations run in sessions that are closed after any failure, because an
 * operation that was begun stays active on them. All calls are synchronous; this module's process has nothing else to do.
 */
export class Cryptoki {
  readonly #module: pkcs11js.PKCS11;
  readonly #slot: Handle;
  readonly #vault: Handle;
  readonly #idle: Handle[] = [];
  readonly #path: string;
  #native: NativeCryptoki | undefined;
  readonly #macBuffer = asBuffer(new Uint8Array(longestMac));

  /** ConfigError: no such module or token, or one that grants one more try only. PinRefused: it did not take the PIN. */
  static open(path: string, selector: TokenSelector, pin: Bytes, initArgs?: string): Cryptoki {
    const module = loadModule(path, initArgs);
    const slot = findSlot(module, selector);
    const vault = call("C_OpenSession", () =>
      module.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION),
    );
    login(module, slot, vault, pin);
    return new Cryptoki(module, slot, vault, path);
  }

  private constructor(module: pkcs11js.PKCS11, slot: Handle, vault: Handle, path: string) {
    this.#module = module;
    this.#slot = slot;
    this.#vault = vault;
    this.#path = path;
  }

  /** What pkcs11js cannot say. `HsmError("unsupported")` where the native code has not been built. */
  get native(): NativeCryptoki {
    this.#native ??= NativeCryptoki.of(this.#path);
    if (!this.#native)
      throw new HsmError("unsupported", "the native code has not been built: scripts/build needs a C compiler");
    return this.#native;
  }

  moduleInfo(): pkcs11js.ModuleInfo {
    return call("C_GetInfo", () => this.#module.C_GetInfo());
  }

  tokenInfo(): pkcs11js.TokenInfo {
    return call("C_GetTokenInfo", () => this.#module.C_GetTokenInfo(this.#slot));
  }

  /** CKM_SHA<n>_HMAC, as long as its hash, made by `secret`. */
  hmac(key: Handle, message: Bytes, hash: MacHash = "sha256"): Bytes {
    const [mechanism, length] = hmacs[hash];
    return this.#operation("C_Sign", (session) => {
      this.#module.C_SignInit(session, { mechanism }, key);
      const mac = this.#module.C_Sign(session, asBuffer(message), this.#macBuffer);
      const copy = moved(mac);
      if (copy.length !== length) throw new HsmError("internal", `the token's HMAC is not ${length} bytes long`);
      return copy;
    });
  }

  /** `ciphertext ‖ tag 16`, made by `secret` like what `gcmOpen` gives. */
  gcmSeal(key: Handle, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
    return this.#operation("C_Encrypt", (session) => {
      this.#module.C_EncryptInit(session, gcm(iv, aad), key);
      return moved(
        this.#module.C_Encrypt(session, asBuffer(plaintext), asBuffer(secret(plaintext.length + tagLength))),
      );
    });
  }

  /** `CryptokiError` where it is not authentic, too. */
  gcmOpen(key: Handle, iv: Bytes, aad: Bytes, sealed: Bytes): Bytes {
    return this.#operation("C_Decrypt", (session) => {
      this.#module.C_DecryptInit(session, gcm(iv, aad), key);
      // SoftHSM wants room for the tag, too.
      return moved(this.#module.C_Decrypt(session, asBuffer(sealed), asBuffer(secret(sealed.length))));
    });
  }

  /** Fills `bytes` from the token's generator. */
  random(bytes: Bytes): void {
    call("C_GenerateRandom", () => this.#module.C_GenerateRandom(this.#vault, asBuffer(bytes)));
  }

  /** `HsmError("unsupported")` where the template has one in it and the native code has not been built. */
  generateKey(mechanism: number, attributes: Attributes): Handle {
    if (attributes.unwrapTemplate) return this.native.generateKey(this.#vault, { mechanism }, attributes);
    return call("C_GenerateKey", () => this.#module.C_GenerateKey(this.#vault, { mechanism }, templateOf(attributes)));
  }

  generateKeyPair(mechanism: number, publicKey: Attributes, privateKey: Attributes): pkcs11js.KeyPair {
    const templates = [templateOf(publicKey), templateOf(privateKey)] as const;
    return call("C_GenerateKeyPair", () => this.#module.C_GenerateKeyPair(this.#vault, { mechanism }, ...templates));
  }

  /** SP 800-108 §4.1 with HMAC-SHA-256 and a counter of 32 bits before the fixed input. */
  deriveByCounter(base: Handle, fixedInput: Bytes, attributes: Attributes): Handle {
    const counterKdf = { prf: pkcs11js.CKM_SHA256_HMAC, fixedInput };
    return this.native.derive(this.#vault, { counterKdf }, base, attributes);
  }

  create(attributes: Attributes): Handle {
    return call("C_CreateObject", () => this.#module.C_CreateObject(this.#vault, templateOf(attributes)));
  }

  wrap(mechanism: Mechanism, wrappingKey: Handle, key: Handle): Bytes {
    const buffer = Buffer.alloc(longestWrapped);
    return Uint8Array.from(
      call("C_WrapKey", () => this.#module.C_WrapKey(this.#vault, mechanism, wrappingKey, key, buffer)),
    );
  }

  /** A key that reads back as it was asked for; `HsmError("internal")`, and no key, where the token gives no such one. */
  unwrap(mechanism: Mechanism, unwrappingKey: Handle, wrapped: Bytes, attributes: Attributes): Handle {
    const asked = (template: pkcs11js.Template) =>
      call("C_UnwrapKey", () =>
        this.#module.C_UnwrapKey(this.#vault, mechanism, unwrappingKey, asBuffer(wrapped), template),
      );
    const { sensitive, extractable, ...others } = attributes;
    const key = withoutQuirk(
      () => asked(templateOf(attributes)),
      quirks.unwrapTakesNoPermission,
      () => asked(templateOf(others)),
    );
    try {
      // quirks.unwrapIgnoresGuards
      if (!this.#has(key, attributes)) {
        const guards = { ...(sensitive && { sensitive }), ...(extractable === false && { extractable }) };
        this.set(key, guards);
        this.verify(key, attributes);
      }
      return key;
    } catch (error) {
      this.destroy(key);
      throw error;
    }
  }

  set(object: Handle, attributes: Attributes): void {
    const template = templateOf(attributes);
    call("C_SetAttributeValue", () => this.#module.C_SetAttributeValue(this.#vault, object, template));
  }

  copy(object: Handle, attributes: Attributes): Handle {
    const template = templateOf(attributes);
    return call("C_CopyObject", () => this.#module.C_CopyObject(this.#vault, object, template));
  }

  destroy(object: Handle): void {
    call("C_DestroyObject", () => this.#module.C_DestroyObject(this.#vault, object));
  }

  find(attributes: Attributes): Handle[] {
    return this.#operation("C_FindObjects", (session) => {
      this.#module.C_FindObjectsInit(session, templateOf(attributes));
      const found: Handle[] = [];
      for (let some = this.#more(session); some.length > 0; some = this.#more(session)) found.push(...some);
      this.#module.C_FindObjectsFinal(session);
      return found;
    });
  }

  #more(session: Handle): Handle[] {
    return this.#module.C_FindObjects(session, 32);
  }

  /** One call for each, because the call fails as a whole: a missing attribute is named by its failure. */
  read<Name extends AttributeName>(object: Handle, name: Name): NonNullable<Attributes[Name]> {
    const [attribute] = call("C_GetAttributeValue", () =>
      this.#module.C_GetAttributeValue(this.#vault, object, [{ type: attributeType(name) }]),
    );
    return attributeValue(name, attribute?.value as Buffer) as NonNullable<Attributes[Name]>;
  }

  /** The value of a secret key that is not sensitive, made by `secret`. */
  readSecret(key: Handle): Bytes {
    return moved(this.read(key, "value"));
  }

  /** Throws `HsmError("internal")` unless every attribute reads back as given. */
  verify(object: Handle, attributes: Attributes): void {
    if (!this.#has(object, attributes)) {
      throw new HsmError("internal", "the token did not give an object the attributes it was asked for");
    }
  }

  #has(object: Handle, attributes: Attributes): boolean {
    const wanted = templateOf(attributes);
    const query = wanted.map(({ type }) => ({ type }));
    const found = call("C_GetAttributeValue", () => this.#module.C_GetAttributeValue(this.#vault, object, query));
    const names = Object.keys(attributes) as AttributeName[];
    return wanted.every(({ type, value }, i) => {
      const raw = found.find((one) => one.type === type)?.value as Buffer;
      if (value instanceof Uint8Array) return equalBytes(value, raw);
      return attributeValue(names[i] as AttributeName, raw) === value;
    });
  }

  /** Ends the use of the module by this process. */
  close(): void {
    call("C_Finalize", () => this.#module.C_Finalize());
  }

  #operation<Answer>(name: string, use: (session: Handle) => Answer): Answer {
    const flags = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;
    const session = this.#idle.pop() ?? call("C_OpenSession", () => this.#module.C_OpenSession(this.#slot, flags));
    try {
      const answer = call(name, () => use(session));
      this.#idle.push(session);
      return answer;
    } catch (error) {
      try {
        this.#module.C_CloseSession(session);
      } catch {
        // It is not used again either way.
      }
      throw error;
    }
  }
}

/** With ivBits, which NSS wants. The buffers must outlive the call. */
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

/** A copy made by `secret`; `from` is wiped. */
function moved(from: Bytes): Bytes {
  const copy = secretFrom(from);
  wipe(from);
  return copy;
}
