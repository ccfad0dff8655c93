import { driver } from "../../../src/hsm/pkcs11/driver.ts";
import { hsmConformance } from "../../conformance/hsm.ts";
import { nssTokens } from "./nss.ts";

hsmConformance("NSS", { driver, fresh: nssTokens(), stride: 16 });
