#ifndef STRONGROOM_STATUS_H
#define STRONGROOM_STATUS_H

/*
 * What a native function answers when it is not a length; src/engine/native/status.ts makes errors of it. Errors of
 * arguments come before any work.
 */
enum status {
  OK = 0,
  /** Not a token that this call serves, or not authentic, or under an unknown domain key. */
  REFUSED = -1,
  /** Ciphertext, wrapping or signature that does not verify. */
  NOT_AUTHENTIC = -2,
  /** All slots for domain keys are held. */
  FULL = -3,
  /** The root is not set, or set twice; a rewrapped token would name another HBK; OpenSSL failed. */
  FAULT = -4,
  /** A boundary or DRBG that is not open, closed, or stopped by a failure. */
  NOT_LIVE = -5,
  /** The operating system's random generator failed or repeated itself. */
  NO_ENTROPY = -6,
  /** A wrong number of arguments, or one that is no Uint8Array over memory that is attached and not shared. */
  BAD_TYPE = -7,
  /** A length or number out of bounds, or a target that overlaps another argument. */
  BAD_LENGTH = -8,
  /** Not a key of the type that the algorithm needs, or not one that this OpenSSL can use. */
  BAD_KEY = -9,
  /** A function of a PKCS#11 module answered something else than CKR_OK. */
  MODULE = -10,
  /** A PKCS#11 module that gives each caller a state of its own, as p11-kit's client does: sessions are not shared. */
  NOT_SHARED = -11,
};

#endif
