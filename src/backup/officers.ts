import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  encapsulate,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { promisify } from "node:util";
import { ByteReader, type Bytes, bufferOf, concat, uint16, utf8 } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { secretFrom, wipe } from "../base/secret.ts";

/** Someone who holds one share of a backup: by their public key alone, the private one stays with them. */
export interface Officer {
  readonly publicKey: KeyObject;
  /** SHA-256 of the DER SubjectPublicKeyInfo, hexadecimal. */
  readonly fingerprint: string;
}

const curves: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];
const plainTypes: readonly string[] = ["x25519", "x448", "ml-kem-768", "ml-kem-1024"];
const leastRsaBits = 3072;

/** ConfigError when the PEM has no public key that a share can be sealed to. */
export function officerOf(pem: string, where: string): Officer {
  let publicKey: KeyObject;
  try {
    // A private key would pass, too: createPublicKey derives its public one.
    if (pem.includes("PRIVATE KEY")) throw new RangeError("a private key");
    publicKey = createPublicKey(pem);
  } catch (cause) {
    throw new ConfigError(`${where} is no public key in PEM`, { cause });
  }
  if (isFit(publicKey)) return { publicKey, fingerprint: fingerprintOf(publicKey) };
  throw new ConfigError(`${where} is none of RSA from ${leastRsaBits} bits, P-256, P-384, P-521, X25519, X448, ML-KEM`);
}

function isFit({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean {
  if (type === "rsa") return (details?.modulusLength ?? 0) >= leastRsaBits;
  return type === "ec" ? curves.includes(details?.namedCurve ?? "") : plainTypes.includes(type ?? "");
}

/**
 * `u16 length ‖ KEM ciphertext ‖ AES-256-GCM ciphertext ‖ tag 16` under a zero IV: each KEM ciphertext gives a key of its
 * own, by HKDF-SHA256 over the shared secret with `context`, the public key and the KEM ciphertext. The KEM is DHKEM
 * (RFC 9180 §4.1) for curves, RSASVE (SP 800-56B §7.2.1) for RSA, FIPS 203 for ML-KEM.
 */
export async function sealToOfficer(
  { publicKey, fingerprint }: Officer,
  context: string,
  plain: Bytes,
): Promise<Bytes> {
  const { sharedKey, ciphertext } = await promisify(encapsulate)(publicKey);
  const key = keyOf(sharedKey, context, fingerprint, ciphertext);
  try {
    const cipher = createCipheriv("aes-256-gcm", key, zeroIv);
    const sealed = cipher.update(plain);
    return concat(uint16(ciphertext.length), ciphertext, sealed, cipher.final(), cipher.getAuthTag());
  } finally {
    wipe(sharedKey, key);
  }
}

/** The caller wipes it. ConfigError: it was not sealed to this key, or has been edited. */
export async function openByOfficer(privateKey: KeyObject, context: string, sealed: Bytes): Promise<Bytes> {
  try {
    const reader = new ByteReader(sealed);
    const ciphertext = reader.take(reader.uint16());
    const body = reader.take(reader.remaining - tagLength);
    const sharedKey = await promisify(decapsulate)(privateKey, ciphertext);
    const key = keyOf(sharedKey, context, fingerprintOf(createPublicKey(privateKey)), ciphertext);
    try {
      const decipher = createDecipheriv("aes-256-gcm", key, zeroIv).setAuthTag(reader.take(tagLength));
      const opened = decipher.update(body);
      decipher.final();
      return taken(opened);
    } finally {
      wipe(sharedKey, key);
    }
  } catch (cause) {
    throw new ConfigError("the share is not authentic, or is not sealed to this key", { cause });
  }
}

/** The private key of an officer, encrypted or not. ConfigError: not one, or not with this passphrase. */
export function officerKeyOf(pem: Bytes, passphrase: Bytes | undefined): { key: KeyObject; fingerprint: string } {
  try {
    const key = createPrivateKey({ key: bufferOf(pem), ...(passphrase && { passphrase: bufferOf(passphrase) }) });
    return { key, fingerprint: fingerprintOf(createPublicKey(key)) };
  } catch (cause) {
    throw new ConfigError("the officer's key is no private key in PEM that opens (is its passphrase given?)", {
      cause,
    });
  }
}

const tagLength = 16;
const zeroIv = new Uint8Array(12);

function keyOf(sharedKey: Bytes, context: string, fingerprint: string, ciphertext: Bytes): Bytes {
  const info = concat(utf8(`strongroom share\0${context}\0${fingerprint}\0`), ciphertext);
  // HKDF's info ends at 1,024 bytes, which an ML-KEM ciphertext exceeds.
  const hashed = createHash("sha256").update(info).digest();
  return new Uint8Array(hkdfSync("sha256", sharedKey, new Uint8Array(), hashed, 32));
}

function taken(bytes: Bytes): Bytes {
  const kept = secretFrom(bytes);
  wipe(bytes);
  return kept;
}

const fingerprintOf = (key: KeyObject): string =>
  createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("hex");
