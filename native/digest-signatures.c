#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "asymmetric-key.h"
#include "signatures.h"
#include "status.h"

/*
 * Signatures over what has been hashed already: a digest, the prehash of Ed25519ph, the mu of ML-DSA. The numbers are
 * pinned by src/engine/native/signatures.ts.
 */
enum scheme { ECDSA, RSASSA_PKCS1_V1_5, RSASSA_PSS, ED25519_PH, ML_DSA_MU, SM2_DIGEST, SCHEMES };

/** Names of types or, of elliptic curves, of groups. */
static const char *const accepted[SCHEMES][5] = {
    [ECDSA] = {"prime256v1", "secp384r1", "secp521r1", "secp256k1"},
    [RSASSA_PKCS1_V1_5] = {"RSA"},
    [RSASSA_PSS] = {"RSA"},
    [ED25519_PH] = {"ED25519"},
    [ML_DSA_MU] = {"ML-DSA-44", "ML-DSA-65", "ML-DSA-87"},
    [SM2_DIGEST] = {"SM2"},
};

static const EVP_MD *hash_of(uint32_t bits) {
  switch (bits) {
    case 256: return EVP_sha256();
    case 384: return EVP_sha384();
    case 512: return EVP_sha512();
    default: return NULL;
  }
}

/** Ed25519ph prehashes by SHA-512, mu has 64 bytes as well. */
static bool is_digest(enum scheme scheme, uint32_t bits, size_t length) {
  if (scheme == ED25519_PH || scheme == ML_DSA_MU) return length == 64 && bits == 512;
  if (scheme == SM2_DIGEST) return length == 32 && bits == 256;
  return hash_of(bits) && length == bits / 8;
}

static bool is_accepted(const EVP_PKEY *key, enum scheme scheme) {
  char group[32] = "";
  if (scheme == ECDSA && EVP_PKEY_is_a(key, "EC")) EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
  for (const char *const *name = accepted[scheme]; *name; name++) {
    if (scheme == ECDSA ? strcmp(group, *name) == 0 : EVP_PKEY_is_a(key, *name)) return true;
  }
  return false;
}

static EVP_SIGNATURE *algorithm_of(const EVP_PKEY *key, enum scheme scheme) {
  switch (scheme) {
    case ED25519_PH: return EVP_SIGNATURE_fetch(NULL, "ED25519ph", NULL);
    case ML_DSA_MU: return EVP_SIGNATURE_fetch(NULL, EVP_PKEY_get0_type_name(key), NULL);
    default: return NULL;
  }
}

/** Ready to sign or verify a digest; NULL when OpenSSL cannot. */
static EVP_PKEY_CTX *context_of(EVP_PKEY *key, enum scheme scheme, uint32_t bits, bool signing) {
  int external_mu = 1;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_MU, &external_mu), OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
  EVP_SIGNATURE *algorithm = algorithm_of(key, scheme);
  int ready;
  if (!context) ready = 0;
  else if (scheme == ED25519_PH)
    ready = (signing ? EVP_PKEY_sign_init_ex2 : EVP_PKEY_verify_init_ex2)(context, algorithm, NULL);
  else if (scheme == ML_DSA_MU)
    ready = (signing ? EVP_PKEY_sign_message_init : EVP_PKEY_verify_message_init)(context, algorithm, params);
  else ready = (signing ? EVP_PKEY_sign_init : EVP_PKEY_verify_init)(context);
  if (ready > 0 && (scheme == RSASSA_PKCS1_V1_5 || scheme == RSASSA_PSS)) {
    int padding = scheme == RSASSA_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    ready = EVP_PKEY_CTX_set_rsa_padding(context, padding) > 0 &&
            EVP_PKEY_CTX_set_signature_md(context, hash_of(bits)) > 0;
  }
  if (ready > 0 && scheme == RSASSA_PSS) {
    ready = EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash_of(bits)) > 0 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
  }
  EVP_SIGNATURE_free(algorithm);
  if (ready > 0) return context;
  EVP_PKEY_CTX_free(context);
  return NULL;
}

static int32_t sign(EVP_PKEY_CTX *context, struct bytes digest, struct bytes target) {
  size_t length = target.length;
  return EVP_PKEY_sign(context, target.at, &length, digest.at, digest.length) > 0 ? (int32_t)length : FAULT;
}

static int32_t verify(EVP_PKEY_CTX *context, struct bytes digest, struct bytes signature) {
  return EVP_PKEY_verify(context, signature.at, signature.length, digest.at, digest.length) > 0 ? OK : NOT_AUTHENTIC;
}

static int32_t with_key(struct call *call, bool signing) {
  struct bytes der = call->bytes[0], digest = call->bytes[1], signature = call->bytes[2];
  uint32_t scheme = call->numbers[0], bits = call->numbers[1];
  if (scheme >= SCHEMES || !is_digest(scheme, bits, digest.length)) return BAD_LENGTH;
  int32_t status = BAD_KEY;
  ERR_set_mark();
  EVP_PKEY *key = signing ? private_key(der) : public_key(der);
  if (key && is_accepted(key, scheme)) {
    EVP_PKEY_CTX *context = context_of(key, scheme, bits, signing);
    status = !context ? FAULT : signing ? sign(context, digest, signature) : verify(context, digest, signature);
    EVP_PKEY_CTX_free(context);
  }
  EVP_PKEY_free(key);
  ERR_pop_to_mark();
  return status;
}

int32_t sign_digest(struct call *call) { return with_key(call, true); }

int32_t verify_digest(struct call *call) { return with_key(call, false); }
