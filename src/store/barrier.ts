import { type Bytes, base64, fromBase64, fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Ekt, Hsm } from "../hsm/hsm.ts";
import { parseEkt } from "../model/ekt.ts";
import type { HbkMeta } from "../model/hbk.ts";

/** The one record that is not sealed: it holds the tokens of the keys that seal the others. */
export const barrierPath = "barrier";

/** Whoever edits it can only make the store unreadable: the HSM authenticates the tokens. */
export interface Barrier {
  /** Names records and rows. It never changes, so its key id names the store. */
  readonly index: Ekt;
  /** Version n stands at n - 1; the last one seals. */
  readonly records: readonly Ekt[];
}

export async function makeBarrier(hsm: Hsm, randomId: () => Bytes): Promise<Barrier> {
  return { index: await makeKey(hsm, "index", randomId()), records: [await makeKey(hsm, "record", randomId())] };
}

export const makeKey = (hsm: Hsm, kind: "record" | "index", keyId: Bytes): Promise<Ekt> =>
  hsm.generateKey({ ...internal, kind, keyId });

const internal: Omit<HbkMeta, "kind" | "keyId"> = {
  spec: "SYMMETRIC_DEFAULT",
  usage: "INTERNAL",
  origin: "AWS_KMS",
  account: "000000000000",
  region: "local",
};

/** `{"version":1,"index":"<base64>","records":["<base64>", …]}` */
export const formatBarrier = ({ index, records }: Barrier): Bytes =>
  utf8(JSON.stringify({ version: 1, index: base64(index), records: records.map(base64) }));

export function parseBarrier(value: Bytes): Barrier {
  try {
    const { version, index, records } = JSON.parse(fromUtf8(value));
    if (version !== 1 || records.length === 0) throw new RangeError("unknown version");
    return { index: readToken(index, "index"), records: records.map((token: unknown) => readToken(token, "record")) };
  } catch (cause) {
    throw new StoreError("corrupt", "the store's barrier record is malformed", { cause });
  }
}

/** A token of the other kind is refused here: the HSM releases both. */
function readToken(text: unknown, kind: "record" | "index"): Ekt {
  const ekt = typeof text === "string" ? fromBase64(text) : undefined;
  if (!ekt || parseEkt(ekt).meta.kind !== kind) throw new RangeError(`not a token of kind ${kind}`);
  return ekt;
}
