#ifndef STRONGROOM_HBK_H
#define STRONGROOM_HBK_H

#include "token.h"

enum { FIXED_INPUT_LENGTH = 48 };

/** The fixed input of KBKDF for K of a ciphertext, `label 11 ‖ 00 ‖ key id 16 ‖ N 16 ‖ L 4`: src/model/kbkdf.ts. */
void hbk_call_key_input(bool sm4, const uint8_t *key_id, const uint8_t *nonce, uint8_t *input);

/* What is derived from the material in the scratch, under the key id of `token`. */

/** The HBK id, into `scratch->hbk_name`. */
void hbk_name(struct scratch *scratch, const struct token *token);

/** The HBK id of a key that is exposed, by what it commits to; likewise. */
void hbk_name_by(struct scratch *scratch, const uint8_t *key_id, struct bytes commitment);

/** K of a ciphertext with this nonce of 16 bytes, into `scratch->call_key`; of an SM4 key the first 16 bytes. */
void hbk_call_key(struct scratch *scratch, const struct token *token, const uint8_t *nonce);

#endif
