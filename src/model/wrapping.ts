import type { Message } from "../base/message.ts";
import { keyTypeOf } from "./algorithms.ts";
import {
  type HbkSpec,
  type WrappingAlgorithm,
  type WrappingKeySpec,
  wrappingAlgorithms,
  wrappingKeySpecs,
} from "./key-spec.ts";

/** How material that is imported comes: under which key, by which algorithm. */
export interface Wrapping {
  readonly algorithm: WrappingAlgorithm;
  readonly keySpec: WrappingKeySpec;
}

/**
 * Why there can be no imported material of this spec; undefined when there can. The Developer Guide excludes ML-DSA, and
 * lists no ML-KEM among what can be imported.
 */
export const importRefusal = (spec: HbkSpec): Message | undefined =>
  spec.startsWith("ML_") ? ["UnsupportedOperationException", "importSpec", { spec }] : undefined;

/** Why material of this spec cannot come under this wrapping (Developer Guide, "Select a wrapping algorithm"). */
export function wrappingRefusal(spec: HbkSpec, { algorithm, keySpec }: Wrapping): Message | undefined {
  if (algorithm === "RSAES_PKCS1_V1_5") return ["UnsupportedOperationException", "wrappingPkcs1"];
  if ((algorithm === "SM2PKE") !== (keySpec === "SM2")) {
    return ["UnsupportedOperationException", "wrappingKeySpec", { algorithm, keySpec }];
  }
  const pair = keyTypeOf(spec) === "asymmetric";
  const refused = algorithm.startsWith("RSA_AES")
    ? !pair || spec === "SM2"
    : algorithm.startsWith("RSAES") && (spec.startsWith("RSA") || (spec === "ECC_NIST_P521" && keySpec === "RSA_2048"));
  return refused ? ["UnsupportedOperationException", "wrapping", { algorithm, keySpec, spec }] : undefined;
}

/** Those that `wrappingRefusal` allows. */
export const wrappingsOf = (spec: HbkSpec): readonly Wrapping[] =>
  wrappingAlgorithms
    .flatMap((algorithm) => wrappingKeySpecs.map((keySpec) => ({ algorithm, keySpec })))
    .filter((wrapping) => wrappingRefusal(spec, wrapping) === undefined);

/** Of a secret key, in bytes. HMAC: from the length of the hash to 1,024 bits. */
export function isMaterialLength(spec: HbkSpec, length: number): boolean {
  if (keyTypeOf(spec) === "symmetric") return length === (spec === "SM4" ? 16 : 32);
  return length >= Number(spec.slice("HMAC_".length)) / 8 && length <= 128;
}
