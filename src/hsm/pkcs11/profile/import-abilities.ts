import type { HbkSpec, WrappingAlgorithm } from "../../../model/key-spec.ts";
import type { Wrapping } from "../../../model/wrapping.ts";
import { type PairAbilities, rsaRefusal } from "../keys/pair-abilities.ts";

/** What known material has shown of a token's way with what comes from outside. Plain data. */
export interface ImportAbilities {
  /** Whose material it takes whole; RSA keys of every length are tried by one of 2,048 bits. */
  readonly takes: { readonly [Algorithm in WrappingAlgorithm]?: readonly HbkSpec[] };
  /** Why it takes none, for people. */
  readonly lacks: { readonly [Algorithm in WrappingAlgorithm]?: string };
}

/** Why no material of this spec comes in under this wrapping; undefined when it does. */
export function unwrappingRefusal(
  { takes, lacks }: ImportAbilities,
  pairs: PairAbilities,
  spec: HbkSpec,
  { algorithm, keySpec }: Wrapping,
): string | undefined {
  if (!keySpec.startsWith("RSA_")) return `The PKCS#11 driver has no ${keySpec} wrapping keys.`;
  const reason = rsaRefusal(pairs, keySpec);
  if (reason !== undefined) return reason;
  if (takes[algorithm]?.includes(triedBy(spec))) return undefined;
  const lack = lacks[algorithm] ?? (spec === "SM4" ? "or computes no HMAC with keys of 16 bytes" : undefined);
  return `The token does not unwrap ${spec} key material by ${algorithm}${lack === undefined ? "" : `: ${lack}`}.`;
}

const triedBy = (spec: HbkSpec): HbkSpec => (spec.startsWith("RSA_") ? "RSA_2048" : spec);
