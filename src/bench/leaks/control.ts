import type { Bytes } from "../../base/bytes.ts";
import type { Path } from "./harness.ts";

const length = 256;
const known = new Uint8Array(length);
let secret: Bytes = known;

/** The mistake that everybody knows: a comparison that ends at the first difference. The test must find it. */
export const earlyExit: Path = {
  name: "a comparison that ends early",
  length,
  prepare(given) {
    secret = given;
  },
  run() {
    for (let i = 0; i < length; i++) if (secret[i] !== known[i]) return false;
    return true;
  },
};
