import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from "node:crypto";
import { type Bytes, concat, fromBase64 } from "../../src/base/bytes.ts";
import { Signatures } from "../../src/engine/native/signatures.ts";
import type { WrappingAlgorithm } from "../../src/model/key-spec.ts";
import type { Ask } from "./office.ts";

export const base64 = (bytes: Bytes): string => Buffer.from(bytes).toString("base64");

/** What a client does with the wrapping key that it got (SPKI). */
export function wrapped(spki: Bytes, algorithm: WrappingAlgorithm, material: Bytes): Bytes {
  if (algorithm === "SM2PKE") return new Signatures().encryptSm2(spki, material);
  const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  const oaepHash = algorithm.endsWith("SHA_1") ? "sha1" : "sha256";
  const oaep = (plaintext: Bytes) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext);
  if (!algorithm.startsWith("RSA_AES")) return new Uint8Array(oaep(material));
  const ephemeral = randomBytes(32);
  // RFC 5649
  const kwp = createCipheriv("id-aes256-wrap-pad", ephemeral, Buffer.from("a65959a6", "hex"));
  return concat(oaep(ephemeral), kwp.update(material), kwp.final());
}

export interface Pair {
  readonly ImportToken: string;
  readonly PublicKey: string;
}

export const parametersOf = async (
  ask: Ask,
  KeyId: string,
  algorithm: WrappingAlgorithm = "RSAES_OAEP_SHA_256",
  keySpec = "RSA_2048",
): Promise<Pair> => {
  const { ImportToken, PublicKey } = await ask("GetParametersForImport", {
    KeyId,
    WrappingAlgorithm: algorithm,
    WrappingKeySpec: keySpec,
  });
  return { ImportToken: base64(ImportToken), PublicKey: base64(PublicKey) };
};

/** A request of ImportKeyMaterial that does not expire, unless `more` says otherwise. */
export const importOf = (
  KeyId: string,
  { ImportToken, PublicKey }: Pair,
  material: Bytes,
  more: object = {},
  algorithm: WrappingAlgorithm = "RSAES_OAEP_SHA_256",
): object => ({
  KeyId,
  ImportToken,
  EncryptedKeyMaterial: base64(wrapped(fromBase64(PublicKey) as Bytes, algorithm, material)),
  ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE",
  ...more,
});
