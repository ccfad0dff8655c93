import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromHex, utf8 } from "../../../src/base/bytes.ts";
import { openAsymmetric } from "../../../src/engine/asymmetric/self-test.ts";
import { openEngine } from "../../../src/engine/index.ts";
import type { SoftConfig } from "../../../src/hsm/index.ts";
import { Domain } from "../../../src/hsm/soft/domain.ts";
import { SoftHsm } from "../../../src/hsm/soft/hsm.ts";
import { type HbkMeta, isExposed } from "../../../src/model/hbk.ts";
import { metaOf } from "../../conformance/hsm-fixture.ts";
import { type Group, wycheproof } from "../../engine/asymmetric/wycheproof.ts";

interface MacGroup extends Group<{ key: string; msg: string; tag: string }> {
  readonly tagSize: number;
}

const directory = mkdtempSync(join(tmpdir(), "strongroom-soft-"));
let domain: Domain;
let hsm: SoftHsm;
beforeAll(async () => {
  const config: SoftConfig = { driver: "soft", directory, keyFile: join(directory, "key") };
  const engine = await openEngine("wasm");
  await Domain.create(config, engine);
  domain = await Domain.open(config, engine);
  hsm = new SoftHsm(domain, await openAsymmetric());
});
afterAll(async () => {
  await hsm.close();
  rmSync(directory, { recursive: true });
});

describe("Wycheproof, HMAC keys", () => {
  it.each([224, 256, 384, 512] as const)("of spec HMAC_%i", async (bits) => {
    const meta: HbkMeta = { ...metaOf("kms-hmac"), spec: `HMAC_${bits}`, usage: "GENERATE_VERIFY_MAC" };
    let checked = 0;
    for (const { tagSize, tests } of wycheproof<MacGroup>(`hmac_sha${bits}`)) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const [head, material] = [domain.head(meta), fromHex(key)];
        const ekt = isExposed(meta)
          ? domain.boundary.importExposed(head, utf8("any"), material)
          : domain.boundary.import(head, material);
        const mac = (await hsm.mac(ekt, fromHex(msg))).toHex();
        expect(mac.startsWith(tag) && tagSize <= bits, `tcId ${tcId}`).toBe(result === "valid");
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(150);
  });
});
