#include "key-wrap.h"

#include <openssl/evp.h>

#include "status.h"

size_t key_wrap_length(size_t length) { return (length + 7) / 8 * 8 + 8; }

int key_wrap_is_length(size_t length, size_t longest) {
  return length >= 16 && length <= longest + 8 && length % 8 == 0;
}

static int32_t run(const uint8_t *kek, int wrapping, struct bytes source, uint8_t *target, int32_t failure) {
  int32_t status = FAULT;
  int length;
  EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  if (cipher && context) {
    EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CipherInit_ex2(context, cipher, kek, NULL, wrapping, NULL)) {
      status = EVP_CipherUpdate(context, target, &length, source.at, (int)source.length) ? length : failure;
    }
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(cipher);
  return status;
}

int32_t key_wrap(const uint8_t *kek, struct bytes material, uint8_t *target) {
  return run(kek, 1, material, target, FAULT);
}

int32_t key_unwrap(const uint8_t *kek, struct bytes wrapped, uint8_t *target) {
  return run(kek, 0, wrapped, target, NOT_AUTHENTIC);
}
