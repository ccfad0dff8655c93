#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "asymmetric-key.h"
#include "signatures.h"
#include "status.h"

/*
 * SM2 (GB/T 32918): signatures over messages, under the default distinguishing id, and public key encryption as ASN.1
 * (GM/T 0009), both with SM3; and plain Diffie-Hellman.
 */
enum { AGREED_LENGTH = 32 };
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

/*
 * The x coordinate of `scalar` times the point of `peer` (SP 800-56A §5.7.1.2, cofactor 1). OpenSSL exchanges no keys of
 * SM2, so the multiplication is asked for by itself: one scalar goes up its constant-time ladder. NOT_AUTHENTIC: no point
 * of the curve.
 */
static int32_t multiply(const BIGNUM *scalar, struct bytes point, uint8_t *target) {
  EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
  EC_POINT *product = group ? EC_POINT_new(group) : NULL;
  BN_CTX *context = BN_CTX_secure_new();
  BIGNUM *x = BN_secure_new();
  int32_t status = FAULT;
  if (product && context && x) {
    if (!EC_POINT_oct2point(group, product, point.at, point.length, context)) status = NOT_AUTHENTIC;
    else if (EC_POINT_mul(group, product, NULL, product, scalar, context) &&
             EC_POINT_get_affine_coordinates(group, product, x, NULL, context) &&
             BN_bn2binpad(x, target, AGREED_LENGTH) == AGREED_LENGTH)
      status = AGREED_LENGTH;
  }
  BN_clear_free(x);
  BN_CTX_free(context);
  EC_POINT_clear_free(product);
  EC_GROUP_free(group);
  return status;
}

static int32_t agree(EVP_PKEY *key, struct bytes spki, struct bytes target) {
  uint8_t point[2 * AGREED_LENGTH + 1];
  size_t length = 0;
  BIGNUM *scalar = NULL;
  EVP_PKEY *peer = public_key(spki);
  int32_t status = NOT_AUTHENTIC;
  if (target.length != AGREED_LENGTH) status = BAD_LENGTH;
  else if (peer && EVP_PKEY_is_a(peer, "SM2") &&
           EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &length))
    status = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar)
                 ? multiply(scalar, (struct bytes){point, length}, target.at)
                 : FAULT;
  BN_clear_free(scalar);
  EVP_PKEY_free(peer);
  return status;
}

int32_t sm2_sign(struct call *call) { return with_key(call, private_key, sign); }

int32_t sm2_verify(struct call *call) { return with_key(call, public_key, verify); }

int32_t sm2_encrypt(struct call *call) { return with_key(call, public_key, encrypt); }

int32_t sm2_agree(struct call *call) { return with_key(call, private_key, agree); }

int32_t sm2_decrypt(struct call *call) {
  return call->bytes[2].length < call->bytes[1].length ? BAD_LENGTH : with_key(call, private_key, decrypt);
}
