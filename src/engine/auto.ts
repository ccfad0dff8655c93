import type { Bytes } from "../base/bytes.ts";
import { ConfigError } from "../base/errors.ts";
import { ektHead, ektSuites } from "../model/ekt.ts";
import type { Engine, EngineName } from "./engine.ts";
import { openEngine } from "./index.ts";

/** What may be chosen where the operator does not say. The node engine, the reference, keeps keys in JavaScript's memory. */
const usualEngines: readonly EngineName[] = ["native", "wasm"];

export interface Choice {
  readonly engine: Engine;
  /** Of a choice that was not the operator's; for people. */
  readonly reason?: string;
}

/** By name, or by `auto` from those that are allowed. Errors: `openEngine`. */
export const chooseEngine = async (
  name: EngineName | "auto",
  allowed: readonly EngineName[] = usualEngines,
): Promise<Choice> => (name === "auto" ? fastestOf(allowed) : { engine: await openEngine(name) });

/** A run of calls takes well under a millisecond; the shortest of some is the one that nothing interrupted. */
const rounds = 15;
const callsPerRound = 20;

/**
 * The rule of `engine: auto`: of the engines that are allowed and built, the one whose boundary encrypts and decrypts 256
 * bytes in the shortest time, here and now; one that lacks SM4, which China Regions need, only where all do. Throws a
 * ConfigError when there is none, and an `HsmError("internal")` when one fails its self-test: that is no reason to go on
 * with another.
 */
async function fastestOf(allowed: readonly EngineName[]): Promise<Choice> {
  const engines: Engine[] = [];
  const missing: string[] = [];
  for (const name of new Set(allowed)) {
    try {
      engines.push(await openEngine(name));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      missing.push(error.message);
    }
  }
  const ranking = measured(engines);
  const fastest = preferred(ranking);
  if (!fastest) throw new ConfigError(["no engine that is allowed can be opened", ...missing].join("; "));
  const times = ranking.map(({ engine, time }) => `${engine.name} ${(time * 1000).toFixed(1)} µs`);
  return { engine: fastest.engine, reason: [`engine auto: ${times.join(", ")}`, ...missing].join("; ") };
}

/** Of engines with their times, the fastest first. */
export const preferred = <Ranked extends { readonly engine: Pick<Engine, "sm4"> }>(
  ranking: readonly Ranked[],
): Ranked | undefined => ranking.find(({ engine }) => engine.sm4) ?? ranking[0];

/** Fastest first; times in milliseconds a call. */
function measured(engines: readonly Engine[]): { readonly engine: Engine; readonly time: number }[] {
  const contenders = engines.map((engine) => ({ engine, boundary: engine.boundary(), time: Number.POSITIVE_INFINITY }));
  const id = new Uint8Array(16);
  const runs = contenders.map(({ boundary }) => {
    boundary.generateDomainKey(id);
    const ekt = boundary.generate(headUnder(id), 32);
    const text = new Uint8Array(256);
    return () => boundary.decrypt(ekt, id, boundary.encrypt(ekt, id, text));
  });
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const start = performance.now();
      for (let call = 0; call < callsPerRound; call++) runs[i]?.();
      contender.time = Math.min(contender.time, (performance.now() - start) / callsPerRound / 2);
    }
  }
  for (const { boundary } of contenders) boundary.close();
  return contenders.toSorted((a, b) => a.time - b.time);
}

const headUnder = (domainKeyId: Bytes): Bytes =>
  ektHead(ektSuites.gcm, domainKeyId, undefined, {
    kind: "kms-symmetric",
    spec: "SYMMETRIC_DEFAULT",
    usage: "ENCRYPT_DECRYPT",
    origin: "AWS_KMS",
    account: "000000000000",
    region: "local",
    keyId: new Uint8Array(16),
  });
