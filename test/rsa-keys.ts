import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const key = (bits: number): KeyObject =>
  createPrivateKey(readFileSync(join(import.meta.dirname, `vectors/rsa-keys/${bits}.pem`)));

/** For tests of what is done with a key that comes from outside, and not of how it is made: which may take a second. */
export const rsaKeys = { RSA_2048: key(2048), RSA_3072: key(3072), RSA_4096: key(4096) } as const;
