import type { Engine } from "../../../engine/engine.ts";
import type { Cryptoki } from "../cryptoki/cryptoki.ts";
import type { MacHash } from "../cryptoki/mac-hash.ts";
import { type PairAbilities, pairFamilies } from "../keys/pair-abilities.ts";
import type { Wrappings } from "../keys/wrapping.ts";
import type { ImportAbilities } from "./import-abilities.ts";
import { findImportAbilities } from "./import-profile.ts";
import { findPairAbilities } from "./pair-profile.ts";
import { findMacs } from "./self-tests.ts";
import { subjectOf } from "./subject.ts";

/** What known answers have shown of a module and a kind of token. Plain data: one worker tells it to the others. */
export interface Profile {
  /** `subjectOf` */
  readonly of: string;
  /** Of HMAC. */
  readonly hashes: readonly MacHash[];
  readonly pairs: PairAbilities;
  readonly imports: ImportAbilities;
}

/**
 * The one of `known` that is of this module and kind of token; what the tests say, where none is. HMAC is tested in any
 * case, as `wrappings` have been: it takes milliseconds, and all the rest tenths of a second.
 */
export async function profileOf(
  token: Cryptoki,
  engine: Engine,
  wrappings: Wrappings,
  initArgs: string | undefined,
  known: readonly (Profile | undefined)[] = [],
): Promise<Profile> {
  const [best] = wrappings;
  const hashes = findMacs(token);
  const of = subjectOf(token, [wrappings.map(({ name }) => name), hashes, initArgs]);
  const same = known.find((profile) => profile?.of === of);
  if (same) return same;
  const pairs = best ? await findPairAbilities(token, engine, best) : noPairs;
  const imports = await findImportAbilities(token, engine, wrappings, pairs);
  return { of, hashes, pairs, imports };
}

/** They are wrapped to be kept. */
const lacks = Object.fromEntries(pairFamilies.map((family) => [family, "it wraps no keys"]));
const noPairs: PairAbilities = { works: {}, lacks, mostBits: 0, unpadded: [] };
