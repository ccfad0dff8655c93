import { randomBytes } from "node:crypto";
import { type HbkMeta, kindOfSpec } from "../model/hbk.ts";
import type { KeySpec, KeyUsage } from "../model/key-spec.ts";

/** What binds a new key to its purpose, under a key id of its own. `account` and `region` are those of a KMS key. */
export const keyMeta = (spec: KeySpec, usage: KeyUsage, account = "", region = ""): HbkMeta => ({
  kind: kindOfSpec(spec),
  spec,
  usage,
  origin: "AWS_KMS",
  account,
  region,
  keyId: new Uint8Array(randomBytes(16)),
});
