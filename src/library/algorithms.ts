import type { KeySpec, KeyUsage, SigningAlgorithm } from "../model/key-spec.ts";

/** A key algorithm of WebCrypto, its hash written as an object. */
export interface KeyAlgorithm {
  readonly name: string;
  readonly hash?: { readonly name: string };
  readonly namedCurve?: string;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array;
  readonly length?: number;
}

export interface Purpose {
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
}

/** What WebCrypto calls ECDSA is a curve here and a hash there; KMS binds the two (FIPS 186-5 allows others, too). */
const curves = {
  "P-256": { spec: "ECC_NIST_P256", hash: "SHA-256", octets: 32 },
  "P-384": { spec: "ECC_NIST_P384", hash: "SHA-384", octets: 48 },
  "P-521": { spec: "ECC_NIST_P521", hash: "SHA-512", octets: 66 },
} as const;

const sha2 = ["SHA-256", "SHA-384", "SHA-512"];
/** 65,537: the one that HSMs make keys with. */
const publicExponent = 0x010001;

/** Which key the HSM makes for this algorithm. A NotSupportedError where KMS has none such. */
export function purposeOf(algorithm: KeyAlgorithm): Purpose {
  const hash = algorithm.hash?.name ?? "";
  switch (algorithm.name) {
    case "SYMMETRIC_DEFAULT":
      return { spec: "SYMMETRIC_DEFAULT", usage: "ENCRYPT_DECRYPT" };
    case "RSASSA-PKCS1-v1_5":
    case "RSA-PSS":
      return { spec: rsaSpec(algorithm, hash, sha2), usage: "SIGN_VERIFY" };
    case "RSA-OAEP":
      return { spec: rsaSpec(algorithm, hash, ["SHA-1", "SHA-256"]), usage: "ENCRYPT_DECRYPT" };
    case "ECDSA":
      return { spec: curveOf(algorithm).spec, usage: "SIGN_VERIFY" };
    case "ECDH":
      return { spec: curveOf(algorithm).spec, usage: "KEY_AGREEMENT" };
    case "Ed25519":
      return { spec: "ECC_NIST_EDWARDS25519", usage: "SIGN_VERIFY" };
    case "HMAC":
      return { spec: `HMAC_${hmacBits(algorithm)}` as KeySpec, usage: "GENERATE_VERIFY_MAC" };
    default:
      return { spec: algorithm.name.replaceAll("-", "_") as KeySpec, usage: "SIGN_VERIFY" };
  }
}

function rsaSpec(algorithm: KeyAlgorithm, hash: string, hashes: readonly string[]): KeySpec {
  const exponent = algorithm.publicExponent?.reduce((value, octet) => value * 256 + octet, 0);
  if (exponent !== undefined && exponent !== publicExponent) throw notSupported("an RSA exponent other than 65537");
  if (!hashes.includes(hash)) throw notSupported(`${algorithm.name} with ${hash || "no hash"}`);
  const spec = `RSA_${algorithm.modulusLength}`;
  if (spec === "RSA_2048" || spec === "RSA_3072" || spec === "RSA_4096") return spec;
  throw notSupported("an RSA modulus of another length than 2048, 3072 or 4096 bits");
}

/** The HSM's HMAC keys are as long as their hash (RFC 2104 §3), where WebCrypto's own are as long as its block. */
export function hmacBits({ hash, length }: KeyAlgorithm): number {
  const bits = Number(hash?.name.slice(-3));
  if (!sha2.includes(hash?.name ?? "")) throw notSupported(`HMAC with ${hash?.name ?? "no hash"}`);
  if (length !== undefined && length !== bits) throw notSupported("HMAC keys that are not as long as their hash");
  return bits;
}

function curveOf({ namedCurve = "" }: KeyAlgorithm) {
  const curve = (curves as Partial<Record<string, (typeof curves)[keyof typeof curves]>>)[namedCurve];
  return curve ?? refuse(`the curve ${namedCurve}`);
}

/** Of one coordinate. */
export const curveOctets = (algorithm: KeyAlgorithm): number => curveOf(algorithm).octets;

/** What `subtle.sign` asks for, by the algorithm of the key and the parameters of the call. */
export function signingAlgorithmOf(
  key: KeyAlgorithm,
  parameters: { readonly hash?: { readonly name: string }; readonly saltLength?: number },
): SigningAlgorithm {
  const hash = (key.hash?.name ?? "").replace("-", "_");
  switch (key.name) {
    case "RSASSA-PKCS1-v1_5":
      return `RSASSA_PKCS1_V1_5_${hash}` as SigningAlgorithm;
    case "RSA-PSS":
      if (parameters.saltLength !== Number(hash.slice(-3)) / 8) throw notSupported("a salt not as long as the hash");
      return `RSASSA_PSS_${hash}` as SigningAlgorithm;
    case "ECDSA":
      if (parameters.hash?.name.toUpperCase() !== curveOf(key).hash) {
        throw notSupported(`${key.namedCurve} with another hash than ${curveOf(key).hash}`);
      }
      return `ECDSA_SHA_${curveOf(key).hash.slice(-3)}` as SigningAlgorithm;
    case "Ed25519":
      return "ED25519_SHA_512";
    default:
      return "ML_DSA_SHAKE_256";
  }
}

export const notSupported = (what: string): DOMException =>
  new DOMException(`an HSM has no ${what}`, "NotSupportedError");

function refuse(what: string): never {
  throw notSupported(what);
}
