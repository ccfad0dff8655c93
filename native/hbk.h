#ifndef STRONGROOM_HBK_H
#define STRONGROOM_HBK_H

#include "token.h"

/* What is derived from the material in the scratch, under the key id of `token`. */

/** The HBK id, into `scratch->hbk_name`. */
void hbk_name(struct scratch *scratch, const struct token *token);

/** The HBK id of a key that is exposed, by what it commits to; likewise. */
void hbk_name_by(struct scratch *scratch, const uint8_t *key_id, struct bytes commitment);

/** K of a ciphertext with this nonce of 16 bytes, into `scratch->call_key`; of an SM4 key the first 16 bytes. */
void hbk_call_key(struct scratch *scratch, const struct token *token, const uint8_t *nonce);

#endif
