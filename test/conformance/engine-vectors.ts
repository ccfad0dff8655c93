import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { concat, fromHex, hex } from "../../src/base/bytes.ts";
import type { Drbg, Engine } from "../../src/engine/engine.ts";

/** Project Wycheproof and NIST CAVP, as far as the parameters are those of the interface. */
export function vectorClaims(engine: () => Engine): void {
  it("Wycheproof, AES-256-GCM: IVs of 96 bits", () => {
    let checked = 0;
    for (const test of gcmTests((group) => group.ivSize === 96)) {
      const [key, iv, aad] = [fromHex(test.key), fromHex(test.iv), fromHex(test.aad)];
      const opened = engine().gcmOpen(key, iv, aad, fromHex(test.ct + test.tag));
      expect(opened && hex(opened), `tcId ${test.tcId}`).toBe(test.result === "valid" ? test.msg : null);
      if (test.result === "valid")
        expect(hex(engine().gcmSeal(key, iv, aad, fromHex(test.msg)))).toBe(test.ct + test.tag);
      checked++;
    }
    expect(checked).toBe(66);
  });

  it("Wycheproof, AES-256-GCM: other IVs are refused", () => {
    for (const test of gcmTests((group) => group.ivSize !== 96)) {
      const open = () =>
        engine().gcmOpen(fromHex(test.key), fromHex(test.iv), fromHex(test.aad), fromHex(test.ct + test.tag));
      expect(open, `tcId ${test.tcId}`).toThrow(RangeError);
    }
  });

  it("Wycheproof, AES-256-KWP", () => {
    let checked = 0;
    for (const test of wycheproof<KeyWrapTest>("aes_kwp", (group) => group.keySize === 256)) {
      const [kek, material, wrapped] = [fromHex(test.key), fromHex(test.msg), fromHex(test.ct)];
      const unwrapped = engine().kwpUnwrap(kek, wrapped);
      expect(unwrapped && hex(unwrapped), `tcId ${test.tcId}`).toBe(test.result === "invalid" ? null : test.msg);
      if (test.result !== "invalid") expect(hex(engine().kwpWrap(kek, material))).toBe(test.ct);
      checked++;
    }
    expect(checked).toBe(94);
  });

  it("Wycheproof, HMAC-SHA-256", () => {
    let checked = 0;
    for (const test of wycheproof<MacTest>("hmac_sha256", () => true)) {
      const mac = hex(engine().hmacSha256(fromHex(test.key), fromHex(test.msg)));
      expect(mac.startsWith(test.tag), `tcId ${test.tcId}`).toBe(test.result === "valid");
      checked++;
    }
    expect(checked).toBe(174);
  });

  it("CAVP, KBKDF in counter mode", () => {
    const { tests } = vectors<{ tests: KbkdfTest[] }>("kbkdf_ctr_hmac_sha256");
    for (const { L, KI, FixedInputData, KO } of tests) {
      const [key, fixedInput] = [fromHex(KI), fromHex(FixedInputData)];
      // K(2), which the interface does not give: its counter goes before the fixed input by hand.
      const blocks = [
        engine().kbkdf(key, fixedInput),
        engine().hmacSha256(key, concat(Uint8Array.of(0, 0, 0, 2), fixedInput)),
      ];
      expect(hex(concat(...blocks).subarray(0, L / 8))).toBe(KO);
    }
    expect(tests).toHaveLength(40);
  });

  it("CAVP, CTR_DRBG, AES-256, no derivation function", () => {
    let checked = 0;
    for (const group of vectors<{ groups: DrbgGroup[] }>("ctr_drbg_aes256_no_df").groups) {
      for (const test of group.tests) {
        const instance = engine().drbg(fromHex(test.Entropy), fromHex(test.PersonalisationString ?? ""));
        if (test.ReseedEntropy) instance.reseed(fromHex(test.ReseedEntropy), fromHex(test.ReseedAdditionalInput ?? ""));
        request(instance, group, test.AdditionalInputA, test.EntropyPredictionResistanceA);
        const output = request(instance, group, test.AdditionalInputB, test.EntropyPredictionResistanceB);
        expect(hex(output)).toBe(test.Output);
        instance.uninstantiate();
        checked++;
      }
    }
    expect(checked).toBe(720);
  });
}

/** SP 800-90A §9.3.1: with prediction resistance the additional input goes into a reseed, and not into generate. */
function request(instance: Drbg, group: DrbgGroup, additional = "", entropy = "") {
  const length = group.generateBits / 8;
  if (!group.predictionResistance) return instance.generate(length, fromHex(additional));
  instance.reseed(fromHex(entropy), fromHex(additional));
  return instance.generate(length);
}

const gcmTests = (matches: (group: Group) => boolean) =>
  wycheproof<GcmTest>("aes_gcm", (group) => group.keySize === 256 && group.tagSize === 128 && matches(group));

function wycheproof<Test>(name: string, matches: (group: Group) => boolean): Test[] {
  const { testGroups } = vectors<{ testGroups: (Group & { tests: Test[] })[] }>(`wycheproof/${name}`);
  return testGroups.filter(matches).flatMap((group) => group.tests);
}

function vectors<File>(name: string): File {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../vectors", `${name}.json`), "utf8"));
}

interface Group {
  readonly keySize: number;
  readonly ivSize?: number;
  readonly tagSize?: number;
}

type GcmTest = Readonly<Record<"key" | "iv" | "aad" | "msg" | "ct" | "tag" | "result", string>> & { tcId: number };
type KeyWrapTest = Readonly<Record<"key" | "msg" | "ct" | "result", string>> & { tcId: number };
type MacTest = Readonly<Record<"key" | "msg" | "tag" | "result", string>> & { tcId: number };
type KbkdfTest = Readonly<Record<"KI" | "FixedInputData" | "KO", string>> & { L: number };

interface DrbgGroup {
  readonly predictionResistance: boolean;
  readonly generateBits: number;
  readonly tests: readonly (Readonly<Record<"Entropy" | "Output", string>> &
    Readonly<Partial<Record<DrbgInput, string>>>)[];
}
type DrbgInput =
  | "PersonalisationString"
  | "ReseedEntropy"
  | "ReseedAdditionalInput"
  | "AdditionalInputA"
  | "AdditionalInputB"
  | "EntropyPredictionResistanceA"
  | "EntropyPredictionResistanceB";
