import { type Algorithm, algorithmsOf } from "../../../model/algorithms.ts";
import type { EncryptionAlgorithm, HbkSpec, KeyUsage, MessageType, SigningAlgorithm } from "../../../model/key-spec.ts";

/** RSA keys of every length are tried by one of 2,048 bits. */
export const pairFamilies = ["RSA", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"] as const;
export type PairFamily = (typeof pairFamilies)[number];

/** What known keys have shown of a token's way with key pairs. Plain data. */
export interface PairAbilities {
  /** What gave the right answer. */
  readonly works: { readonly [Family in PairFamily]?: readonly Algorithm[] };
  /** Why there is nothing of a family; for people. */
  readonly lacks: { readonly [Family in PairFamily]?: string };
  /** Of an RSA modulus, as the module states it. */
  readonly mostBits: number;
  /** Those whose padding the worker takes off: decryption.ts. */
  readonly unpadded: readonly EncryptionAlgorithm[];
}

const familyOf = (spec: HbkSpec): PairFamily | undefined =>
  spec.startsWith("RSA_") ? "RSA" : pairFamilies.find((family) => family === spec);

/**
 * Why the token has no such key pairs; undefined when it has. Of signatures, one algorithm is enough: see
 * `signingRefusal`.
 */
export function pairRefusal(abilities: PairAbilities, spec: HbkSpec, usage: KeyUsage): string | undefined {
  const algorithms = algorithmsOf(spec, usage);
  if (!algorithms) return `There are no ${spec} keys for ${usage}.`;
  const family = familyOf(spec);
  if (!family) return `The PKCS#11 driver has no ${spec} keys.`;
  const reason = family === "RSA" ? rsaRefusal(abilities, spec) : lackOf(abilities, family, spec);
  if (reason !== undefined) return reason;
  const works = working(abilities, spec, usage);
  const missing = algorithms.filter((algorithm) => !works.includes(algorithm));
  const refused = usage === "SIGN_VERIFY" ? works.length === 0 : missing.length > 0;
  return refused ? `The token does not compute ${missing.join(", ")} with ${spec} keys.` : undefined;
}

/** Why the token has no RSA keys of this spec, whatever they are for; undefined when it has. */
export function rsaRefusal(abilities: PairAbilities, spec: HbkSpec): string | undefined {
  const { mostBits } = abilities;
  const tooLong = Number(spec.slice("RSA_".length)) > mostBits;
  return (
    lackOf(abilities, "RSA", spec) ?? (tooLong ? `The token makes RSA keys of at most ${mostBits} bits.` : undefined)
  );
}

function lackOf({ lacks }: PairAbilities, family: PairFamily, spec: HbkSpec): string | undefined {
  const lack = lacks[family];
  return lack === undefined ? undefined : `The token does not serve ${spec} keys: ${lack}.`;
}

/** The algorithms of such keys that the token can do. */
export function working({ works }: PairAbilities, spec: HbkSpec, usage: KeyUsage): readonly Algorithm[] {
  const family = familyOf(spec);
  const able = family && works[family];
  return algorithmsOf(spec, usage)?.filter((algorithm) => able?.includes(algorithm)) ?? [];
}

/** Who takes the padding of OAEP off: the token, or the worker from what raw RSA gives. */
export type Unpadding = "token" | "worker";

export const unpaddingOf = ({ unpadded }: PairAbilities, algorithm: Algorithm): Unpadding =>
  unpadded.some((one) => one === algorithm) ? "worker" : "token";

/** Why the token makes no such signatures; undefined when it does. */
export function signingRefusal(
  { works }: PairAbilities,
  algorithm: SigningAlgorithm,
  type: MessageType,
): string | undefined {
  const able = Object.values(works).some((algorithms) => algorithms.includes(algorithm));
  return able && type !== "EXTERNAL_MU"
    ? undefined
    : `The token makes no ${algorithm} signatures over a message of type ${type}.`;
}
