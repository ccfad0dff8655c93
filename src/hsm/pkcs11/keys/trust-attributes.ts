import pkcs11js from "pkcs11js";
import type { HbkKind } from "../../../model/hbk.ts";
import type { DomainKeyMode } from "../../config.ts";
import type { Attributes } from "../cryptoki/attributes.ts";
import { isReleased } from "./kept.ts";
import type { Wrapping } from "./wrapping.ts";

/**
 * What every key is that comes out of a trusted domain key (PKCS#11 §4.10: CKA_WRAP_WITH_TRUSTED): it leaves the token
 * under a key that a security officer trusts, and otherwise not at all. CKA_PRIVATE, because the domain key itself may be
 * a public object, which some modules use for whoever has not logged in.
 */
export const guards = {
  private: true,
  sensitive: true,
  extractable: true,
  wrapWithTrusted: true,
  modifiable: false,
} as const;

/** What an unwrapped key is asked to be, beyond its use. */
export const guardsOf = (mode: DomainKeyMode, kind: HbkKind): Attributes =>
  mode === "trusted" && !isReleased(kind) ? guards : {};

/**
 * Nothing that secret keys do gives them away: one that derives would give a copy of itself without the guards, and one
 * that unwraps or decrypts could be a twin of the key under which others leave. Private keys do derive (ECDH), so they are
 * under a domain key of their own, which unwraps nothing else. One mechanism, as in `lockOf`.
 */
export const secretsTrustLock = ({ mechanism }: Wrapping): Attributes => ({
  unwrapTemplate: {
    class: pkcs11js.CKO_SECRET_KEY,
    encrypt: false,
    decrypt: false,
    wrap: false,
    unwrap: false,
    derive: false,
    ...guards,
  },
  allowedMechanisms: [mechanism],
});
export const privatesTrustLock = ({ mechanism }: Wrapping): Attributes => ({
  unwrapTemplate: { class: pkcs11js.CKO_PRIVATE_KEY, ...guards },
  allowedMechanisms: [mechanism],
});

/** What reads back of a key that was made in the token, and that the officer trusts; its label and uses aside. */
export const trustedKey: Attributes = { trusted: true, local: true, alwaysSensitive: true, modifiable: false };
