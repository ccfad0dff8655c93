import { describe, it } from "vitest";
import type { HsmConfig } from "../../src/hsm/index.ts";
import {
  aad,
  algorithm,
  type Bench,
  closeBench,
  expectHsmError,
  type HsmFixture,
  metaOf,
  openBench,
} from "./hsm-fixture.ts";

export function strangerClaims<Config extends HsmConfig>(
  fixture: HsmFixture<Config>,
  bench: () => Bench<Config>,
): void {
  describe("key tokens", () => {
    it("of another HSM are refused", async () => {
      const other = await openBench(fixture);
      const key = await other.hsm.generateKey(metaOf("kms-symmetric"));
      await expectHsmError("refused", bench().hsm.encrypt(key, algorithm, aad, aad));
      await expectHsmError("refused", bench().admin.rewrap(key));
      await closeBench(other);
    });
  });
}
