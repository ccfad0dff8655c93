import { ConfigError } from "../../base/errors.ts";
import { chooseEngine } from "../../engine/auto.ts";
import { openEngine } from "../../engine/index.ts";
import type { Contender } from "./contender.ts";
import { openNoble } from "./noble.ts";
import { nodeCryptoTuned, openNodeCrypto } from "./node-crypto.ts";
import { contenderOf, givenBuffer, manyAtOnce, openWasm } from "./ours.ts";
import { openPeculiar, webCrypto } from "./web-crypto.ts";

/** In the order of every report; the first that is here is what the others are held against. */
const openers: Readonly<Record<string, () => Contender | Promise<Contender>>> = {
  "wasm relaxed": async () => contenderOf("wasm relaxed", await openWasm("relaxed")),
  "wasm, given buffer": async () => givenBuffer("wasm", await openWasm("relaxed")),
  "wasm, 32 a call": async () => manyAtOnce("wasm", await openWasm("relaxed")),
  "wasm strict": async () => contenderOf("wasm strict", await openWasm("strict")),
  native: async () => contenderOf("native", await openEngine("native")),
  "native, given buffer": async () => givenBuffer("native", await openEngine("native")),
  auto: async () => contenderOf("auto", (await chooseEngine("auto")).engine),
  "node:crypto": openNodeCrypto,
  "node:crypto, tuned": () => nodeCryptoTuned,
  WebCrypto: () => webCrypto,
  "@peculiar/webcrypto": openPeculiar,
  noble: openNoble,
};

export interface Contenders {
  readonly contenders: readonly Contender[];
  /** Those that are not here, each with the reason. */
  readonly absent: readonly string[];
}

export async function openContenders(): Promise<Contenders> {
  const contenders: Contender[] = [];
  const absent: string[] = [];
  for (const [name, open] of Object.entries(openers)) {
    try {
      contenders.push(await open());
    } catch (error) {
      absent.push(`${name}: ${reasonOf(error)}`);
    }
  }
  return { contenders, absent };
}

/**
 * Anything but an engine that is not built, a package that is not installed, or a platform without relaxed SIMD, is
 * thrown.
 */
function reasonOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, name } = error as NodeJS.ErrnoException;
  if (code === "ERR_MODULE_NOT_FOUND") return "not installed";
  if (name === "CompileError") return "not for this version of Node";
  throw error;
}
