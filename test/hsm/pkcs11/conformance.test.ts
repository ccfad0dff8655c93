import type { Pkcs11Config } from "../../../src/hsm/index.ts";
import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { type HsmFixture, hsmConformance, hsmMigration } from "../../conformance/hsm.ts";
import { softTokens } from "./tokens.ts";

const token = softTokens();
const softHsm2: HsmFixture<Pkcs11Config> = { driver, fresh: () => token(), stride: 1 };

hsmConformance("SoftHSM2", softHsm2);
hsmMigration("between SoftHSM2 tokens", softHsm2, softHsm2);
