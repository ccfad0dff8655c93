import type { Bytes } from "../base/bytes.ts";
import { HsmError } from "../base/errors.ts";
import { type Suite, suites } from "../model/ciphertext.ts";
import type { HbkSpec } from "../model/key-spec.ts";
import type { Engine, Sm4 } from "./engine.ts";

/** By the cipher of a suite: `ciphertext ‖ tag`. K is the beginning of `derived`, K(1) of the suite's derivation. */
export function sealBy(suite: Suite, engine: Engine, derived: Bytes, iv: Bytes, aad: Bytes, plaintext: Bytes): Bytes {
  return suite === suites.SM4
    ? sm4Of(engine).seal(derived.subarray(0, suite.keyLength), iv, aad, plaintext)
    : engine.gcmSeal(derived, iv, aad, plaintext);
}

/** null: not authentic. */
export function openBy(
  suite: Suite,
  engine: Engine,
  derived: Bytes,
  iv: Bytes,
  aad: Bytes,
  sealed: Bytes,
): Bytes | null {
  return suite === suites.SM4
    ? sm4Of(engine).open(derived.subarray(0, suite.keyLength), iv, aad, sealed)
    : engine.gcmOpen(derived, iv, aad, sealed);
}

/** Why the engine does not encrypt for keys of this spec; undefined when it does. */
export const cipherRefusal = ({ name, sm4 }: Pick<Engine, "name" | "sm4">, spec: HbkSpec): string | undefined =>
  spec === "SM4" && !sm4
    ? `SYMMETRIC_DEFAULT is SM4 in China Regions, which the OpenSSL of this Node lacks, and with it the engine ${name}: choose the engine wasm, which has its own.`
    : undefined;

function sm4Of(engine: Engine): Sm4 {
  if (!engine.sm4) throw new HsmError("refused", cipherRefusal(engine, "SM4") as string);
  return engine.sm4;
}
