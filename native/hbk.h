#ifndef STRONGROOM_HBK_H
#define STRONGROOM_HBK_H

#include "token.h"

/* What is derived from the material in the scratch, under the key id of `token`. */

/** The HBK id, into `scratch->hbk_name`. */
void hbk_name(struct scratch *scratch, const struct token *token);

/** K of a ciphertext with this nonce of 16 bytes, into `scratch->call_key`. */
void hbk_call_key(struct scratch *scratch, const struct token *token, const uint8_t *nonce);

#endif
