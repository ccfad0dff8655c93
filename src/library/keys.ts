import { webcrypto } from "node:crypto";
import * as core from "webcrypto-core";
import type { Bytes } from "../base/bytes.ts";
import type { Ekt, Hsm, KeyPairs } from "../hsm/hsm.ts";
import { parseEkt } from "../model/ekt.ts";
import { type KeyAlgorithm, notSupported, purposeOf } from "./algorithms.ts";
import { keyMeta } from "./key-meta.ts";
import { asSource } from "./octets.ts";

type Usage = webcrypto.KeyUsage;

/**
 * A private or secret key of an HSM, as WebCrypto has keys. It holds a key token: what the HSM wrapped, and nobody else
 * can open. Never extractable.
 */
export class HsmKey extends core.CryptoKey {
  readonly #token: Ekt;

  constructor(token: Ekt, algorithm: KeyAlgorithm, type: "private" | "secret", usages: readonly Usage[]) {
    super();
    this.#token = token;
    this.algorithm = algorithm;
    this.type = type;
    this.extractable = false;
    this.usages = [...usages];
  }

  get token(): Ekt {
    return this.#token;
  }
}

export async function generateSecret(hsm: Hsm, algorithm: KeyAlgorithm, usages: readonly Usage[]): Promise<HsmKey> {
  const { spec, usage } = requireServed(hsm, algorithm);
  return new HsmKey(await hsm.generateKey(keyMeta(spec, usage)), algorithm, "secret", usages);
}

/** The public key is Node's own: nothing that is done with it needs the HSM. */
export async function generatePair(
  hsm: Hsm,
  algorithm: KeyAlgorithm,
  usages: readonly Usage[],
  ofPrivate: readonly Usage[],
): Promise<CryptoKeyPair> {
  const { spec, usage } = requireServed(hsm, algorithm);
  const { ekt, publicKey } = await pairsOf(hsm).generate(keyMeta(spec, usage));
  const [own, others] = [
    usages.filter((usage) => ofPrivate.includes(usage)),
    usages.filter((usage) => !ofPrivate.includes(usage)),
  ];
  return {
    privateKey: new HsmKey(ekt, algorithm, "private", own),
    publicKey: await webcrypto.subtle.importKey("spki", asSource(publicKey), algorithm, true, others),
  };
}

interface CryptoKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** The key of a token that was exported. A DataError when it is one for another algorithm. */
export function importToken(token: Bytes, algorithm: KeyAlgorithm, usages: readonly Usage[]): HsmKey {
  const { meta } = parseEkt(token);
  const type = meta.kind === "kms-private" ? "private" : "secret";
  // A token knows the length of its RSA key; a program that imports one says the hash alone.
  const modulusLength = meta.spec.startsWith("RSA") ? { modulusLength: Number(meta.spec.slice("RSA_".length)) } : {};
  const whole = { ...algorithm, ...modulusLength };
  const { spec, usage } = purposeOf(whole);
  if (meta.spec !== spec || meta.usage !== usage) {
    throw new DOMException(`the token is that of a ${meta.spec} key for ${meta.usage}`, "DataError");
  }
  return new HsmKey(token.slice(), whole, type, usages);
}

function requireServed(hsm: Hsm, algorithm: KeyAlgorithm) {
  const purpose = purposeOf(algorithm);
  const refusal = hsm.refusal(purpose.spec, purpose.usage);
  if (refusal !== undefined) throw new DOMException(refusal, "NotSupportedError");
  return purpose;
}

export function pairsOf({ keyPairs }: Hsm): KeyPairs {
  if (!keyPairs) throw notSupported("key pairs here");
  return keyPairs;
}
