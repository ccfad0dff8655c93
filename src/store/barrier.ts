import { type Bytes, base64, fromBase64, fromUtf8, utf8 } from "../base/bytes.ts";
import { StoreError } from "../base/errors.ts";
import type { Ekt, Hsm } from "../hsm/hsm.ts";
import type { Tokens } from "../hsm/tokens.ts";
import { parseEkt } from "../model/ekt.ts";
import type { HbkMeta } from "../model/hbk.ts";

/** The one record that is not sealed: it holds the tokens of the keys that seal the others. */
export const barrierPath = "barrier";

/** Whoever edits it can only make the store unreadable: the HSM authenticates the tokens. */
export interface Barrier {
  /** Names records and rows. It never changes, so its key id names the store. */
  readonly index: Tokens;
  /** Version n stands at n - 1; the last one seals. */
  readonly records: readonly Tokens[];
}

export async function makeBarrier(hsm: Pick<Hsm, "generateKey">, randomId: () => Bytes): Promise<Barrier> {
  return { index: [await makeKey(hsm, "index", randomId())], records: [[await makeKey(hsm, "record", randomId())]] };
}

export const makeKey = (hsm: Pick<Hsm, "generateKey">, kind: "record" | "index", keyId: Bytes): Promise<Ekt> =>
  hsm.generateKey({ ...internal, kind, keyId });

const internal: Omit<HbkMeta, "kind" | "keyId"> = {
  spec: "SYMMETRIC_DEFAULT",
  usage: "INTERNAL",
  origin: "AWS_KMS",
  account: "000000000000",
  region: "local",
};

/**
 * `{"version":1,"index":"<base64>","records":["<base64>", …]}`, and where other HSMs have wrapped them, too,
 * `"replicas":[["<base64>", …], …]`: of the index key, then of each record key.
 */
export function formatBarrier({ index, records }: Barrier): Bytes {
  const [first, ...rest] = [index, ...records].map(([ekt]) => base64(ekt));
  const replicas = [index, ...records].map(([, ...others]) => others.map(base64));
  const replicated = replicas.some(({ length }) => length > 0);
  return utf8(JSON.stringify({ version: 1, index: first, records: rest, ...(replicated && { replicas }) }));
}

export function parseBarrier(value: Bytes): Barrier {
  try {
    const { version, index, records, replicas = [] } = JSON.parse(fromUtf8(value));
    if (version !== 1 || records.length === 0) throw new RangeError("unknown version");
    const read = (kind: "record" | "index", ekt: string, others: readonly string[] = []): Tokens =>
      [ekt, ...others].map((token) => readToken(token, kind)) as [Ekt, ...Ekt[]];
    return {
      index: read("index", index, replicas[0]),
      records: records.map((ekt: string, i: number) => read("record", ekt, replicas[i + 1])),
    };
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
