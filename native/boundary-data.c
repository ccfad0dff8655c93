#include <string.h>

#include "boundary-calls.h"
#include "ciphertext.h"
#include "status.h"

/** The token of a symmetric key; bounds the additional data, too. */
static int32_t open_symmetric(struct call *call, struct bytes ekt, struct bytes aad, struct token *token) {
  if (aad.length > LONGEST_AAD) return BAD_LENGTH;
  if (!token_open(call->workspace, call->instance, ekt, 1 << KMS_SYMMETRIC, ENCRYPT_DECRYPT, token)) return REFUSED;
  if (token->spec == SM4) return call->workspace->sm4_gcm ? OK : REFUSED;
  return token->spec == SYMMETRIC_DEFAULT ? OK : REFUSED;
}

int32_t boundary_encrypt(struct call *call) {
  struct bytes aad = call->bytes[1], plaintext = call->bytes[2], target = call->bytes[3];
  struct token token;
  if (plaintext.length > LONGEST_PLAINTEXT || target.length != CIPHERTEXT_OVERHEAD + plaintext.length)
    return BAD_LENGTH;
  int32_t status = open_symmetric(call, call->bytes[0], aad, &token);
  if (status == OK) status = boundary_draw(call->workspace, call->instance, target.at + NONCE_AT, FRESH_LENGTH);
  return status == OK ? ciphertext_seal(call->workspace, &token, aad, plaintext, target) : status;
}

/** Of a plaintext; 0 for what cannot be a ciphertext. */
static size_t plaintext_length(struct bytes ciphertext) {
  if (ciphertext.length < CIPHERTEXT_OVERHEAD) return 0;
  size_t length = ciphertext.length - CIPHERTEXT_OVERHEAD;
  return length <= LONGEST_PLAINTEXT ? length : 0;
}

static int32_t decrypt(struct call *call, uint8_t *target) {
  struct bytes aad = call->bytes[1], ciphertext = call->bytes[2];
  struct token token;
  int32_t status = open_symmetric(call, call->bytes[0], aad, &token);
  if (status != OK) return status;
  if (ciphertext.length > CIPHERTEXT_OVERHEAD + LONGEST_PLAINTEXT) return NOT_AUTHENTIC;
  return ciphertext_open(call->workspace, &token, aad, ciphertext, target);
}

int32_t boundary_decrypt(struct call *call) {
  struct bytes target = call->bytes[3];
  return target.length == plaintext_length(call->bytes[2]) ? decrypt(call, target.at) : BAD_LENGTH;
}

int32_t boundary_generate_data_key(struct call *call) {
  struct bytes aad = call->bytes[1], shown = call->bytes[2], target = call->bytes[3];
  struct scratch *scratch = call->workspace->scratch;
  uint32_t length = call->numbers[0];
  struct token token;
  if (length < 1 || length > LONGEST_RANDOM - FRESH_LENGTH || target.length != CIPHERTEXT_OVERHEAD + length ||
      (shown.length != 0 && shown.length != length))
    return BAD_LENGTH;
  int32_t status = open_symmetric(call, call->bytes[0], aad, &token);
  if (status != OK) return status;
  scratch->random_length = FRESH_LENGTH + length;
  status = boundary_draw(call->workspace, call->instance, scratch->random, scratch->random_length);
  if (status != OK) return status;
  struct bytes plaintext = {scratch->random + FRESH_LENGTH, length};
  memcpy(target.at + NONCE_AT, scratch->random, FRESH_LENGTH);
  status = ciphertext_seal(call->workspace, &token, aad, plaintext, target);
  if (status >= 0) memcpy(shown.at, plaintext.at, shown.length);
  return status;
}

int32_t boundary_re_encrypt(struct call *call) {
  struct bytes ciphertext = call->bytes[2], ekt = call->bytes[3], aad = call->bytes[4], target = call->bytes[5];
  struct scratch *scratch = call->workspace->scratch;
  struct token token;
  scratch->plaintext_length = plaintext_length(ciphertext);
  int32_t length = decrypt(call, scratch->plaintext);
  if (length < 0) return length;
  if (target.length != ciphertext.length) return BAD_LENGTH;
  int32_t status = open_symmetric(call, ekt, aad, &token);
  if (status == OK) status = boundary_draw(call->workspace, call->instance, target.at + NONCE_AT, FRESH_LENGTH);
  struct bytes plaintext = {scratch->plaintext, (size_t)length};
  return status == OK ? ciphertext_seal(call->workspace, &token, aad, plaintext, target) : status;
}

/** Messages that begin like an input of KBKDF: the same bytes may be a symmetric key elsewhere. */
static bool is_key_derivation(struct bytes message) {
  static const uint8_t prefix[8] = {0, 0, 0, 1, 'S', 'R', '1', '-'};
  return message.length >= sizeof prefix && memcmp(message.at, prefix, sizeof prefix) == 0;
}

enum { MACS = 1 << KMS_HMAC | 1 << SIGV4 };

int32_t boundary_mac(struct call *call) {
  struct bytes message = call->bytes[1], target = call->bytes[2];
  struct scratch *scratch = call->workspace->scratch;
  struct token token;
  if (target.length != SHA256_DIGEST_LENGTH) return BAD_LENGTH;
  if (!token_open(call->workspace, call->instance, call->bytes[0], MACS, ANY_USAGE, &token)) return REFUSED;
  if (token_is_exposed(&token) || token.usage != (token.kind == SIGV4 ? INTERNAL : GENERATE_VERIFY_MAC)) return REFUSED;
  if (is_key_derivation(message)) return REFUSED;
  hmac_start(&scratch->hmac, (struct bytes){scratch->material, scratch->material_length});
  hmac_update(&scratch->hmac, message.at, message.length);
  hmac_finish(&scratch->hmac, target.at);
  return SHA256_DIGEST_LENGTH;
}

int32_t boundary_random(struct call *call) {
  struct bytes target = call->bytes[0];
  if (target.length < 1 || target.length > LONGEST_RANDOM - FRESH_LENGTH) return BAD_LENGTH;
  int32_t status = boundary_draw(call->workspace, call->instance, target.at, target.length);
  return status == OK ? (int32_t)target.length : status;
}
