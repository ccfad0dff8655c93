import type { HbkMeta } from "../../../model/hbk.ts";

export const macHashes = ["sha224", "sha256", "sha384", "sha512"] as const;
export type MacHash = (typeof macHashes)[number];

/** HMAC keys of the API have the hash of their spec, SigV4 secrets SHA-256. */
export const macHashOf = ({ kind, spec }: Pick<HbkMeta, "kind" | "spec">): MacHash =>
  kind === "kms-hmac" ? (`sha${spec.slice("HMAC_".length)}` as MacHash) : "sha256";
