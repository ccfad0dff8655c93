import { createPublicKey, generateKeyPair as generate } from "node:crypto";
import { promisify } from "node:util";
import { type Bytes, fromHex } from "../../base/bytes.ts";
import { HsmError } from "../../base/errors.ts";
import { secret, wipe } from "../../base/secret.ts";
import type { HbkSpec } from "../../model/key-spec.ts";
import { exportSpki, type KeyPair, privateKeyOf, taken } from "./keys.ts";

/**
 * A new key pair. `random` gives what the private key is made of: the scalar of an elliptic curve, the seed of Ed25519,
 * ML-DSA and ML-KEM. RSA alone is made by OpenSSL from its own generator, in a thread of the pool.
 */
export async function generateKeyPair(spec: HbkSpec, random: (length: number) => Bytes): Promise<KeyPair> {
  if (spec.startsWith("RSA")) return generateRsa(Number(spec.slice("RSA_".length)));
  const form = forms[spec];
  if (!form) throw new HsmError("unsupported", `There are no ${spec} key pairs.`);
  const bare = draw(form, random);
  try {
    const key = privateKeyOf(bare);
    const privateKey = taken(key.export({ format: "der", type: "pkcs8" }));
    return { publicKey: exportSpki(createPublicKey(key)), privateKey };
  } finally {
    wipe(bare);
  }
}

async function generateRsa(modulusLength: number): Promise<KeyPair> {
  const { publicKey, privateKey } = await promisify(generate)("rsa", {
    modulusLength,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "der" },
  });
  return { publicKey: new Uint8Array(publicKey), privateKey: taken(privateKey) };
}

interface Form {
  /** PKCS#8 up to the octets that are random. */
  readonly prefix: Bytes;
  readonly length: number;
  /** Of the curve's group, big-endian, as long as the scalar. */
  readonly order?: Bytes;
}

const seed = (prefix: string, length: number): Form => ({ prefix: fromHex(prefix), length });
const scalar = (prefix: string, order: string): Form => ({
  prefix: fromHex(prefix),
  length: order.length / 2,
  order: fromHex(order),
});

/** RFC 5915 and 8410; RFC 9881 and 9935 with the seed alone. Orders: SP 800-186, SEC 2, GB/T 32918.5. */
const forms: Partial<Record<HbkSpec, Form>> = {
  ECC_NIST_P256: scalar(
    "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  ),
  ECC_NIST_P384: scalar(
    "304e020100301006072a8648ce3d020106052b81040022043730350201010430",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  ),
  ECC_NIST_P521: scalar(
    "3060020100301006072a8648ce3d020106052b81040023044930470201010442",
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
  ),
  ECC_SECG_P256K1: scalar(
    "303e020100301006072a8648ce3d020106052b8104000a042730250201010420",
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
  ),
  SM2: scalar(
    "3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420",
    "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123",
  ),
  ECC_NIST_EDWARDS25519: seed("302e020100300506032b657004220420", 32),
  ML_DSA_44: seed("3034020100300b060960864801650304031104228020", 32),
  ML_DSA_65: seed("3034020100300b060960864801650304031204228020", 32),
  ML_DSA_87: seed("3034020100300b060960864801650304031304228020", 32),
  ML_KEM_512: seed("3054020100300b060960864801650304040104428040", 64),
  ML_KEM_768: seed("3054020100300b060960864801650304040204428040", 64),
  ML_KEM_1024: seed("3054020100300b060960864801650304040304428040", 64),
};

/** AlgorithmIdentifier of SPKI and PKCS#8, DER; undefined for RSA. It stands behind version 0 in what `prefix` begins. */
export function algorithmIdentifierOf(spec: HbkSpec): Bytes | undefined {
  const prefix = forms[spec]?.prefix;
  return prefix?.subarray(5, 5 + 2 + (prefix[6] as number));
}

/** The PKCS#8 of a private key without its public half. Scalars: FIPS 186-5 §A.2.2, by testing candidates. */
function draw({ prefix, length, order }: Form, random: (length: number) => Bytes): Bytes {
  const bare = secret(prefix.length + length);
  bare.set(prefix);
  const target = bare.subarray(prefix.length);
  do {
    const drawn = random(length);
    target.set(drawn);
    wipe(drawn);
    // As many bits as the order has: P-521 alone does not fill its octets.
    if (order?.[0] === 1) target[0] = (target[0] as number) & 1;
  } while (order && !isScalar(target, order));
  return bare;
}

/** 0 < candidate < order, in a time that does not depend on the candidate. */
function isScalar(candidate: Bytes, order: Bytes): boolean {
  let borrow = 0;
  let bits = 0;
  for (let i = order.length - 1; i >= 0; i--) {
    const digit = candidate[i] as number;
    bits |= digit;
    borrow = ((digit - (order[i] as number) - borrow) >> 8) & 1;
  }
  return borrow === 1 && bits !== 0;
}
