import { ByteReader, type Bytes, concat, fromUtf8, uint16, utf8 } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { type HbkMeta, hbkKinds, kindOf, originCode, originOf, specCode, specOf, usageCode, usageOf } from "./hbk.ts";

/**
 * Exported key token: an HBK wrapped under a domain key, with its metadata authenticated.
 *
 *    0  version 1       = 1
 *    1  suite 1         1 AES-256-GCM · 2 KWP and HMAC-SHA-256 · 3 AES-CBC-PAD and HMAC-SHA-256 ·
 *                       4 resident: the HBK is an object of the token, by its id; and HMAC-SHA-256
 *    2  domain key id 16
 *   18  MAC key id 16   zero in suite 1
 *   34  kind 1 ‖ spec 1 ‖ usage 1 ‖ origin 1
 *   38  account: u8 length ‖ ASCII
 *       region: u8 length ‖ ASCII
 *       key id 16                            ── the head ends here
 *       HBK id 32
 *       wrapped: u16 length ‖ bytes          suite 1: IV 12 ‖ ciphertext · 2: KWP · 3: IV 16 ‖ ciphertext · 4: nothing
 *       tag                                  suite 1: 16, AAD = every byte before the IV · 2 to 4: 32, HMAC of every byte before it
 *
 * Reading authenticates nothing: only the HSM that holds the domain key can.
 */
const ektVersion = 1;
export const ektSuites = { gcm: 1, kwp: 2, cbcPad: 3, resident: 4 } as const;
export type EktSuite = (typeof ektSuites)[keyof typeof ektSuites];

const noMacKey = new Uint8Array(16);

export interface EktHead {
  readonly suite: EktSuite;
  /** 16 bytes each. */
  readonly domainKeyId: Bytes;
  readonly macKeyId: Bytes;
  readonly meta: HbkMeta;
}

export interface ParsedEkt extends EktHead {
  readonly head: Bytes;
  readonly hbkId: Bytes;
  readonly wrapped: Bytes;
  readonly tag: Bytes;
}

export function ektHead(suite: EktSuite, domainKeyId: Bytes, macKeyId: Bytes | undefined, meta: HbkMeta): Bytes {
  const account = utf8(meta.account);
  const region = utf8(meta.region);
  return concat(
    Uint8Array.of(ektVersion, suite),
    domainKeyId,
    macKeyId ?? noMacKey,
    Uint8Array.of(hbkKinds[meta.kind], specCode(meta.spec), usageCode(meta.usage), originCode(meta.origin)),
    Uint8Array.of(account.length),
    account,
    Uint8Array.of(region.length),
    region,
    meta.keyId,
  );
}

/** What the tag covers, given that suite's rule; the wrapped bytes follow their length. */
export const ektBody = (head: Bytes, hbkId: Bytes, wrapped: Bytes): Bytes =>
  concat(head, hbkId, uint16(wrapped.length), wrapped);

/** Of a token or its head, without reading the rest. */
export const domainKeyIdOf = (ekt: Bytes): Bytes => ekt.subarray(2, 18);

/** Throws `HsmError("refused")` on anything that is not a whole head. The parts are views. */
export const parseEktHead = (head: Bytes): EktHead =>
  parseWhole(head, "not the head of a key token", (reader) => readHead(reader));

/** Throws `HsmError("refused")` on anything that is not a whole token. The parts are views. */
export const parseEkt = (ekt: Bytes): ParsedEkt =>
  parseWhole(ekt, "not a key token", (reader) => {
    const fields = readHead(reader);
    const head = ekt.subarray(0, reader.offset);
    const hbkId = reader.take(32);
    const wrapped = reader.take(reader.uint16());
    const tag = reader.take(fields.suite === ektSuites.gcm ? 16 : 32);
    return { ...fields, head, hbkId, wrapped, tag };
  });

function readHead(reader: ByteReader): EktHead {
  const version = reader.uint8();
  const suite = reader.uint8() as EktSuite;
  const domainKeyId = reader.take(16);
  const macKeyId = reader.take(16);
  const kind = kindOf(reader.uint8());
  const spec = specOf(reader.uint8());
  const usage = usageOf(reader.uint8());
  const origin = originOf(reader.uint8());
  const account = fromUtf8(reader.take(reader.uint8()));
  const region = fromUtf8(reader.take(reader.uint8()));
  const keyId = reader.take(16);
  const known = version === ektVersion && Object.values(ektSuites).includes(suite);
  if (!known || !kind || !spec || !usage || !origin) throw new RangeError("unknown field");
  return { suite, domainKeyId, macKeyId, meta: { kind, spec, usage, origin, account, region, keyId } };
}

function parseWhole<Parsed>(bytes: Bytes, failure: string, read: (reader: ByteReader) => Parsed): Parsed {
  try {
    const reader = new ByteReader(bytes);
    const parsed = read(reader);
    if (reader.remaining > 0) throw new RangeError("trailing bytes");
    return parsed;
  } catch (cause) {
    throw new HsmError("refused", failure, { cause });
  }
}
