import type { Bytes } from "../base/bytes.ts";
import type { KbkdfLabel } from "./kbkdf.ts";
import type { HbkSpec, SymmetricSpec } from "./key-spec.ts";

/**
 * Symmetric ciphertext, the same from every driver:
 *
 *   version 1 ‖ suite 1 ‖ HBK id 32 ‖ N 16 ‖ IV 12 ‖ ciphertext ‖ tag 16
 *   └──────────────── header, 62 ──────────────┘
 *
 * K = KBKDF(HBK, label, key id, N), in counter mode with HMAC-SHA-256 (SP 800-108); a block cipher in GCM (SP 800-38D)
 * under K; AAD = header ‖ binding (model/encryption-context.ts). The spec in the key's token decides which suite.
 */
export const ciphertextVersion = 1;

export interface Suite {
  readonly code: number;
  readonly label: KbkdfLabel;
  /** Of K, in bytes. */
  readonly keyLength: 16 | 32;
}

export const suites: Readonly<Record<SymmetricSpec, Suite>> = {
  /** AES-256-GCM. */
  SYMMETRIC_DEFAULT: { code: 1, label: "SR1-encrypt", keyLength: 32 },
  /** SM4 (GB/T 32907), in GCM as RFC 8998 has it. */
  SM4: { code: 3, label: "SR1-sm4-gcm", keyLength: 16 },
};
const codes: readonly (number | undefined)[] = Object.values(suites).map(({ code }) => code);

/** That of the first, and once more by an external key: model/external-ciphertext.ts. */
export const suiteExternal = 2;

/** undefined: keys of this spec make no such ciphertexts. */
export const suiteOf = (spec: HbkSpec): Suite | undefined => suites[spec as SymmetricSpec];

export const headerLength = 62;
export const tagLength = 16;
export const nonceLength = 16;
export const ivLength = 12;
export const hbkIdLength = 32;
export const ciphertextOverhead = headerLength + tagLength;

export interface CiphertextHeader {
  /** The code of one of `suites`. */
  readonly suite: number;
  readonly hbkId: Bytes;
  readonly nonce: Bytes;
  readonly iv: Bytes;
}

/** undefined when `ciphertext` is too short, or of a version or suite that is not known. */
export function parseHeader(ciphertext: Bytes): CiphertextHeader | undefined {
  if (ciphertext.length < ciphertextOverhead) return undefined;
  const [version, suite] = ciphertext;
  if (version !== ciphertextVersion || !codes.includes(suite)) return undefined;
  return {
    suite: suite as number,
    hbkId: ciphertext.subarray(2, 34),
    nonce: ciphertext.subarray(34, 50),
    iv: ciphertext.subarray(50, headerLength),
  };
}

/** The HBK that a ciphertext of any suite names; undefined when it is of none. */
export function namedHbkId(ciphertext: Bytes): Bytes | undefined {
  if (ciphertext.length < 2 + hbkIdLength || ciphertext[0] !== ciphertextVersion) return undefined;
  return ciphertext[1] === suiteExternal ? ciphertext.subarray(2, 34) : parseHeader(ciphertext)?.hbkId;
}

export function buildHeader(suite: Suite, hbkId: Bytes, nonce: Bytes, iv: Bytes): Bytes {
  const header = new Uint8Array(headerLength);
  header[0] = ciphertextVersion;
  header[1] = suite.code;
  header.set(hbkId, 2);
  header.set(nonce, 34);
  header.set(iv, 50);
  return header;
}
