import { type Bytes, equalBytes } from "../base/bytes.ts";
import { keyTypeOf } from "./algorithms.ts";
import { type HbkSpec, type KeyUsage, keySpecs, keyUsages, type Origin, origins } from "./key-spec.ts";

/**
 * What the material of an HBK is for. The HSM refuses to use a key token for another kind.
 * `record` and `index` keys alone may be released to the host: they seal and name the records of the store.
 */
export const hbkKinds = {
  "kms-symmetric": 1,
  "kms-hmac": 2,
  "kms-private": 3,
  record: 4,
  sigv4: 5,
  audit: 6,
  import: 7,
  index: 8,
} as const;
export type HbkKind = keyof typeof hbkKinds;

/** `INTERNAL` is the usage of every kind that is not a KMS key's. */
export type HbkUsage = KeyUsage | "INTERNAL";

/** What a key token binds to its material; immutable for the life of the HBK. */
export interface HbkMeta {
  readonly kind: HbkKind;
  readonly spec: HbkSpec;
  readonly usage: HbkUsage;
  readonly origin: Origin;
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
  /** The 16 raw bytes of the KMS key id (of its UUID, or of the 32 digits after `mrk-`); random for internal kinds. */
  readonly keyId: Bytes;
}

/**
 * Whether the boundary of an engine keeps the key without computing with it: private keys, and HMAC keys of another hash
 * than SHA-256. They are made, named and used outside, in the clear for the time of a call.
 */
export const isExposed = ({ kind, spec }: Pick<HbkMeta, "kind" | "spec">): boolean =>
  kind === "kms-private" || (kind === "kms-hmac" && spec !== "HMAC_256");

/** Whether two tokens are about one KMS key, in one region. */
export const isSameKey = (a: HbkMeta, b: HbkMeta): boolean =>
  a.account === b.account && a.region === b.region && equalBytes(a.keyId, b.keyId);

/** What the material of a KMS key is. */
export function kindOfSpec(spec: HbkSpec): HbkKind {
  const kinds = { symmetric: "kms-symmetric", HMAC: "kms-hmac", asymmetric: "kms-private" } as const;
  return kinds[keyTypeOf(spec)];
}

/** One-byte codes of the key token. Positions in the lists are pinned: append only. */
export const specCode = (spec: HbkSpec): number => (spec === "SM4" ? sm4 : keySpecs.indexOf(spec) + 1);
export const specOf = (code: number): HbkSpec | undefined => (code === sm4 ? "SM4" : keySpecs[code - 1]);
/** The API has no such spec. */
const sm4 = 0x80;

const internalUsage = 0x10;
export const usageCode = (usage: HbkUsage): number =>
  usage === "INTERNAL" ? internalUsage : keyUsages.indexOf(usage) + 1;
export const usageOf = (code: number): HbkUsage | undefined =>
  code === internalUsage ? "INTERNAL" : keyUsages[code - 1];

export const originCode = (origin: Origin): number => origins.indexOf(origin) + 1;
export const originOf = (code: number): Origin | undefined => origins[code - 1];

export const kindOf = (code: number): HbkKind | undefined =>
  (Object.keys(hbkKinds) as HbkKind[]).find((kind) => hbkKinds[kind] === code);
