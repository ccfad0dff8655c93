import { ByteReader, type Bytes, concat, equalBytes, fromHex, hex } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Chain, Head } from "./chain.ts";
import type { AnchorKeeper, StoreHsms } from "./hsms.ts";
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
function behindAnchor(anchor: Anchor, storeId: Bytes, chain: Chain): string | undefined {
  if (!equalBytes(anchor.storeId, storeId)) return "the HSM's anchor is that of another store";
  const { sequence } = chain.head;
  if (sequence < anchor.sequence) return `the store is at change ${sequence}, the HSM has seen ${anchor.sequence}`;
  if (!chain.includes(anchor)) return `change ${anchor.sequence} is not the one that the HSM has seen`;
  return undefined;
}

/** By the HSMs that keep the store's keys: those that answer. */
export type Remembered = ReadonlyMap<AnchorKeeper, Anchor | undefined>;

/** Throws what the first says where none answers. */
export async function readAnchors({ keepers }: StoreHsms): Promise<Remembered> {
  const read = await Promise.allSettled(keepers.map((member) => member.run((hsm) => hsm.readAnchor())));
  const remembered = new Map(
    read.flatMap((one, i) => (one.status === "fulfilled" ? [[keepers[i] as AnchorKeeper, one.value] as const] : [])),
  );
  if (remembered.size === 0) throwFirst(read);
  return new Map([...remembered].map(([member, bytes]) => [member, bytes && decodeAnchor(bytes)]));
}

/** HSMs that have been put in the place of others remember nothing yet, but those before them may. */
export async function earlierAnchors({ members }: StoreHsms, storeId: Bytes): Promise<readonly Anchor[]> {
  const read = await Promise.allSettled(members.map((member) => member.run((hsm) => hsm.readAnchor())));
  return read
    .flatMap((one) => (one.status === "fulfilled" && one.value ? [decodeAnchor(one.value)] : []))
    .filter((anchor) => equalBytes(anchor.storeId, storeId));
}

/** Why a store is not the one, or older than the one, that some HSM remembers. */
export function behindAnchors(anchors: Iterable<Anchor | undefined>, storeId: Bytes, chain: Chain): string | undefined {
  for (const anchor of anchors) {
    const behind = anchor && behindAnchor(anchor, storeId, chain);
    if (behind !== undefined) return behind;
  }
  return undefined;
}

/**
 * Tells it to those that remember something else. One that is not reached remembers less than the others: whoever opens the
 * store holds it against all that answer.
 */
export async function writeAnchors(remembered: Remembered, anchor: Anchor): Promise<void> {
  const bytes = encodeAnchor(anchor);
  const written = await Promise.allSettled(
    [...remembered].map(async ([member, before]) => {
      if (!before || !equalBytes(encodeAnchor(before), bytes)) await member.run((hsm) => hsm.writeAnchor(bytes));
    }),
  );
  if (!written.some(({ status }) => status === "fulfilled")) throwFirst(written);
}

function throwFirst([first]: readonly PromiseSettledResult<unknown>[]): never {
  throw (first as PromiseRejectedResult).reason;
}
