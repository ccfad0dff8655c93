import { join } from "node:path";
import type { Pkcs11Config, SoftConfig } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { driver as softDriver } from "../../../src/hsm/soft/driver.ts";
import { type HsmFixture, hsmConformance, hsmMigration } from "../../conformance/hsm.ts";
import { hsmVectors } from "../../conformance/hsm-vectors.ts";
import { softTokens } from "./tokens.ts";

const token = softTokens();
const softHsm2: HsmFixture<Pkcs11Config> = { driver, fresh: () => token(), stride: 7 };
const soft: HsmFixture<SoftConfig> = {
  driver: softDriver,
  fresh: async () => {
    const directory = join((await token()).folder, "soft");
    return { driver: "soft", directory, keyFile: join(directory, "key") };
  },
  stride: 7,
};

hsmConformance("SoftHSM2", softHsm2);
hsmVectors("SoftHSM2", softHsm2);
hsmMigration("between SoftHSM2 tokens", softHsm2, softHsm2);
hsmMigration("from SoftHSM2 to the soft HSM", softHsm2, soft);
hsmMigration("from the soft HSM to SoftHSM2", soft, softHsm2);
