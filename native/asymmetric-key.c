#include "asymmetric-key.h"

#include <openssl/decoder.h>

static EVP_PKEY *decode(struct bytes der, const char *structure, int selection) {
  EVP_PKEY *key = NULL;
  const unsigned char *data = der.at;
  size_t left = der.length;
  OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(&key, "DER", structure, NULL, selection, NULL, NULL);
  if (!decoder || !OSSL_DECODER_from_data(decoder, &data, &left) || left > 0) {
    EVP_PKEY_free(key);
    key = NULL;
  }
  OSSL_DECODER_CTX_free(decoder);
  return key;
}

EVP_PKEY *private_key(struct bytes pkcs8) { return decode(pkcs8, "PrivateKeyInfo", EVP_PKEY_KEYPAIR); }

EVP_PKEY *public_key(struct bytes spki) { return decode(spki, "SubjectPublicKeyInfo", EVP_PKEY_PUBLIC_KEY); }
