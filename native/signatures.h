#ifndef STRONGROOM_SIGNATURES_H
#define STRONGROOM_SIGNATURES_H

#include "call.h"

/** What node:crypto cannot do with asymmetric keys: src/engine/native/signatures.ts. */
extern const struct function signature_functions[];
extern const size_t signature_function_count;

/* `key` is a whole PKCS#8 or SPKI in DER. Signatures and SM2 ciphertexts come to the beginning of a target with room. */

// digest-signatures.c
/** scheme, bits of the hash; key, digest, target */
int32_t sign_digest(struct call *call);
/** scheme, bits of the hash; key, digest, signature */
int32_t verify_digest(struct call *call);

// sm2.c
/** key, message, target */
int32_t sm2_sign(struct call *call);
/** key, message, signature */
int32_t sm2_verify(struct call *call);
/** key, plaintext, target */
int32_t sm2_encrypt(struct call *call);
/** key, ciphertext, target, as long as the ciphertext */
int32_t sm2_decrypt(struct call *call);
/** key, the other's public key, target of 32 bytes */
int32_t sm2_agree(struct call *call);

#endif
