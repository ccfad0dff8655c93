import { base64, equalBytes, fromBase64 } from "../base/bytes.ts";
import type { Ekt } from "./hsm.ts";

/** One HBK as one HSM or several have wrapped it: any of the tokens is the key. */
export type Tokens = readonly [Ekt, ...Ekt[]];

/** How records keep them, base64: `replicas` is what other HSMs than that of `ekt` have wrapped. */
export interface StoredTokens {
  readonly ekt: string;
  readonly replicas?: readonly string[];
}

/** undefined: not base64. */
export function readTokens({ ekt, replicas = [] }: StoredTokens): Tokens | undefined {
  const tokens = [ekt, ...replicas].map(fromBase64);
  return tokens.includes(undefined) ? undefined : (tokens as [Ekt, ...Ekt[]]);
}

/** `record` with other tokens. */
export function withTokens<T extends StoredTokens>(record: T, [first, ...others]: Tokens): T {
  const { replicas: _replicas, ...rest } = { ...record, ekt: base64(first) };
  return (others.length > 0 ? { ...rest, replicas: others.map(base64) } : rest) as unknown as T;
}

export const sameTokens = (a: Tokens, b: Tokens): boolean =>
  a.length === b.length && a.every((ekt, i) => equalBytes(ekt, b[i] as Ekt));

/** Makes others of an HBK's tokens, or answers them as they are. */
export type ChangeTokens = (tokens: Tokens) => Promise<Tokens>;
