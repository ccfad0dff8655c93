#ifndef STRONGROOM_CIPHERTEXT_H
#define STRONGROOM_CIPHERTEXT_H

#include "token.h"

/** src/model/ciphertext.ts */
enum { HEADER_LENGTH = 62, CIPHERTEXT_OVERHEAD = HEADER_LENGTH + 16, NONCE_AT = 34, IV_AT = 50 };
enum suite { AES_SUITE = 1, SM4_SUITE = 3 };
/** N and IV stand side by side. */
enum { FRESH_LENGTH = 28, LONGEST_AAD = 16384 };

/**
 * A ciphertext by the token that is open, to `target`, which is CIPHERTEXT_OVERHEAD longer than `plaintext` and has N and
 * IV in place already. Its length or FAULT.
 */
int32_t ciphertext_seal(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes plaintext, struct bytes target);

/** The length of the plaintext, in `target`; NOT_AUTHENTIC or FAULT. */
int32_t ciphertext_open(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes ciphertext, uint8_t *target);

/* The same in parts, where K is derived elsewhere. */

/** All of a header but N and IV, which are in place. */
void ciphertext_begin(uint8_t *header, enum suite suite, const uint8_t *hbk_id);
/** Whether a ciphertext has a header of this suite, which names this HBK. */
bool ciphertext_names(struct bytes ciphertext, enum suite suite, const uint8_t *hbk_id);
/** With the header in place in `target`, and K in `scratch->call_key`. Likewise. */
int32_t ciphertext_seal_under_call_key(struct workspace *workspace, struct bytes aad, struct bytes plaintext,
                                       struct bytes target);
int32_t ciphertext_open_under_call_key(struct workspace *workspace, struct bytes aad, struct bytes ciphertext,
                                       uint8_t *target);

#endif
