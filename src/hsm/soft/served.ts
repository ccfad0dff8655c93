import { HsmError } from "../../base/errors.ts";
import type { Asymmetric } from "../../engine/asymmetric/asymmetric.ts";
import type { Engine } from "../../engine/engine.ts";
import { cipherRefusal } from "../../engine/suites.ts";
import { algorithmsOf } from "../../model/algorithms.ts";
import { type HbkMeta, kindOfSpec } from "../../model/hbk.ts";
import type { HbkSpec, KeyUsage } from "../../model/key-spec.ts";

/** Why a soft HSM has no keys of this spec and usage; undefined when it has. */
export function refusal(
  asymmetric: Asymmetric,
  engine: Pick<Engine, "name" | "sm4">,
  spec: HbkSpec,
  usage: KeyUsage,
): string | undefined {
  if (!algorithmsOf(spec, usage)) return `There are no ${spec} keys for ${usage}.`;
  return spec === "SM2" ? asymmetric.refusal("SM2DSA", "RAW") : cipherRefusal(engine, spec);
}

/** Throws unless it has such KMS keys. */
export function requireServed(asymmetric: Asymmetric, engine: Engine, { kind, spec, usage }: HbkMeta): void {
  const reason =
    usage === "INTERNAL" || kindOfSpec(spec) !== kind
      ? `There are no ${spec} keys of kind ${kind} for ${usage}.`
      : refusal(asymmetric, engine, spec, usage);
  if (reason !== undefined) throw new HsmError("unsupported", reason);
}
