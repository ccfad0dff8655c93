import type { Engine } from "../../../engine/engine.ts";
import type { Cryptoki } from "../cryptoki/cryptoki.ts";
import type { MacHash } from "../cryptoki/mac-hash.ts";
import { type PairAbilities, pairFamilies } from "../keys/pair-abilities.ts";
import { findWrappings, type WrappingName } from "../keys/wrapping.ts";
import type { ImportAbilities } from "./import-abilities.ts";
import { findImportAbilities } from "./import-profile.ts";
import { findPairAbilities } from "./pair-profile.ts";
import { findMacs } from "./self-tests.ts";

/** What known answers have shown of a module and a kind of token. Plain data: the first worker tells it to the others. */
export interface Profile {
  readonly of: string;
  /** The best first. */
  readonly wrappings: readonly WrappingName[];
  /** Of HMAC. */
  readonly hashes: readonly MacHash[];
  readonly pairs: PairAbilities;
  readonly imports: ImportAbilities;
}

/** `known` where it is of the same module, model and firmware; what the tests say, otherwise. */
export async function profileOf(token: Cryptoki, engine: Engine, known: Profile | undefined): Promise<Profile> {
  const of = subjectOf(token);
  if (known?.of === of) return known;
  const wrappings = findWrappings(token, engine);
  const [best] = wrappings;
  const pairs = best ? await findPairAbilities(token, engine, best) : noPairs;
  const imports = await findImportAbilities(token, engine, wrappings, pairs);
  return { of, wrappings: wrappings.map(({ name }) => name), hashes: findMacs(token), pairs, imports };
}

/** They are wrapped to be kept. */
const lacks = Object.fromEntries(pairFamilies.map((family) => [family, "it wraps no keys"]));
const noPairs: PairAbilities = { works: {}, lacks, mostBits: 0, unpadded: [] };

function subjectOf(token: Cryptoki): string {
  const { manufacturerID, libraryDescription, libraryVersion } = token.moduleInfo();
  const { model, firmwareVersion, hardwareVersion } = token.tokenInfo();
  const versions = [libraryVersion, firmwareVersion, hardwareVersion].map(({ major, minor }) => `${major}.${minor}`);
  return [manufacturerID, libraryDescription, model, ...versions].join("\0");
}
