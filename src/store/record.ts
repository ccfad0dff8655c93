import { ByteReader, type Bytes, concat, fromUtf8, uint16, uint32, utf8 } from "../base/bytes.ts";
import { secretConcat, wipe } from "../base/secret.ts";
import type { Engine } from "../engine/engine.ts";
import { kbkdfFixedInput } from "../model/kbkdf.ts";

/**
 * A sealed record, as the store below the barrier has it:
 *
 *   version 1 = 1 ‖ suite 1 = 1 ‖ record key version 2 ‖ N 16 ‖ IV 12 ‖ ciphertext ‖ tag 16
 *   └───────────────────────── header, 32 ───────────────────────┘
 *
 * K = KBKDF(record key, "SR1-records", record key id, N); AES-256-GCM under K; AAD = header ‖ u16 length ‖ stored path ‖
 * u64 revision, so that a record opens at its own place only; plaintext = u16 length ‖ clear path ‖ value.
 */
const recordVersion = 1;
const suiteKbkdfAesGcm = 1;
const headerLength = 32;
const tagLength = 16;

/** N and IV. */
export const recordNonceLength = 28;

export interface RecordKey {
  readonly version: number;
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 bytes, secret. */
  readonly material: Bytes;
}

export interface OpenedRecord {
  /** The clear path. */
  readonly path: string;
  /** A view of the plaintext. */
  readonly value: Bytes;
}

/** `nonces`: `recordNonceLength` random bytes, never used again. */
export function sealRecord(
  engine: Engine,
  key: RecordKey,
  nonces: Bytes,
  place: { readonly stored: string; readonly revision: number },
  record: OpenedRecord,
): Bytes {
  const header = concat(Uint8Array.of(recordVersion, suiteKbkdfAesGcm), uint16(key.version), nonces);
  const path = utf8(record.path);
  const plaintext = secretConcat(uint16(path.length), path, record.value);
  const callKey = engine.kbkdf(key.material, kbkdfFixedInput("SR1-records", key.id, nonces.subarray(0, 16)));
  try {
    return concat(header, engine.gcmSeal(callKey, nonces.subarray(16), aadOf(header, place), plaintext));
  } finally {
    wipe(callKey, plaintext);
  }
}

/** undefined: not a record, or not sealed by `key` for this place. */
export function openRecord(
  engine: Engine,
  key: RecordKey,
  place: { readonly stored: string; readonly revision: number },
  sealed: Bytes,
): OpenedRecord | undefined {
  const header = sealed.subarray(0, headerLength);
  const callKey = engine.kbkdf(key.material, kbkdfFixedInput("SR1-records", key.id, header.subarray(4, 20)));
  const plaintext = engine.gcmOpen(callKey, header.subarray(20), aadOf(header, place), sealed.subarray(headerLength));
  wipe(callKey);
  if (!plaintext) return undefined;
  const reader = new ByteReader(plaintext);
  return { path: fromUtf8(reader.take(reader.uint16())), value: reader.take(reader.remaining) };
}

/** undefined when `sealed` has not the form of a record. */
export function recordKeyVersion(sealed: Bytes): number | undefined {
  if (sealed.length < headerLength + tagLength) return undefined;
  if (sealed[0] !== recordVersion || sealed[1] !== suiteKbkdfAesGcm) return undefined;
  return ((sealed[2] as number) << 8) | (sealed[3] as number);
}

function aadOf(header: Bytes, { stored, revision }: { readonly stored: string; readonly revision: number }): Bytes {
  const path = utf8(stored);
  return concat(header, uint16(path.length), path, uint64(revision));
}

/** Of a safe integer. */
export const uint64 = (value: number): Bytes => concat(uint32(Math.floor(value / 2 ** 32)), uint32(value % 2 ** 32));
