import { webcrypto } from "node:crypto";
import * as core from "webcrypto-core";
import type { Hsm } from "../hsm/hsm.ts";
import { type KeyAlgorithm, notSupported } from "./algorithms.ts";
import { HsmKey, importToken } from "./keys.ts";
import { asBuffer, octetsOf, type Source } from "./octets.ts";
import { providersOf } from "./providers.ts";

type Usages = webcrypto.KeyUsage[];
type Arguments<Method extends keyof SubtleCrypto> = Parameters<SubtleCrypto[Method]>;

/**
 * Authenticated encryption of at most 4,096 bytes by a key of the HSM, which chooses nonce and IV; the ciphertext says
 * them. `additionalData` is authenticated, and not in the ciphertext.
 */
export interface SymmetricDefault {
  readonly name: "SYMMETRIC_DEFAULT";
  readonly additionalData?: Source;
}

/**
 * WebCrypto over an HSM. New keys are made in it and are not extractable; what is done with its private and secret keys
 * is done in it. Everything else (digests, public keys, keys that come from elsewhere) is Node's own WebCrypto, so that
 * it can stand where `globalThis.crypto` stands.
 *
 * The format "token" exports a key of the HSM all the same: wrapped, for this HSM alone to open, to be kept and imported
 * again. The public key is exported as ever ("spki", "jwk").
 */
export type HsmSubtleCrypto = SubtleCrypto & {
  generateKey(algorithm: SymmetricDefault, extractable: false, usages: Usages): Promise<CryptoKey>;
  encrypt(algorithm: SymmetricDefault, key: CryptoKey, data: Source): Promise<ArrayBuffer>;
  decrypt(algorithm: SymmetricDefault, key: CryptoKey, data: Source): Promise<ArrayBuffer>;
  exportKey(format: "token", key: CryptoKey): Promise<ArrayBuffer>;
  importKey(
    format: "token",
    token: Source,
    algorithm: SymmetricDefault | Arguments<"importKey">[2],
    extractable: false,
    usages: Usages,
  ): Promise<CryptoKey>;
};

export type HsmCrypto = Crypto & { readonly subtle: HsmSubtleCrypto };

export const cryptoOf = (hsm: Hsm): HsmCrypto =>
  new CryptoOverHsm(new SubtleOverHsm(hsm) as unknown as HsmSubtleCrypto) as unknown as HsmCrypto;

class CryptoOverHsm extends core.Crypto {
  readonly subtle: core.SubtleCrypto;

  constructor(subtle: HsmSubtleCrypto) {
    super();
    this.subtle = subtle as unknown as core.SubtleCrypto;
  }

  /** Node's own: WebCrypto wants them at once, and an HSM answers later. */
  override getRandomValues<Values extends ArrayBufferView | null>(values: Values): Values {
    return webcrypto.getRandomValues(values as never);
  }
}

const node = webcrypto.subtle;

class SubtleOverHsm {
  readonly [Symbol.toStringTag] = "SubtleCrypto";
  readonly #ours = new core.SubtleCrypto();

  constructor(hsm: Hsm) {
    for (const provider of providersOf(hsm)) this.#ours.providers.set(provider);
  }

  /** Never outside of the HSM: whoever asks for a key here relies on that. */
  async generateKey(...args: Arguments<"generateKey">): Promise<unknown> {
    if (args[1]) throw notExtractable();
    return this.#ours.generateKey(...(args as unknown as Parameters<core.SubtleCrypto["generateKey"]>));
  }

  async importKey(...args: Arguments<"importKey">): Promise<CryptoKey> {
    const [format, token, identifier, extractable, usages] = args;
    if ((format as string) !== "token") return node.importKey(...args);
    if (extractable) throw notExtractable();
    const algorithm = hashed(identifier as KeyAlgorithm | string);
    const provider = this.#ours.providers.get(algorithm.name);
    if (!provider) throw notSupported(algorithm.name);
    const allowed = provider.usages;
    provider.checkKeyUsages([...usages], "privateKey" in allowed ? allowed.privateKey : allowed);
    return importToken(octetsOf(token as Source), { ...algorithm, name: provider.name }, usages);
  }

  async exportKey(...args: Arguments<"exportKey">): Promise<unknown> {
    const [format, key] = args;
    if (!(key instanceof HsmKey)) return node.exportKey(...args);
    if ((format as string) !== "token") throw notExtractable();
    return asBuffer(key.token);
  }

  sign(...args: Arguments<"sign">): Promise<ArrayBuffer> {
    return this.#of(args[1]).sign(...args);
  }

  verify(...args: Arguments<"verify">): Promise<boolean> {
    return this.#of(args[1]).verify(...args);
  }

  encrypt(...args: Arguments<"encrypt">): Promise<ArrayBuffer> {
    return this.#of(args[1]).encrypt(...args);
  }

  decrypt(...args: Arguments<"decrypt">): Promise<ArrayBuffer> {
    return this.#of(args[1]).decrypt(...args);
  }

  async deriveBits(...args: Arguments<"deriveBits">): Promise<ArrayBuffer> {
    const [algorithm, key, length = null] = args;
    return this.#of(key).deriveBits(algorithm, key, length);
  }

  digest(...args: Arguments<"digest">): Promise<ArrayBuffer> {
    return node.digest(...args);
  }

  // Keys of the HSM derive bits, which a program imports, and wrap and encapsulate nothing: Node refuses them.

  deriveKey(...args: Arguments<"deriveKey">): Promise<CryptoKey> {
    return node.deriveKey(...args);
  }

  wrapKey(...args: Arguments<"wrapKey">): Promise<ArrayBuffer> {
    return node.wrapKey(...args);
  }

  unwrapKey(...args: Arguments<"unwrapKey">): Promise<CryptoKey> {
    return node.unwrapKey(...args);
  }

  encapsulateBits(...args: Arguments<"encapsulateBits">) {
    return node.encapsulateBits(...args);
  }

  encapsulateKey(...args: Arguments<"encapsulateKey">) {
    return node.encapsulateKey(...args);
  }

  decapsulateBits(...args: Arguments<"decapsulateBits">) {
    return node.decapsulateBits(...args);
  }

  decapsulateKey(...args: Arguments<"decapsulateKey">) {
    return node.decapsulateKey(...args);
  }

  getPublicKey(...args: Arguments<"getPublicKey">) {
    return node.getPublicKey(...args);
  }

  #of(key: unknown): SubtleCrypto {
    return key instanceof HsmKey ? (this.#ours as unknown as SubtleCrypto) : node;
  }
}

function hashed(algorithm: KeyAlgorithm | string): KeyAlgorithm {
  if (typeof algorithm === "string") return { name: algorithm };
  const { hash } = algorithm as { hash?: string | { name: string } };
  return { ...algorithm, ...(hash !== undefined && { hash: typeof hash === "string" ? { name: hash } : hash }) };
}

const notExtractable = (): DOMException => new DOMException("a key of an HSM is not extractable", "InvalidAccessError");
