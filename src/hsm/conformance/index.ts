import type { Claim } from "./claim.ts";
import { dataKeyClaims, encryptionClaims } from "./data-path.ts";
import { hmacKeyClaims, keyPairClaims } from "./key-pairs.ts";
import { sm4Claims } from "./sm4.ts";
import { tokenClaims } from "./tokens.ts";

/** What every HSM does for whoever uses keys: for the tests of the drivers, and for `hsm test` on anybody's token. */
export const dataPathClaims: readonly Claim[] = [...encryptionClaims, ...sm4Claims, ...dataKeyClaims, ...tokenClaims];
export const otherKeyClaims: readonly Claim[] = [...hmacKeyClaims, ...keyPairClaims];
