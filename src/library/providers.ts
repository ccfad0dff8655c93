import { timingSafeEqual, webcrypto } from "node:crypto";
import * as core from "webcrypto-core";
import { wipe } from "../base/secret.ts";
import type { Hsm } from "../hsm/hsm.ts";
import { takesMessageType } from "../model/algorithms.ts";
import { curveOctets, hmacBits, type KeyAlgorithm, notSupported, signingAlgorithmOf } from "./algorithms.ts";
import { signaturePair } from "./ecdsa-signature.ts";
import { generatePair, generateSecret, type HsmKey, pairsOf } from "./keys.ts";
import { asBuffer, octetsOf, type Source } from "./octets.ts";

type Usages = webcrypto.KeyUsage[];
/** Parameters of a call, after webcrypto-core has checked them. */
interface Parameters extends KeyAlgorithm {
  readonly saltLength?: number;
  readonly label?: Source;
  readonly public?: CryptoKey;
  readonly additionalData?: Source;
}

/** In KMS a message has at most this many bytes; a longer one goes to the HSM as its digest, where that can be. */
const longestMessage = 4096;

/** One for each algorithm of WebCrypto that an HSM can serve: it gets keys of the HSM only. */
export function providersOf(hsm: Hsm): core.ProviderCrypto[] {
  const pair = (ofPrivate: Usages) => ({
    onGenerateKey: (algorithm: KeyAlgorithm, _: boolean, usages: Usages) =>
      generatePair(hsm, algorithm, usages, ofPrivate),
  });
  const signing = { ...pair(["sign"]), onSign: signer(hsm) };
  return [
    provider(core.RsaSsaProvider, signing),
    provider(core.RsaPssProvider, signing),
    provider(core.EcdsaProvider, signing),
    provider(core.Ed25519Provider, signing),
    ...["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"].map((name) =>
      provider(core.ProviderCrypto, { name, usages: { privateKey: ["sign"], publicKey: ["verify"] }, ...signing }),
    ),
    provider(core.RsaOaepProvider, {
      ...pair(["decrypt"]),
      usages: { privateKey: ["decrypt"], publicKey: ["encrypt", "wrapKey"] },
      onDecrypt: oaep(hsm),
    }),
    provider(core.EcdhProvider, {
      ...pair(["deriveBits"]),
      usages: { privateKey: ["deriveBits"], publicKey: [] },
      // webcrypto-core asks for a key of its own here; a peer's public key is Node's.
      checkAlgorithmParams: () => undefined,
      onDeriveBits: agreement(hsm),
    }),
    provider(core.HmacProvider, hmac(hsm)),
    provider(core.ProviderCrypto, {
      name: "SYMMETRIC_DEFAULT",
      usages: ["encrypt", "decrypt"],
      ...cipher(hsm),
    }),
  ];
}

/** The class checks algorithms and usages; `methods` do the work. */
function provider(Provider: unknown, methods: object): core.ProviderCrypto {
  return Object.assign(new (Provider as new () => core.ProviderCrypto)(), methods);
}

function signer(hsm: Hsm) {
  return async (parameters: Parameters, key: CryptoKey, data: ArrayBuffer): Promise<ArrayBuffer> => {
    const algorithm = key.algorithm as KeyAlgorithm;
    const by = signingAlgorithmOf(algorithm, parameters);
    const pairs = pairsOf(hsm);
    const long = data.byteLength > longestMessage && takesMessageType(by, "DIGEST");
    const [message, type] =
      long && pairs.refusal(by, "DIGEST") === undefined
        ? ([await webcrypto.subtle.digest(`SHA-${by.slice(-3)}`, data), "DIGEST"] as const)
        : ([data, "RAW"] as const);
    const signature = await pairs.sign(tokenOf(key), by, new Uint8Array(message), type);
    return asBuffer(algorithm.name === "ECDSA" ? signaturePair(signature, curveOctets(algorithm)) : signature);
  };
}

function oaep(hsm: Hsm) {
  return async ({ label }: Parameters, key: CryptoKey, data: ArrayBuffer): Promise<ArrayBuffer> => {
    if (label && label.byteLength > 0) throw notSupported("RSA-OAEP with a label");
    const { hash } = key.algorithm as KeyAlgorithm;
    const by = hash?.name === "SHA-1" ? "RSAES_OAEP_SHA_1" : "RSAES_OAEP_SHA_256";
    return opened(await pairsOf(hsm).decrypt(tokenOf(key), by, new Uint8Array(data)));
  };
}

function agreement(hsm: Hsm) {
  return async ({ public: peer }: Parameters, key: CryptoKey, length: number | null): Promise<ArrayBuffer> => {
    if (!peer) throw new TypeError("public: the peer's public key is missing");
    const spki = new Uint8Array(await webcrypto.subtle.exportKey("spki", peer));
    const shared = await pairsOf(hsm).deriveSharedSecret(tokenOf(key), spki);
    if (!shared) throw new DOMException("the public key is not on the curve of the private one", "InvalidAccessError");
    try {
      if ((length ?? 0) > shared.length * 8) throw failed(`there are ${shared.length * 8} bits`);
      return asBuffer(shared.subarray(0, length === null ? undefined : length / 8));
    } finally {
      wipe(shared);
    }
  };
}

function hmac(hsm: Hsm) {
  const mac = (key: CryptoKey, data: ArrayBuffer) => hsm.mac(tokenOf(key), new Uint8Array(data));
  return {
    onGenerateKey: (algorithm: KeyAlgorithm, _: boolean, usages: Usages) =>
      generateSecret(hsm, { ...algorithm, length: hmacBits(algorithm) }, usages),
    onSign: async (_: unknown, key: CryptoKey, data: ArrayBuffer) => asBuffer(await mac(key, data)),
    async onVerify(_: unknown, key: CryptoKey, signature: ArrayBuffer, data: ArrayBuffer) {
      const right = await mac(key, data);
      return signature.byteLength === right.length && timingSafeEqual(right, new Uint8Array(signature));
    },
  };
}

/** AES-256-GCM under a key of each call; the HSM chooses nonce and IV, and the ciphertext says them. */
function cipher(hsm: Hsm) {
  const by = "SYMMETRIC_DEFAULT";
  return {
    onGenerateKey: (algorithm: KeyAlgorithm, _: boolean, usages: Usages) => generateSecret(hsm, algorithm, usages),
    onEncrypt: async ({ additionalData }: Parameters, key: CryptoKey, data: ArrayBuffer) =>
      asBuffer(
        await hsm.encrypt(tokenOf(key), by, new Uint8Array(data), octetsOf(additionalData ?? new ArrayBuffer())),
      ),
    onDecrypt: async ({ additionalData }: Parameters, key: CryptoKey, data: ArrayBuffer) =>
      opened(await hsm.decrypt(tokenOf(key), by, new Uint8Array(data), octetsOf(additionalData ?? new ArrayBuffer()))),
  };
}

function opened(plaintext: Uint8Array | null): ArrayBuffer {
  if (!plaintext) throw failed("this is no ciphertext of the key");
  const answer = asBuffer(plaintext);
  wipe(plaintext);
  return answer;
}

const failed = (message: string): DOMException => new DOMException(message, "OperationError");

/** `HsmCrypto` hands over no other keys. */
const tokenOf = (key: CryptoKey): Uint8Array => (key as HsmKey).token;
