import { ByteReader, type Bytes, concat, fromHex, fromUtf8, hex, uint16, uint32, utf8 } from "../base/bytes.ts";
import type { Entry } from "./manifest.ts";
import { uint64 } from "./record.ts";

/**
 * One link of the chain of changes, sealed as a record at `change/<sequence>`:
 *
 *   version 1 = 1 ‖ store id 16 ‖ sequence 8 ‖ SHA-256 of the change before, as stored 32 ‖ digest of the table after 32
 *   ‖ u32 count ‖ (u16 length ‖ stored path ‖ u64 revision, 0: deleted ‖ SHA-256 of the stored value 32, unless deleted)*
 */
export interface Change {
  readonly storeId: Bytes;
  /** From 1. */
  readonly sequence: number;
  /** Hexadecimal; of the first change, zeros. */
  readonly previous: string;
  readonly digest: Bytes;
  readonly entries: readonly Entry[];
}

const changeVersion = 1;

export const changePrefix = "change/";
export const noChange = "00".repeat(32);

export const changePath = (sequence: number): string => changePrefix + String(sequence).padStart(16, "0");

export function encodeChange({ storeId, sequence, previous, digest, entries }: Change): Bytes {
  const rows = entries.flatMap(({ stored, row }) => {
    const path = utf8(stored);
    return [uint16(path.length), path, uint64(row?.revision ?? 0), ...(row ? [fromHex(row.hash)] : [])];
  });
  const head = [Uint8Array.of(changeVersion), storeId, uint64(sequence), fromHex(previous), digest];
  return concat(...head, uint32(entries.length), ...rows);
}

/** RangeError when it is not a change. */
export function decodeChange(bytes: Bytes): Change {
  const reader = new ByteReader(bytes);
  if (reader.uint8() !== changeVersion) throw new RangeError("unknown version");
  const storeId = reader.take(16);
  const sequence = readUint64(reader);
  const previous = hex(reader.take(32));
  const digest = reader.take(32);
  const entries = Array.from({ length: reader.uint32() }, () => readEntry(reader));
  if (reader.remaining > 0) throw new RangeError("trailing bytes");
  return { storeId, sequence, previous, digest, entries };
}

function readEntry(reader: ByteReader): Entry {
  const stored = fromUtf8(reader.take(reader.uint16()));
  const revision = readUint64(reader);
  return { stored, row: revision === 0 ? undefined : { revision, hash: hex(reader.take(32)) } };
}

const readUint64 = (reader: ByteReader): number => reader.uint32() * 2 ** 32 + reader.uint32();
