import { createHash, createHmac } from "node:crypto";
import { type Bytes, fromHex, hex, utf8 } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import type { HbkSpec, SigningAlgorithm } from "../../model/key-spec.ts";
import { decapsulate, deriveSharedSecret, encapsulate } from "./agreement.ts";
import { Asymmetric } from "./asymmetric.ts";
import { generateKeyPair } from "./key-pairs.ts";
import {
  ecdhPeer,
  ecdhScalar,
  ecdhSecret,
  ed25519Seed,
  ed25519Signature,
  rsaCiphertext,
  rsaKey,
  rsaSignature,
} from "./known-answers.ts";

let opened: Promise<Asymmetric> | undefined;

/** Once a process, after known answers and round trips of every primitive. HsmError("internal") when one fails. */
export function openAsymmetric(): Promise<Asymmetric> {
  opened ??= tested(new Asymmetric());
  return opened;
}

/** `asymmetric`, if it passes (FIPS 140-3 §10.3). */
export async function tested(asymmetric: Asymmetric): Promise<Asymmetric> {
  for (const [primitive, passes] of Object.entries(tests)) {
    if (!(await passes(asymmetric))) throw new HsmError("internal", `the self-test of ${primitive} fails`);
  }
  return asymmetric;
}

const abc = utf8("abc");

const tests: Readonly<Record<string, (asymmetric: Asymmetric) => Promise<boolean>>> = {
  /** RFC 4231 §4.3 */
  "HMAC-SHA-512": async () =>
    createHmac("sha512", "Jefe").update("what do ya want for nothing?").digest("hex").slice(0, 32) ===
    "164b7a7bfcf819e2e395fbe73b56e0a3",

  RSA: async (asymmetric) =>
    hex(await asymmetric.sign("RSASSA_PKCS1_V1_5_SHA_256", fromHex(rsaKey), abc, "RAW")) === rsaSignature &&
    is(asymmetric.decrypt("RSAES_OAEP_SHA_256", fromHex(rsaKey), fromHex(rsaCiphertext)), hex(utf8("Test"))),

  Ed25519: async (asymmetric) => {
    const { privateKey } = await generateKeyPair("ECC_NIST_EDWARDS25519", () => fromHex(ed25519Seed));
    return is(await asymmetric.sign("ED25519_SHA_512", privateKey, Uint8Array.of(0x72), "RAW"), ed25519Signature);
  },

  ECDH: async () => {
    const { privateKey } = await generateKeyPair("ECC_NIST_P256", () => fromHex(ecdhScalar));
    return is(await deriveSharedSecret(privateKey, fromHex(ecdhPeer)), ecdhSecret);
  },

  ECDSA: (asymmetric) => signs(asymmetric, "ECC_NIST_P256", "ECDSA_SHA_256"),
  "ML-DSA": (asymmetric) => signs(asymmetric, "ML_DSA_44", "ML_DSA_SHAKE_256"),
  "the ECDSA of a digest": ofDigest,

  "ML-KEM": async () => {
    const { privateKey, publicKey } = await generateKeyPair("ML_KEM_512", constant);
    const { sharedSecret, ciphertext } = await encapsulate(publicKey);
    return is(await decapsulate(privateKey, ciphertext), hex(sharedSecret));
  },
};

const constant = (length: number): Bytes => new Uint8Array(length).fill(0x5a);
const is = (bytes: Bytes | null, expected: string): boolean => bytes !== null && hex(bytes) === expected;

async function signs(asymmetric: Asymmetric, spec: HbkSpec, algorithm: SigningAlgorithm): Promise<boolean> {
  const { privateKey, publicKey } = await generateKeyPair(spec, constant);
  const signature = await asymmetric.sign(algorithm, privateKey, abc, "RAW");
  const verifies = (message: Bytes) => asymmetric.verify(algorithm, publicKey, message, "RAW", signature);
  return (await verifies(abc)) && !(await verifies(utf8("abd")));
}

/** A digest that is hashed once more signs another message, and nothing else shows it. */
async function ofDigest(asymmetric: Asymmetric): Promise<boolean> {
  if (asymmetric.refusal("ECDSA_SHA_256", "DIGEST") !== undefined) return true;
  const { privateKey, publicKey } = await generateKeyPair("ECC_NIST_P256", constant);
  const digest = createHash("sha256").update(abc).digest();
  const signature = await asymmetric.sign("ECDSA_SHA_256", privateKey, digest, "DIGEST");
  return asymmetric.verify("ECDSA_SHA_256", publicKey, abc, "RAW", signature);
}
