import { describe } from "vitest";
import { matrix } from "./matrix/suite.ts";

describe.each(["softhsm2", "nss", "opencryptoki"] as const)("the matrix over %s", (hsm) => {
  matrix(hsm);
});
