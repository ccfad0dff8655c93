import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { type Bytes, concat, uint32 } from "../../base/bytes.ts";
import { kbkdfFixedInput } from "../../model/kbkdf.ts";
import type { Task } from "../rounds.ts";

/**
 * The operations, and the sizes of plaintext at which each is measured.
 * - `kms-…`: what Encrypt and Decrypt are made of: KBKDF from an HBK, then AES-256-GCM under what it gives. An HBK is
 *   used for long, so whatever a contender can compute from it beforehand may be kept.
 * - `gcm-…`: AES-256-GCM alone, under a key that the contender has not seen before.
 * - `fused-encrypt`: the soft HSM's own call: opens a key token, draws nonce and IV, then does `kms-encrypt`.
 */
export const benches = {
  "kms-encrypt": [32, 256, 1024, 4096, 65_536, 1_048_576],
  "kms-decrypt": [32, 256, 1024, 4096, 65_536, 1_048_576],
  "gcm-seal": [32, 256, 1024, 4096, 65_536, 1_048_576],
  "gcm-open": [32, 256, 1024, 4096, 65_536, 1_048_576],
  "fused-encrypt": [32, 256, 1024, 4096],
} as const;
export type Bench = keyof typeof benches;

/** What one operation takes; the arrays are the caller's and stay as they are. */
export interface Operands {
  readonly hbk: Bytes;
  /** 48 bytes: the counter is not in it. */
  readonly fixedInput: Bytes;
  readonly key: Bytes;
  readonly iv: Bytes;
  /** 32 bytes. */
  readonly aad: Bytes;
  readonly plaintext: Bytes;
  /** `ciphertext ‖ tag` under `key`, and under the key derived from `hbk`. */
  readonly sealed: Bytes;
  readonly sealedByDerived: Bytes;
}

/** Does an operation once. The answer is a new array, or as the contender's name says. */
export type Run = () => Bytes | Promise<Bytes>;

export interface Contender {
  readonly name: string;
  /** Its runs answer promises. */
  readonly asynchronous: boolean;
  /** How many messages a run handles, all with the same operands; one, where it is not said. */
  readonly messagesPerRun?: number;
  /** For each operation that it knows: what does it, all preparations made; undefined where the size is not for it. */
  readonly benches: Readonly<Partial<Record<Bench, (operands: Operands) => Run | undefined | Promise<Run>>>>;
}

/** A contender at one operation and size. */
export interface EngineTask extends Task {
  readonly bench: Bench;
  readonly bytes: number;
  readonly contender: Contender;
}

export const counter = uint32(1);

export function newOperands(bytes: number): Operands {
  const [hbk, key, iv, aad] = [random(32), random(32), random(12), random(32)];
  const plaintext = random(bytes);
  const fixedInput = kbkdfFixedInput("SR1-encrypt", random(16), random(16));
  const derived = createHmac("sha256", hbk).update(concat(counter, fixedInput)).digest();
  const [sealed, sealedByDerived] = [key, derived].map((key) => {
    const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(aad);
    return concat(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  }) as [Bytes, Bytes];
  return { hbk, fixedInput, key, iv, aad, plaintext, sealed, sealedByDerived };
}

const random = (length: number): Bytes => new Uint8Array(randomBytes(length));

/** What a run must answer; undefined where every answer is another one. */
export function expectedAnswer(bench: Bench, { plaintext, sealed, sealedByDerived }: Operands): Bytes | undefined {
  if (bench === "fused-encrypt") return undefined;
  if (bench === "kms-encrypt") return sealedByDerived;
  return bench === "gcm-seal" ? sealed : plaintext;
}
