import { ByteReader, type Bytes, compareBytes, concat, fromHex, hex, uint16, uint32 } from "../../../base/bytes.ts";
import { HsmError } from "../../../base/errors.ts";
import { type DomainKeyMode, domainKeyModes } from "../../config.ts";
import { type DomainKey, type DomainKeyId, domainKeyStates } from "../../domain-key.ts";

/**
 * What the token knows of its domain: an object's value,
 *
 *   version 1 (1 or 2) ‖ revision 4 ‖ writer 16 ‖
 *   mode 1, not in version 1, which is plain ‖
 *   count 2 ‖ (domain key id 16 ‖ MAC key id 16 ‖ state 1 ‖ since 8)* ‖
 *   count 2 ‖ (fingerprint of a pinned transport key 32)*
 *
 * `mode` is a place in `domainKeyModes`, `state` one in `domainKeyStates`; `writer` is random, so that two writers of
 * one revision differ.
 */
export interface DomainState {
  readonly mode: DomainKeyMode;
  readonly keys: readonly DomainEntry[];
  /** SHA-256 of the SPKI, hexadecimal. */
  readonly pinned: readonly string[];
}

export interface DomainEntry extends DomainKey {
  readonly macKeyId: DomainKeyId;
}

export interface Revision {
  readonly revision: number;
  readonly writer: Bytes;
  readonly state: DomainState;
}

const versions = { plain: 1, withMode: 2 } as const;
const two32 = 2 ** 32;

export function encodeState({ revision, writer, state }: Revision): Bytes {
  const keys = state.keys.map(({ id, macKeyId, state, since }) =>
    concat(
      fromHex(id),
      fromHex(macKeyId),
      Uint8Array.of(domainKeyStates.indexOf(state)),
      uint32(Math.floor(since / two32)),
      uint32(since % two32),
    ),
  );
  const pinned = state.pinned.map(fromHex);
  return concat(
    Uint8Array.of(state.mode === "plain" ? versions.plain : versions.withMode),
    uint32(revision),
    writer,
    ...(state.mode === "plain" ? [] : [Uint8Array.of(domainKeyModes.indexOf(state.mode))]),
    uint16(keys.length),
    ...keys,
    uint16(pinned.length),
    ...pinned,
  );
}

/** Throws `HsmError("internal")` on anything that `encodeState` did not make. */
export function decodeState(bytes: Bytes): Revision {
  try {
    const reader = new ByteReader(bytes);
    const version = reader.uint8();
    if (version !== versions.plain && version !== versions.withMode) throw new RangeError("version");
    const revision = reader.uint32();
    const writer = reader.take(16);
    const mode = domainKeyModes[version === versions.plain ? 0 : reader.uint8()];
    if (!mode) throw new RangeError("mode");
    const keys = Array.from({ length: reader.uint16() }, () => decodeEntry(reader));
    const pinned = Array.from({ length: reader.uint16() }, () => hex(reader.take(32)));
    if (reader.remaining > 0) throw new RangeError("length");
    return { revision, writer, state: { mode, keys, pinned } };
  } catch (cause) {
    throw new HsmError("internal", "the domain state in the token cannot be read", { cause });
  }
}

function decodeEntry(reader: ByteReader): DomainEntry {
  const id = hex(reader.take(16));
  const macKeyId = hex(reader.take(16));
  const state = domainKeyStates[reader.uint8()];
  if (!state) throw new RangeError("state");
  return { id, macKeyId, state, since: reader.uint32() * two32 + reader.uint32() };
}

/** The one that holds: the highest revision, and of two with the same the one whose writer is lower. */
export const newest = (revisions: readonly Revision[]): Revision | undefined =>
  [...revisions].sort((a, b) => b.revision - a.revision || compareBytes(a.writer, b.writer))[0];
