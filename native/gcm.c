#include "gcm.h"

#include <openssl/crypto.h>
#include <string.h>

#include "status.h"

/* Lengths are those of arguments: LONGEST_ARGUMENT fits an int. */
static bool update(EVP_CIPHER_CTX *gcm, uint8_t *target, struct bytes source) {
  int written;
  return source.length == 0 || EVP_CipherUpdate(gcm, target, &written, source.at, (int)source.length);
}

static bool start(struct workspace *workspace, const struct gcm_message *message, int encrypting) {
  workspace->gcm_keyed = true;
  return workspace->gcm && EVP_CipherInit_ex2(workspace->gcm, NULL, message->key, message->iv, encrypting, NULL) &&
         update(workspace->gcm, NULL, message->header) && update(workspace->gcm, NULL, message->aad);
}

bool gcm_seal(struct workspace *workspace, const struct gcm_message *message, struct bytes text, uint8_t *ciphertext,
              uint8_t *tag) {
  int written;
  return start(workspace, message, 1) && update(workspace->gcm, ciphertext, text) &&
         EVP_CipherFinal_ex(workspace->gcm, tag, &written) &&
         EVP_CIPHER_CTX_ctrl(workspace->gcm, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LENGTH, tag);
}

int32_t gcm_open(struct workspace *workspace, const struct gcm_message *message, struct bytes ciphertext,
                 const uint8_t *tag, uint8_t *plaintext) {
  uint8_t expected[GCM_TAG_LENGTH];
  memcpy(expected, tag, GCM_TAG_LENGTH);
  int written;
  int32_t status = FAULT;
  if (start(workspace, message, 0) && update(workspace->gcm, plaintext, ciphertext) &&
      EVP_CIPHER_CTX_ctrl(workspace->gcm, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LENGTH, expected)) {
    status = EVP_CipherFinal_ex(workspace->gcm, expected, &written) ? OK : NOT_AUTHENTIC;
  }
  if (status != OK) OPENSSL_cleanse(plaintext, ciphertext.length);
  return status;
}
