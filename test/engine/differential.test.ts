import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Bytes, equalBytes } from "../../src/base/bytes.ts";
import type { Boundary } from "../../src/engine/boundary.ts";
import type { Engine, EngineName } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/index.ts";
import { domainKeyId, headOf, root, symmetricKey } from "../conformance/boundary-fixture.ts";

const names: readonly EngineName[] = ["wasm", "native", "node"];
let engines: readonly Engine[];
let boundaries: readonly Boundary[];

beforeAll(async () => {
  engines = await Promise.all(names.map(openEngine));
  boundaries = engines.map((engine) => engine.boundary());
  const [first] = boundaries;
  first?.generateDomainKey(domainKeyId);
  for (const boundary of boundaries) boundary.setRoot(root);
  const sealed = first?.sealDomainKey(domainKeyId) as Bytes;
  for (const boundary of boundaries) expect(boundary.openDomainKey(domainKeyId, sealed)).toBe(true);
});
afterAll(() => {
  for (const boundary of boundaries) boundary.close();
});

/** What all engines answer alike; an exception is an answer by its class. */
function agreed<Maker, Answer>(makers: readonly Maker[], call: (maker: Maker) => Answer): Answer | string {
  const answers = makers.map((maker) => answerOf(() => call(maker)));
  for (const answer of answers) expect(shown(answer)).toBe(shown(answers[0]));
  return answers[0] as Answer | string;
}

function answerOf<Answer>(call: () => Answer): Answer | string {
  try {
    return call();
  } catch (error) {
    return `${(error as Error).name} ${(error as { kind?: string }).kind ?? ""}`;
  }
}

const shown = (answer: unknown): string => (answer instanceof Uint8Array ? answer.toHex() : String(answer));

/** Views of one buffer, which lie where they lie: beside, over and inside each other. */
const views = (...longest: readonly number[]) =>
  fc
    .tuple(
      fc.uint8Array({ minLength: 512, maxLength: 512 }),
      ...longest.map((most) => fc.tuple(fc.nat(300), fc.oneof(fc.nat(80), fc.nat(most)))),
    )
    .map(([seed, ...cuts]) => {
      const memory = Uint8Array.from({ length: 9000 }, (_, i) => (seed[i % 512] as number) ^ (i >> 9));
      return cuts.map(([offset, length]) => memory.subarray(offset, offset + length)) as [Bytes, ...Bytes[]] & Bytes[];
    });
const exact = (bytes: Bytes, length: number): Bytes => new Uint8Array(bytes.buffer as ArrayBuffer, 1, length);
const runs = { numRuns: 200 };

describe("wasm, native and node answer alike", () => {
  it("by every primitive, of views that overlap", () => {
    fc.assert(
      fc.property(views(200, 5000, 300, 300), ([key, message, aad, short]) => {
        const [key32, iv] = [exact(key, 32), exact(key, 12)];
        agreed(engines, (engine) => engine.sha256(message as Bytes));
        agreed(engines, (engine) => engine.hmacSha256(key, message as Bytes));
        agreed(engines, (engine) => engine.kbkdf(key, message as Bytes));
        agreed(engines, (engine) => engine.equal(aad as Bytes, short as Bytes));
        const sealed = agreed(engines, (engine) => engine.gcmSeal(key32, iv, aad as Bytes, message as Bytes)) as Bytes;
        expect(agreed(engines, (engine) => engine.gcmOpen(key32, iv, aad as Bytes, sealed))).toEqual(message);
        expect(agreed(engines, (engine) => engine.gcmOpen(key32, iv, aad as Bytes, sealed.subarray(1)))).toBeNull();
        const short16 = exact(key, 16);
        const bySm4 = agreed(engines, (engine) =>
          engine.sm4?.seal(short16, iv, aad as Bytes, message as Bytes),
        ) as Bytes;
        expect(agreed(engines, (engine) => engine.sm4?.open(short16, iv, aad as Bytes, bySm4))).toEqual(message);
        const wrapped = agreed(engines, (engine) => engine.kwpWrap(key32, short as Bytes));
        if (wrapped instanceof Uint8Array) agreed(engines, (engine) => engine.kwpUnwrap(key32, wrapped));
      }),
      runs,
    );
  });

  it("to arguments of any length", () => {
    fc.assert(
      fc.property(views(40, 20, 100, 100), ([key, iv, aad, text]) => {
        agreed(engines, (engine) => engine.gcmSeal(key, iv as Bytes, aad as Bytes, text as Bytes));
        agreed(engines, (engine) => engine.gcmOpen(key, iv as Bytes, aad as Bytes, text as Bytes));
        agreed(engines, (engine) => engine.sm4?.seal(key, iv as Bytes, aad as Bytes, text as Bytes));
        agreed(engines, (engine) => engine.sm4?.open(key, iv as Bytes, aad as Bytes, text as Bytes));
        agreed(engines, (engine) => engine.kwpWrap(key, text as Bytes));
        agreed(engines, (engine) => engine.kwpUnwrap(key, text as Bytes));
      }),
      runs,
    );
  });

  it("as DRBGs, request after request", () => {
    const requests = fc.array(fc.tuple(fc.integer({ min: 1, max: 400 }), fc.uint8Array({ maxLength: 48 })), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 48, maxLength: 48 }),
        fc.uint8Array({ maxLength: 48 }),
        requests,
        (entropy, personalization, list) => {
          const drbgs = engines.map((engine) => engine.drbg(entropy, personalization));
          for (const [length, additional] of list) agreed(drbgs, (drbg) => drbg.generate(length, additional));
          for (const drbg of drbgs) drbg.reseed(entropy.toReversed(), personalization);
          agreed(drbgs, (drbg) => drbg.generate(33));
          for (const drbg of drbgs) drbg.uninstantiate();
        },
      ),
      runs,
    );
  });
});

