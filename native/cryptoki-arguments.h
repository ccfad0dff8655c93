#ifndef STRONGROOM_CRYPTOKI_ARGUMENTS_H
#define STRONGROOM_CRYPTOKI_ARGUMENTS_H

#include <stdint.h>

#include "bytes.h"
#include "cryptoki-types.h"

/*
 * Templates and mechanisms as src/hsm/pkcs11/cryptoki/native-cryptoki.ts writes them: words of 4 octets, little-endian,
 * in memory aligned to 8. What is read here points into the octets it was read from.
 */

enum { MOST_ATTRIBUTES = 32 };

struct template {
  CK_ULONG count;
  CK_ATTRIBUTE attributes[MOST_ATTRIBUTES];
  /** Of the templates among them. */
  CK_ULONG inner_count;
  CK_ATTRIBUTE inner[MOST_ATTRIBUTES];
};

/**
 * (type 4 ‖ length 4 ‖ value, padded to a multiple of 8)*. The value of a CKA_..._TEMPLATE is again such, and has none in
 * it. OK or BAD_LENGTH.
 */
int32_t read_template(struct bytes from, struct template *template);

/** One mechanism with its parameter, which points into itself: it must not be moved. */
struct mechanism {
  CK_MECHANISM mechanism;
  union {
    struct {
      CK_RSA_AES_KEY_WRAP_PARAMS wrap;
      CK_RSA_PKCS_OAEP_PARAMS oaep;
    } rsa_aes;
    struct {
      CK_SP800_108_KDF_PARAMS kdf;
      CK_PRF_DATA_PARAM data[2];
      CK_SP800_108_COUNTER_FORMAT counter;
    } counter_kdf;
  } parameter;
};

/**
 * type 4 ‖ 0 4 ‖ what follows, by type:
 * CKM_RSA_AES_KEY_WRAP: the hash of OAEP 4 (CKM_SHA_1 or CKM_SHA256, and its MGF1) ‖ bits of the AES key 4;
 * CKM_SP800_108_COUNTER_KDF: PRF 4 ‖ 0 4 ‖ fixed input, with a big-endian counter of 32 bits in front;
 * any other: its parameter. OK or BAD_LENGTH.
 */
int32_t read_mechanism(struct bytes from, struct mechanism *mechanism);

#endif
