#include <openssl/core_names.h>
#include <openssl/err.h>

#include "asymmetric-key.h"
#include "signatures.h"
#include "status.h"

/*
 * SM2 (GB/T 32918): signatures over messages, under the default distinguishing id, and public key encryption as ASN.1
 * (GM/T 0009), both with SM3.
 */
static char default_id[] = "1234567812345678";

static int32_t with_key(struct call *call, EVP_PKEY *(*decode)(struct bytes der),
                        int32_t (*use)(EVP_PKEY *key, struct bytes in, struct bytes out)) {
  int32_t status = BAD_KEY;
  ERR_set_mark();
  EVP_PKEY *key = decode(call->bytes[0]);
  if (key && EVP_PKEY_is_a(key, "SM2")) status = use(key, call->bytes[1], call->bytes[2]);
  EVP_PKEY_free(key);
  ERR_pop_to_mark();
  return status;
}

typedef int initialize(EVP_MD_CTX *, EVP_PKEY_CTX **, const char *, OSSL_LIB_CTX *, const char *, EVP_PKEY *,
                       const OSSL_PARAM[]);

static EVP_MD_CTX *context_of(EVP_PKEY *key, initialize *init) {
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID, default_id, sizeof default_id - 1),
      OSSL_PARAM_construct_end(),
  };
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  if (context && init(context, NULL, "SM3", NULL, NULL, key, params)) return context;
  EVP_MD_CTX_free(context);
  return NULL;
}

static int32_t sign(EVP_PKEY *key, struct bytes message, struct bytes target) {
  EVP_MD_CTX *context = context_of(key, EVP_DigestSignInit_ex);
  size_t length = target.length;
  int32_t status = FAULT;
  if (context && EVP_DigestSign(context, target.at, &length, message.at, message.length)) status = (int32_t)length;
  EVP_MD_CTX_free(context);
  return status;
}

static int32_t verify(EVP_PKEY *key, struct bytes message, struct bytes signature) {
  EVP_MD_CTX *context = context_of(key, EVP_DigestVerifyInit_ex);
  int32_t status = FAULT;
  if (context) {
    int verified = EVP_DigestVerify(context, signature.at, signature.length, message.at, message.length);
    status = verified == 1 ? OK : NOT_AUTHENTIC;
  }
  EVP_MD_CTX_free(context);
  return status;
}

static int32_t encrypt(EVP_PKEY *key, struct bytes plaintext, struct bytes target) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  size_t length = target.length;
  int32_t status = FAULT;
  if (context && EVP_PKEY_encrypt_init(context) > 0 &&
      EVP_PKEY_encrypt(context, target.at, &length, plaintext.at, plaintext.length) > 0)
    status = (int32_t)length;
  EVP_PKEY_CTX_free(context);
  return status;
}

static int32_t decrypt(EVP_PKEY *key, struct bytes ciphertext, struct bytes target) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  size_t length = target.length;
  int32_t status = FAULT;
  if (context && EVP_PKEY_decrypt_init(context) > 0) {
    bool opened = EVP_PKEY_decrypt(context, target.at, &length, ciphertext.at, ciphertext.length) > 0;
    status = opened ? (int32_t)length : NOT_AUTHENTIC;
  }
  EVP_PKEY_CTX_free(context);
  if (status < 0) OPENSSL_cleanse(target.at, target.length);
  return status;
}

int32_t sm2_sign(struct call *call) { return with_key(call, private_key, sign); }

int32_t sm2_verify(struct call *call) { return with_key(call, public_key, verify); }

int32_t sm2_encrypt(struct call *call) { return with_key(call, public_key, encrypt); }

int32_t sm2_decrypt(struct call *call) {
  return call->bytes[2].length < call->bytes[1].length ? BAD_LENGTH : with_key(call, private_key, decrypt);
}
