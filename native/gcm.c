#include "gcm.h"

#include <openssl/crypto.h>
#include <string.h>

#include "status.h"

/* Lengths are those of arguments: LONGEST_ARGUMENT fits an int. */
static bool update(EVP_CIPHER_CTX *gcm, uint8_t *target, struct bytes source) {
  int written;
  return source.length == 0 || EVP_CipherUpdate(gcm, target, &written, source.at, (int)source.length);
}

/** The context of the message's cipher, with all that goes before its text; NULL: OpenSSL failed, or lacks the cipher. */
static EVP_CIPHER_CTX *start(struct workspace *workspace, const struct gcm_message *message, int encrypting) {
  EVP_CIPHER_CTX *gcm = message->sm4 ? workspace->sm4_gcm : workspace->gcm;
  *(message->sm4 ? &workspace->sm4_gcm_keyed : &workspace->gcm_keyed) = gcm != NULL;
  bool started = gcm && EVP_CipherInit_ex2(gcm, NULL, message->key, message->iv, encrypting, NULL) &&
                 update(gcm, NULL, message->header) && update(gcm, NULL, message->aad);
  return started ? gcm : NULL;
}

bool gcm_seal(struct workspace *workspace, const struct gcm_message *message, struct bytes text, uint8_t *ciphertext,
              uint8_t *tag) {
  int written;
  EVP_CIPHER_CTX *gcm = start(workspace, message, 1);
  return gcm && update(gcm, ciphertext, text) && EVP_CipherFinal_ex(gcm, tag, &written) &&
         EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LENGTH, tag);
}

int32_t gcm_open(struct workspace *workspace, const struct gcm_message *message, struct bytes ciphertext,
                 const uint8_t *tag, uint8_t *plaintext) {
  uint8_t expected[GCM_TAG_LENGTH];
  memcpy(expected, tag, GCM_TAG_LENGTH);
  int written;
  int32_t status = FAULT;
  EVP_CIPHER_CTX *gcm = start(workspace, message, 0);
  if (gcm && update(gcm, plaintext, ciphertext) &&
      EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LENGTH, expected)) {
    status = EVP_CipherFinal_ex(gcm, expected, &written) ? OK : NOT_AUTHENTIC;
  }
  if (status != OK) OPENSSL_cleanse(plaintext, ciphertext.length);
  return status;
}
