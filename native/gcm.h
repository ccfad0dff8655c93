#ifndef STRONGROOM_GCM_H
#define STRONGROOM_GCM_H

#include "workspace.h"

enum { GCM_KEY_LENGTH = 32, SM4_KEY_LENGTH = 16, GCM_IV_LENGTH = 12, GCM_TAG_LENGTH = 16 };

/** SP 800-38D over AES-256, or over SM4 (RFC 8998). The additional data is in two parts, `header ‖ aad`. */
struct gcm_message {
  const uint8_t *key, *iv;
  struct bytes header, aad;
  bool sm4;
};

/** `text` to `ciphertext`, which may be the same place, and 16 bytes to `tag`. false: OpenSSL failed. */
bool gcm_seal(struct workspace *workspace, const struct gcm_message *message, struct bytes text, uint8_t *ciphertext,
              uint8_t *tag);

/** OK, NOT_AUTHENTIC or FAULT. OpenSSL decrypts before it has the tag's verdict: unless OK, `plaintext` is wiped. */
int32_t gcm_open(struct workspace *workspace, const struct gcm_message *message, struct bytes ciphertext,
                 const uint8_t *tag, uint8_t *plaintext);

#endif
