import pkcs11js from "pkcs11js";
import { type Bytes, equalBytes } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { secret, secretFrom, wipe } from "../../../base/secret.ts";
import { isBuilt } from "../../../engine/native/addon.ts";
import {
  type AttributeName,
  type Attributes,
  asBuffer,
  attributeType,
  attributeValue,
  templateOf,
} from "./attributes.ts";
import { CryptokiError, call, called } from "./cryptoki-call.ts";
import type { MacHash } from "./mac-hash.ts";
import { type Mechanism, NativeCryptoki } from "./native-cryptoki.ts";
import { findSlot, loadModule, login } from "./open-token.ts";
import { quirks, withoutQuirk } from "./quirks.ts";
import { type CallKeys, type JobKey, SessionPool } from "./session-pool.ts";
import type { TokenSelector } from "./token-selector.ts";

export type Handle = pkcs11js.Handle;
export type { Mechanism };
export { CryptokiError };

/** The longest plaintext and its tag; longer than any MAC or signature: openCryptoki writes past too short a buffer. */
const longestOutput = 4096 + 16;
/** Longer than any wrapped key. */
const longestWrapped = 16_384;
const sessionFlags = pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION;
/** Mechanism, and length of the MAC. */
export const hmacs = {
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
  /** CKS_ of the vault as this process is logged in. */
  #loggedIn: number;
  #native: NativeCryptoki | undefined;
  readonly #output = asBuffer(secret(longestOutput));
  #wantsPublicKeys = false;

  /** ConfigError: no such module or token, or one that grants one more try only. PinRefused: it did not take the PIN. */
  static open(path: string, selector: TokenSelector, pin: Bytes, initArgs?: string): Cryptoki {
    const module = loadModule(path, initArgs);
    const slot = findSlot(module, selector);
    const vault = call("C_OpenSession", () => module.C_OpenSession(slot, sessionFlags));
    login(module, slot, vault, pin);
    return new Cryptoki(module, slot, vault, path);
  }

  private constructor(module: pkcs11js.PKCS11, slot: Handle, vault: Handle, path: string) {
    this.#module = module;
    this.#slot = slot;
    this.#vault = vault;
    this.#path = path;
    this.#loggedIn = this.#sessionState();
  }

  /** What pkcs11js cannot say. `HsmError("unsupported")` where there is nothing that could. */
  get native(): NativeCryptoki {
    const native = this.nativeIfAny;
    if (native) return native;
    const reason = isBuilt()
      ? "the module gives each caller a state of its own, which native code does not share"
      : "the native code has not been built: scripts/build needs a C compiler";
    throw new HsmError("unsupported", reason);
  }

  get nativeIfAny(): NativeCryptoki | undefined {
    this.#native ??= NativeCryptoki.of(this.#path);
    return this.#native;
  }

  /** quirks.ecUnwrapWantsPublicKey has been met. */
  get wantsPublicKeys(): boolean {
    return this.#wantsPublicKeys;
  }

  /**
   * Gives `use` the token as its security officer sees it. Session objects may be gone afterwards. OfficerPinRefused: it did
   * not take `officerPin`; then nobody is logged in any more.
   */
  asOfficer<Answer>(officerPin: Bytes, pin: Bytes, use: () => Answer): Answer {
    const logIn = (pin: Bytes, role?: "officer") => {
      login(this.#module, this.#slot, this.#vault, pin, role);
      this.#loggedIn = this.#sessionState();
    };
    const logOut = () => call("C_Logout", () => this.#module.C_Logout(this.#vault));
    logOut();
    logIn(officerPin, "officer");
    try {
      return use();
    } finally {
      logOut();
      logIn(pin);
    }
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
    const mac = this.sign({ mechanism }, key, message);
    if (mac.length !== length) throw new HsmError("internal", `the token's HMAC is not ${length} bytes long`);
    return mac;
  }

  /** Sessions of the token with threads of their own, in which the native code has been built. */
  sessions(count: number, callKeys: CallKeys, released: (key: JobKey) => void): SessionPool {
    return new SessionPool(this.#path, this.#slot, count, callKeys, released);
  }

  /** A signature or MAC, made by `secret`. */
  sign(mechanism: Mechanism, key: Handle, data: Bytes): Bytes {
    return this.#operation("C_Sign", (session) => {
      this.#module.C_SignInit(session, mechanism, key);
      return moved(this.#module.C_Sign(session, asBuffer(data), this.#output));
    });
  }

  /** Made by `secret`. */
  decrypt(mechanism: Mechanism, key: Handle, ciphertext: Bytes): Bytes {
    return this.#operation("C_Decrypt", (session) => {
      this.#module.C_DecryptInit(session, mechanism, key);
      return moved(this.#module.C_Decrypt(session, asBuffer(ciphertext), this.#output));
    });
  }

  /** Made by `secret`. */
  encrypt(mechanism: Mechanism, key: Handle, plaintext: Bytes): Bytes {
    return this.#operation("C_Encrypt", (session) => {
      this.#module.C_EncryptInit(session, mechanism, key);
      return moved(this.#module.C_Encrypt(session, asBuffer(plaintext), this.#output));
    });
  }

  derive(mechanism: Mechanism, key: Handle, attributes: Attributes): Handle {
    return call("C_DeriveKey", () => this.#module.C_DeriveKey(this.#vault, mechanism, key, templateOf(attributes)));
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

  /**
   * As `generateKeyPair`, in a thread of its own: an RSA key takes seconds. The pair lives in a session of its own, and
   * goes with that when `use` has answered.
   */
  async withKeyPair<Answer>(
    mechanism: number,
    publicKey: Attributes,
    privateKey: Attributes,
    use: (pair: pkcs11js.KeyPair) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const templates = [templateOf(publicKey), templateOf(privateKey)] as const;
    const session = this.#openSession();
    try {
      const generate = () => this.#module.C_GenerateKeyPairAsync(session, { mechanism }, ...templates);
      return await use(await called("C_GenerateKeyPair", generate));
    } finally {
      call("C_CloseSession", () => this.#module.C_CloseSession(session));
    }
  }

  /** Each with its sizes and flags, as the module states them, which proves nothing. */
  mechanisms(): readonly unknown[] {
    const types = call("C_GetMechanismList", () => this.#module.C_GetMechanismList(this.#slot));
    return types.map((type) => [type, this.#mechanismInfo(type)]);
  }

  /** undefined where the module lists a mechanism that it then does not know. */
  #mechanismInfo(type: number): pkcs11js.MechanismInfo | undefined {
    try {
      return call("C_GetMechanismInfo", () => this.#module.C_GetMechanismInfo(this.#slot, type));
    } catch (error) {
      if (error instanceof CryptokiError) return undefined;
      throw error;
    }
  }

  /** As the module states it, which proves nothing. */
  largestKey(mechanism: number): number {
    return call("C_GetMechanismInfo", () => this.#module.C_GetMechanismInfo(this.#slot, mechanism)).maxKeySize;
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

  /** CKM_RSA_AES_KEY_WRAP with AES-256. `hash`: that of OAEP. undefined without native code. */
  wrapByRsaAes(hash: number, wrappingKey: Handle, key: Handle): Bytes | undefined {
    return this.nativeIfAny?.wrap(this.#vault, { rsaAes: { hash } }, wrappingKey, key);
  }

  /** A key that reads back as it was asked for; `HsmError("internal")`, and no key, where the token gives no such one. */
  unwrap(mechanism: Mechanism, unwrappingKey: Handle, wrapped: Bytes, attributes: Attributes): Handle {
    const asked = (asked: Attributes) =>
      call("C_UnwrapKey", () =>
        this.#module.C_UnwrapKey(this.#vault, mechanism, unwrappingKey, asBuffer(wrapped), templateOf(asked)),
      );
    const { sensitive, extractable, ...others } = attributes;
    const key = withoutQuirk(
      () =>
        withoutQuirk(
          () => asked(attributes),
          quirks.unwrapTakesNoPermission,
          () => asked(others),
        ),
      quirks.ecUnwrapWantsPublicKey,
      () => {
        this.#wantsPublicKeys = true;
        return asked({ ...attributes, nssDb: Uint8Array.of(0) });
      },
    );
    try {
      this.restrict(key, attributes);
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

  /**
   * None, only where the token has none. To those who are not logged in, a token shows no private objects and calls that no
   * failure (PKCS#11 3.0, 5.7.7): then this is CKR_USER_NOT_LOGGED_IN, as of a function that says so itself.
   */
  find(attributes: Attributes): Handle[] {
    const found = this.#find(attributes);
    if (found.length > 0 || this.#sessionState() === this.#loggedIn) return found;
    const code = pkcs11js.CKR_USER_NOT_LOGGED_IN;
    throw new CryptokiError("C_FindObjects", "nothing: CKR_USER_NOT_LOGGED_IN", code, undefined);
  }

  #find(attributes: Attributes): Handle[] {
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
    if (this.#differing(object, attributes).length > 0) {
      throw new HsmError("internal", "the token did not give an object the attributes it was asked for");
    }
  }

  /**
   * As `verify`, after taking from a key what it may do beyond what was asked for: quirks.unwrapIgnoresGuards,
   * quirks.privateKeysMayMore.
   */
  restrict(key: Handle, attributes: Attributes): void {
    const differing = this.#differing(key, attributes);
    if (differing.length === 0) return;
    const narrower = differing.filter((name) => attributes[name] === (name === "sensitive"));
    if (narrower.length > 0) this.set(key, Object.fromEntries(narrower.map((name) => [name, attributes[name]])));
    this.verify(key, attributes);
  }

  /** The names of what does not read back as given. */
  #differing(object: Handle, attributes: Attributes): AttributeName[] {
    const wanted = templateOf(attributes);
    const query = wanted.map(({ type }) => ({ type }));
    const found = call("C_GetAttributeValue", () => this.#module.C_GetAttributeValue(this.#vault, object, query));
    const names = Object.keys(attributes) as AttributeName[];
    return names.filter((name, i) => {
      const { type, value } = wanted[i] as pkcs11js.Attribute;
      const raw = found.find((one) => one.type === type)?.value as Buffer;
      return value instanceof Uint8Array ? !equalBytes(value, raw) : attributeValue(name, raw) !== value;
    });
  }

  /** Ends the use of the module by this process. */
  close(): void {
    call("C_Finalize", () => this.#module.C_Finalize());
  }

  #operation<Answer>(name: string, use: (session: Handle) => Answer): Answer {
    const session = this.#idle.pop() ?? this.#openSession();
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

  #sessionState(): number {
    return call("C_GetSessionInfo", () => this.#module.C_GetSessionInfo(this.#vault)).state;
  }

  #openSession(): Handle {
    return call("C_OpenSession", () => this.#module.C_OpenSession(this.#slot, sessionFlags));
  }
}

/** A copy made by `secret`; `from` is wiped. */
function moved(from: Bytes): Bytes {
  const copy = secretFrom(from);
  wipe(from);
  return copy;
}
