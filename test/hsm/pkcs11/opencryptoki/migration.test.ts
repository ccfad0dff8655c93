import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HsmConfig, SoftConfig } from "../../../../src/hsm/index.ts";
import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { driver as softDriver } from "../../../../src/hsm/soft/driver.ts";
import { hsmMigration } from "../../../conformance/hsm.ts";
import {
  type Bench,
  closeBench,
  type HsmFixture,
  hbkIdOf,
  metaOf,
  openBench,
} from "../../../conformance/hsm-fixture.ts";
import { nssTokens } from "../nss.ts";
import { softTokens } from "../tokens.ts";
import { openCryptokiTokens } from "./tokens.ts";

const stride = 1;
const softHsm2Token = softTokens();
const openCryptoki = { driver, fresh: await openCryptokiTokens(6), stride };
const softHsm2 = { driver, fresh: () => softHsm2Token(), stride };
const nss = { driver, fresh: nssTokens(), stride };
const soft: HsmFixture<SoftConfig> = {
  driver: softDriver,
  fresh: async () => {
    const directory = join((await softHsm2Token()).folder, "soft");
    return { driver: "soft", directory, keyFile: join(directory, "key") };
  },
  stride,
};

// RFC 5649, under another number in the one than in the other.
hsmMigration("from SoftHSM2 to NSS", softHsm2, nss);
hsmMigration("from NSS to SoftHSM2", nss, softHsm2);
// RSA-OAEP with SHA-1 is all that they have in common.
hsmMigration("from SoftHSM2 to openCryptoki", softHsm2, openCryptoki);
hsmMigration("from openCryptoki to SoftHSM2", openCryptoki, softHsm2);
hsmMigration("from NSS to openCryptoki", nss, openCryptoki);

describe("keys do not move, and the reason is given", () => {
  const benches: Bench<HsmConfig>[] = [];
  beforeAll(async () => {
    benches.push(await openBench(soft), await openBench(openCryptoki));
  });
  afterAll(async () => {
    for (const bench of benches) await closeBench(bench);
  });

  it("from the soft HSM to a token without RFC 5649, or back", async () => {
    for (const [source, target] of [benches, benches.toReversed()] as [Bench, Bench][]) {
      const meta = metaOf("kms-symmetric");
      const key = await source.hsm.generateKey(meta);
      const transportKey = await target.admin.transportKey();
      await source.admin.pinTransportKey(transportKey);
      const moved = source.admin
        .exportTo(key, transportKey)
        .then((exported) => target.admin.importFrom(meta, hbkIdOf(key), exported));
      await expect(moved).rejects.toThrow(/lacks KWP|without RFC 5649/);
    }
  });
});
