import { createHash } from "node:crypto";
import pkcs11js from "pkcs11js";
import { type Bytes, concat, fromHex } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import type { MessageType, SigningAlgorithm } from "../../../model/key-spec.ts";
import type { Cryptoki, Handle, Mechanism } from "../cryptoki/cryptoki.ts";
import { der, tags } from "./der.ts";

type Bits = 256 | 384 | 512;

/** DER of DigestInfo up to the digest (RFC 8017 §9.2, note 1). */
const digestInfo: Record<Bits, Bytes> = {
  256: fromHex("3031300d060960864801650304020105000420"),
  384: fromHex("3041300d060960864801650304020205000430"),
  512: fromHex("3051300d060960864801650304020305000440"),
};

/** MGF1 has the same hash, and the salt the length of the digest. */
const pss = (hashAlg: number, mgf: number, saltLen: number): Mechanism => ({
  mechanism: pkcs11js.CKM_RSA_PKCS_PSS,
  parameter: { type: pkcs11js.CK_PARAMS_RSA_PSS, hashAlg, mgf, saltLen } as pkcs11js.RsaPSS,
});
const pssOf: Record<Bits, Mechanism> = {
  256: pss(pkcs11js.CKM_SHA256, pkcs11js.CKG_MGF1_SHA256, 32),
  384: pss(pkcs11js.CKM_SHA384, pkcs11js.CKG_MGF1_SHA384, 48),
  512: pss(pkcs11js.CKM_SHA512, pkcs11js.CKG_MGF1_SHA512, 64),
};

/**
 * By mechanisms over digests, which the worker computes: so messages and digests go one way, and need no more of a module.
 * The forms of signatures are those of engine/asymmetric/.
 */
export function signWith(
  token: Cryptoki,
  privateKey: Handle,
  algorithm: SigningAlgorithm,
  message: Bytes,
  type: MessageType,
): Bytes {
  const { mechanism, data, formed } = signing(algorithm, message, type);
  return formed(token.sign(mechanism, privateKey, data));
}

export interface Signing {
  readonly mechanism: Mechanism;
  readonly data: Bytes;
  /** The signature, of what C_Sign gave. */
  formed(signature: Bytes): Bytes;
}

/** What C_Sign does for a signature. */
export function signing(algorithm: SigningAlgorithm, message: Bytes, type: MessageType): Signing {
  const bits = Number(algorithm.slice(-3)) as Bits;
  const digest = type === "RAW" ? createHash(`sha${bits}`).update(message).digest() : message;
  if (digest.length !== bits / 8) throw new RangeError("a digest is not of its length");
  if (algorithm.startsWith("ECDSA")) {
    return { mechanism: { mechanism: pkcs11js.CKM_ECDSA }, data: digest, formed: derOf };
  }
  const formed = (signature: Bytes) => signature;
  if (algorithm.startsWith("RSASSA_PKCS1")) {
    return { mechanism: { mechanism: pkcs11js.CKM_RSA_PKCS }, data: concat(digestInfo[bits], digest), formed };
  }
  if (algorithm.startsWith("RSASSA_PSS")) return { mechanism: pssOf[bits], data: digest, formed };
  throw new HsmError("unsupported", `The PKCS#11 driver makes no ${algorithm} signatures.`);
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3) of r ‖ s (PKCS#11 §2.3.1). */
function derOf(signature: Bytes): Bytes {
  const half = signature.length / 2;
  return der(tags.sequence, derInteger(signature.subarray(0, half)), derInteger(signature.subarray(half)));
}

function derInteger(octets: Bytes): Bytes {
  const digits = octets.subarray(octets.findIndex((octet) => octet !== 0));
  // A first bit that is set would make it negative.
  return der(tags.integer, new Uint8Array((digits[0] as number) >> 7), digits);
}
