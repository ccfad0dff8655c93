import pkcs11js from "pkcs11js";
import { CryptokiError } from "./cryptoki-call.ts";

/** One thing that a module does in a way of its own, known by the answer of the function that shows it. */
interface Quirk {
  /** Where it was met, by version. */
  readonly seen: string;
  /** The CKR_ value that shows it, where the function fails. */
  readonly code?: number;
}

/**
 * Everything that this driver does for one module and not for others, all of it met in the versions that are named. None
 * goes by the name of a module: each shows when it is met, and what was done about it is read back or tested.
 */
export const quirks = {
  /**
   * CKM_AES_KEY_WRAP_PAD is PKCS#7 padding under RFC 3394, and RFC 5649 is 0x210B; elsewhere the first is RFC 5649. A
   * known answer tells.
   */
  keyWrapPadIsNotKwp: { seen: "NSS 3.87.1" },
  /** C_WrapKey wraps keys that are not EXTRACTABLE: whoever has the PIN can take the domain key out. `hsm probe` says so. */
  wrapIgnoresExtractable: { seen: "NSS 3.87.1" },
  /** No token object of class CKO_DATA: the domain state and the anchor are then the ids of secret keys. */
  noDataObjects: { seen: "NSS 3.87.1", code: pkcs11js.CKR_ATTRIBUTE_VALUE_INVALID },
  /** CKA_UNWRAP_TEMPLATE is taken, and keys unwrap that differ from it: such a token has no locked domain keys. */
  unwrapTemplateIsIgnored: { seen: "NSS 3.87.1" },
  /** C_UnwrapKey refuses SENSITIVE=false and EXTRACTABLE=true, its defaults, when they are given: they are left out. */
  unwrapTakesNoPermission: { seen: "openCryptoki 3.8.1", code: pkcs11js.CKR_ATTRIBUTE_READ_ONLY },
  /** C_UnwrapKey leaves SENSITIVE=true and EXTRACTABLE=false out of account: they are set afterwards, and read back. */
  unwrapIgnoresGuards: { seen: "openCryptoki 3.8.1" },
  /**
   * A wrong tag of AES-GCM is CKR_GENERAL_ERROR, as a lost token is: sealing and opening with the same key tells them
   * apart.
   */
  badTagIsGeneralError: { seen: "SoftHSM 2.6.1" },
  /**
   * RSA keys decrypt, sign and unwrap, and keys of curves sign, whatever C_UnwrapKey and C_GenerateKeyPair were told:
   * it is taken from them afterwards.
   */
  privateKeysMayMore: { seen: "NSS 3.87.1" },
  /**
   * C_UnwrapKey wants the point of an elliptic curve's key as CKA_NSS_DB, and calls the template incomplete without. It
   * believes whatever it is given, and C_WrapKey puts that into the PKCS#8 beside the private key.
   */
  ecUnwrapWantsPublicKey: { seen: "NSS 3.87.1", code: pkcs11js.CKR_TEMPLATE_INCOMPLETE },
  /** C_CopyObject takes no attribute that comes after MODIFIABLE=false: it comes last. */
  copyStopsAtUnmodifiable: { seen: "SoftHSM 2.6.1" },
  /** CKA_VALUE_LEN of a secret key that was unwrapped is 0. */
  unwrappedLengthIsNotTold: { seen: "SoftHSM 2.6.1" },
  /** RSA-OAEP with SHA-1 alone: the hash is the best one that opens what node:crypto has sealed. */
  oaepHasSha1Only: { seen: "SoftHSM 2.6.1 and 2.7.0" },
  /** C_CreateObject makes no secret key, and none is made or unwrapped that is not SENSITIVE: in-the-clear.ts. */
  takesNoneInTheClear: { seen: "NSS 3.87.1 in FIPS mode" },
} as const satisfies Readonly<Record<string, Quirk>>;

const shows = (quirk: Quirk, error: unknown): boolean => error instanceof CryptokiError && error.code === quirk.code;

/** What `use` answers, or `instead` where it fails by `quirk`. */
export function withoutQuirk<Answer>(use: () => Answer, quirk: Quirk, instead: () => Answer): Answer {
  try {
    return use();
  } catch (error) {
    if (shows(quirk, error)) return instead();
    throw error;
  }
}
