import { type Bytes, equalBytes, utf8 } from "../../../base/bytes.ts";
import { Asymmetric } from "../../../engine/asymmetric/asymmetric.ts";
import type { Algorithm } from "../../../model/algorithms.ts";
import type { EncryptionAlgorithm, HbkSpec, SigningAlgorithm } from "../../../model/key-spec.ts";
import type { Cryptoki, Handle } from "../cryptoki/cryptoki.ts";
import { decryptWith } from "../keys/decryption.ts";
import type { Unpadding } from "../keys/pair-abilities.ts";
import { publicKeysOf, rsaSpki } from "../keys/public-key.ts";
import { signWith } from "../keys/signing.ts";

const message = utf8("Strongroom");
/** OpenSSL's, without native code: the public half only. */
const outside = new Asymmetric(null);

export interface TestedKey {
  readonly handle: Handle;
  /** Of its public half. */
  readonly spki: Bytes;
  readonly spec: HbkSpec;
}

/** Whether what the token does with the private key fits what OpenSSL does with the public one. */
export async function fits(
  token: Cryptoki,
  key: TestedKey,
  algorithm: Algorithm,
  unpadding: Unpadding,
): Promise<boolean> {
  if (algorithm === "ECDH") return agrees(token, key);
  return algorithm.startsWith("RSAES")
    ? decrypts(token, key.handle, algorithm as EncryptionAlgorithm, unpadding)
    : signs(token, key, algorithm as SigningAlgorithm);
}

function signs(token: Cryptoki, { handle, spki }: TestedKey, algorithm: SigningAlgorithm): Promise<boolean> {
  const signature = signWith(token, handle, algorithm, message, "RAW");
  return outside.verify(algorithm, spki, message, "RAW", signature);
}

export function decrypts(
  token: Cryptoki,
  privateKey: Handle,
  algorithm: EncryptionAlgorithm,
  unpadding: Unpadding,
): boolean {
  const ciphertext = outside.encrypt(algorithm, rsaSpki(token, privateKey), message);
  const plaintext = decryptWith(token, privateKey, algorithm, ciphertext, unpadding);
  return plaintext !== null && equalBytes(plaintext, message);
}

/** What a private key and the base point agree on is its public key. */
const agrees = (token: Cryptoki, { handle, spki, spec }: TestedKey): boolean =>
  publicKeysOf(token, handle, spec).some((candidate) => equalBytes(candidate, spki));
