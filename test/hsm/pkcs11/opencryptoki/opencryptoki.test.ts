import { driver } from "../../../../src/hsm/pkcs11/driver.ts";
import { hsmConformance } from "../../../conformance/hsm.ts";
import { openCryptokiTokens } from "./tokens.ts";

hsmConformance("openCryptoki", { driver, fresh: await openCryptokiTokens(24), stride: 32 });