describe("what one boundary made, the others open", () => {
  it("whatever the sizes, offsets and overlaps", () => {
    const specs = ["SYMMETRIC_DEFAULT", "SM4", "SM4"] as const;
    const ekts = boundaries.map((boundary, i) => symmetricKey(boundary, specs[i]));
    fc.assert(
      fc.property(views(4200, 8000, 300), fc.nat(2), fc.nat(2), ([plaintext, aad, other], maker, token) => {
        const ekt = ekts[token] as Bytes;
        const ciphertext = answerOf(() => boundaries[maker]?.encrypt(ekt, aad as Bytes, plaintext));
        if (!(ciphertext instanceof Uint8Array)) {
          expect(plaintext.length).toBeGreaterThan(4096);
          return;
        }
        expect(agreed(boundaries, (boundary) => boundary.decrypt(ekt, aad as Bytes, ciphertext))).toEqual(plaintext);
        const opened = agreed(boundaries, (boundary) => boundary.decrypt(ekt, other as Bytes, ciphertext));
        expect(opened !== null).toBe(equalBytes(other as Bytes, aad as Bytes));
      }),
      runs,
    );
  });

  it("and nobody opens what was edited, be it token, ciphertext or sealed domain key", () => {
    const ekt = boundaries[0]?.generate(headOf("kms-symmetric"), 32) as Bytes;
    const aad = new Uint8Array(40);
    const ciphertext = boundaries[0]?.encrypt(ekt, aad, new Uint8Array(50)) as Bytes;
    const sealed = boundaries[0]?.sealDomainKey(domainKeyId) as Bytes;
    const edit = fc.record({ at: fc.nat(400), bit: fc.nat(7), cut: fc.nat(20), grow: fc.nat(20) });
    fc.assert(
      fc.property(edit, fc.nat(2), (change, which) => {
        const edited = [ekt, ciphertext, sealed].map((bytes, i) => (i === which ? editedBy(bytes, change) : bytes));
        const [token, text, key] = edited as [Bytes, Bytes, Bytes];
        agreed(boundaries, (boundary) => boundary.decrypt(token, aad, text));
        agreed(boundaries, (boundary) => boundary.openDomainKey(domainKeyId, key));
        agreed(boundaries, (boundary) => boundary.wrapFor(token, root));
        agreed(boundaries, (boundary) => boundary.rewrap(token, headOf("kms-symmetric")).length);
        agreed(boundaries, (boundary) => boundary.encrypt(token, aad, aad).length);
        agreed(
          boundaries,
          (boundary) => boundary.reEncrypt({ ekt, aad, ciphertext: text }, { ekt: token, aad })?.length,
        );
        for (const call of ["release", "mac"] as const) {
          expect(agreed(boundaries, (boundary) => boundary[call](token, aad))).toBe("HsmError refused");
        }
      }),
      runs,
    );
  });
});

function editedBy(bytes: Bytes, { at, bit, cut, grow }: { at: number; bit: number; cut: number; grow: number }): Bytes {
  const edited = new Uint8Array(bytes.length - cut + grow);
  edited.set(bytes.subarray(0, bytes.length - cut));
  const i = at % edited.length;
  edited[i] = (edited[i] as number) ^ (1 << bit);
  return edited;
}
