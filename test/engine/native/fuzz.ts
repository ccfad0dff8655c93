/**
 * Valid calls of every native function with some of their arguments changed. Nothing is expected but that each answers a
 * status: memory errors are found by AddressSanitizer (scripts/test-native-asan) or by a crash.
 * Usage: fuzz.ts <addon> <seconds> [seed]
 */
import { createHmac } from "node:crypto";
import type { Bytes } from "../../../src/base/bytes.ts";
import { type Addon, load } from "../../../src/engine/native/addon.ts";
import { type Call, receivers } from "./functions.ts";
import { type ValidCall, validCalls } from "./valid-calls.ts";

type Random = (most: number) => number;

/** How often each function answered each status; "ok" stands for a length. */
export function fuzz(addon: Addon, seconds: number, seed: string): Readonly<Record<string, number>> {
  const random = randomness(seed);
  const answers: Record<string, number> = {};
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const calls = validCalls(receivers(addon));
    for (let i = 0; i < 5000; i++) {
      const [name, receiver, args] = chosen(random, calls);
      const status = ((receiver as Record<string, Call>)[name] as Call).apply(receiver, changed(random, args, calls));
      if (!Number.isInteger(status)) throw new Error(`${name} answered ${status}, seed ${seed}`);
      const kind = `${name} ${(status as number) < 0 ? status : "ok"}`;
      answers[kind] = (answers[kind] ?? 0) + 1;
    }
  }
  return answers;
}

/** Numbers below `most`, the same for the same seed. */
function randomness(seed: string): Random {
  let block = Buffer.alloc(0);
  let at = 0;
  let counter = 0;
  return (most) => {
    if (at === block.length) {
      block = createHmac("sha512", seed).update(`${counter++}`).digest();
      at = 0;
    }
    at += 4;
    return block.readUInt32LE(at - 4) % most;
  };
}

const chosen = <Choice>(random: Random, choices: readonly Choice[]): Choice =>
  choices[random(choices.length)] as Choice;

/** Copies, so that no call sees what another did; none to three of them changed. */
function changed(random: Random, args: readonly (Bytes | number)[], calls: readonly ValidCall[]): unknown[] {
  const copies: unknown[] = args.map(copied);
  for (let changes = random(4); changes > 0; changes--) {
    const i = random(args.length);
    const arg = args[i] as Bytes | number;
    copies[i] = typeof arg === "number" ? chosen(random, numbers) : changedOctets(random, arg, copies, calls);
  }
  return copies;
}

const numbers = [0, 1, 2, 3, 4, 5, 6, 15, 16, 32, 64, 65, 256, 384, 512, 1024, 2 ** 31 - 1, 2 ** 31, -1, 0.5, "1"];

function changedOctets(random: Random, bytes: Bytes, others: readonly unknown[], calls: readonly ValidCall[]): unknown {
  switch (random(7)) {
    case 0:
      return resized(bytes, Math.max(bytes.length - 1 - random(20), 0));
    case 1:
      return resized(bytes, bytes.length + 1 + random(20));
    case 2:
      return resized(bytes, random(10_000));
    case 3:
      return copied(chosen(random, chosen(random, calls)[2]));
    case 4:
      return over(random, chosen(random, others), bytes.length);
    case 5:
      return chosen(random, [undefined, "octets", [], new Uint16Array(8), new Uint8Array(new SharedArrayBuffer(32))]);
    default: {
      const edited = resized(bytes, bytes.length);
      const at = random(bytes.length + 1);
      if (at < bytes.length) edited[at] = (edited[at] as number) ^ (1 << random(8));
      return edited;
    }
  }
}

/** A view of another argument's buffer. */
function over(random: Random, other: unknown, length: number): unknown {
  if (!(other instanceof Uint8Array)) return other;
  const offset = random(other.length + 1);
  return other.subarray(offset, offset + length);
}

const copied = (arg: Bytes | number) => (typeof arg === "number" ? arg : resized(arg, arg.length));

/** Octets outside V8's heap and in no pool, so that a sanitizer watches their ends. */
function resized(bytes: Bytes, length: number): Bytes {
  const copy = new Uint8Array(new ArrayBuffer(length));
  copy.set(bytes.subarray(0, length));
  return copy;
}

if (import.meta.main) {
  const [path = "", seconds = "30", seed = `${Date.now()}`] = process.argv.slice(2);
  const answers = fuzz(load(path), Number(seconds), seed);
  const calls = Object.values(answers).reduce((sum, count) => sum + count, 0);
  const names = new Set(Object.keys(answers).map((kind) => kind.split(" ")[0]));
  console.log(`${calls} calls of ${names.size} functions with seed ${seed}: ${Object.keys(answers).length} outcomes`);
}
