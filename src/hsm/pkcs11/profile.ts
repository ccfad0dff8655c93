import type { Engine } from "../../engine/engine.ts";
import type { Cryptoki } from "./cryptoki.ts";
import type { MacHash } from "./mac-hash.ts";
import { findMacs, findWrappings, type WrappingName } from "./wrapping.ts";

/** What known answers have shown of a module and a kind of token. Plain data: the first worker tells it to the others. */
export interface Profile {
  readonly of: string;
  /** The best first. */
  readonly wrappings: readonly WrappingName[];
  /** Of HMAC. */
  readonly hashes: readonly MacHash[];
}

/** `known` where it is of the same module, model and firmware; what the tests say, otherwise. */
export function profileOf(token: Cryptoki, engine: Engine, known: Profile | undefined): Profile {
  const of = subjectOf(token);
  if (known?.of === of) return known;
  return { of, wrappings: findWrappings(token, engine).map(({ name }) => name), hashes: findMacs(token) };
}

function subjectOf(token: Cryptoki): string {
  const { manufacturerID, libraryDescription, libraryVersion } = token.moduleInfo();
  const { model, firmwareVersion, hardwareVersion } = token.tokenInfo();
  const versions = [libraryVersion, firmwareVersion, hardwareVersion].map(({ major, minor }) => `${major}.${minor}`);
  return [manufacturerID, libraryDescription, model, ...versions].join("\0");
}
