import { HsmError } from "../../base/errors.ts";
import type { Asymmetric } from "../../engine/asymmetric/asymmetric.ts";
import { algorithmsOf } from "../../model/algorithms.ts";
import { type HbkMeta, kindOfSpec } from "../../model/hbk.ts";
import type { KeySpec, KeyUsage } from "../../model/key-spec.ts";

/** Why a soft HSM has no keys of this spec and usage; undefined when it has. */
export function refusal(asymmetric: Asymmetric, spec: KeySpec, usage: KeyUsage): string | undefined {
  if (!algorithmsOf(spec, usage)) return `There are no ${spec} keys for ${usage}.`;
  if (spec !== "SM2") return undefined;
  return asymmetric.refusal("SM2DSA", "RAW");
}

/** Throws unless it has such KMS keys. */
export function requireServed(asymmetric: Asymmetric, { kind, spec, usage }: HbkMeta): void {
  const reason =
    usage === "INTERNAL" || kindOfSpec(spec) !== kind
      ? `There are no ${spec} keys of kind ${kind} for ${usage}.`
      : refusal(asymmetric, spec, usage);
  if (reason !== undefined) throw new HsmError("unsupported", reason);
}
