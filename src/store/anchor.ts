import { ByteReader, type Bytes, concat, equalBytes, fromHex, hex } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Chain, Head } from "./chain.ts";
import { uint64 } from "./record.ts";

/** What the HSM remembers of a store: `version 1 = 1 ‖ store id 16 ‖ sequence 8 ‖ hash of that change 32`. */
export interface Anchor extends Head {
  readonly storeId: Bytes;
}

const anchorVersion = 1;

export const encodeAnchor = ({ storeId, sequence, hash }: Anchor): Bytes =>
  concat(Uint8Array.of(anchorVersion), storeId, uint64(sequence), fromHex(hash));

export function decodeAnchor(bytes: Bytes): Anchor {
  if (bytes.length !== 57 || bytes[0] !== anchorVersion)
    throw new StoreError("corrupt", "the HSM's anchor is malformed");
  const reader = new ByteReader(bytes.subarray(1));
  const storeId = reader.take(16);
  const sequence = reader.uint32() * 2 ** 32 + reader.uint32();
  return { storeId, sequence, hash: hex(reader.take(32)) };
}

/** Why a store is not the one, or older than the one, that the HSM remembers; undefined when it goes on from there. */
export function behindAnchor(anchor: Anchor, storeId: Bytes, chain: Chain): string | undefined {
  if (!equalBytes(anchor.storeId, storeId)) return "the HSM's anchor is that of another store";
  const { sequence } = chain.head;
  if (sequence < anchor.sequence) return `the store is at change ${sequence}, the HSM has seen ${anchor.sequence}`;
  if (!chain.includes(anchor)) return `change ${anchor.sequence} is not the one that the HSM has seen`;
  return undefined;
}
