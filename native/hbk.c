#include "hbk.h"

#include <string.h>

/** The longest that GenerateMac takes is 4,096 bytes: this message is no oracle. */
enum { LABEL_LENGTH = 11, NAMING_LENGTH = 4097 };
static const uint8_t zeros[64];

/** `label 11 ‖ 00 ‖ key id 16 ‖ nonce 16 ‖ L 4`: src/model/kbkdf.ts. */
static void write_fixed_input(const char *label, const uint8_t *key_id, const uint8_t *nonce, uint16_t bits,
                              uint8_t *input) {
  memset(input, 0, FIXED_INPUT_LENGTH);
  memcpy(input, label, LABEL_LENGTH);
  memcpy(input + 12, key_id, 16);
  memcpy(input + 28, nonce, 16);
  input[46] = (uint8_t)(bits >> 8);
  input[47] = (uint8_t)bits;
}

void hbk_call_key_input(bool sm4, const uint8_t *key_id, const uint8_t *nonce, uint8_t *input) {
  if (sm4) write_fixed_input("SR1-sm4-gcm", key_id, nonce, 128, input);
  else write_fixed_input("SR1-encrypt", key_id, nonce, 256, input);
}

static void derive(struct scratch *scratch, const uint8_t *fixed_input, uint8_t *target) {
  kbkdf_start(&scratch->hmac, (struct bytes){scratch->material, scratch->material_length});
  hmac_update(&scratch->hmac, fixed_input, FIXED_INPUT_LENGTH);
  hmac_finish(&scratch->hmac, target);
}

/** SHA-256(label ‖ key id ‖ HMAC(material, 4,097 zeros)) */
static void name_by_hmac(struct scratch *scratch, const uint8_t *key_id) {
  struct hmac *hmac = &scratch->hmac;
  hmac_start(hmac, (struct bytes){scratch->material, scratch->material_length});
  for (size_t left = NAMING_LENGTH; left > 0; left -= left < sizeof zeros ? left : sizeof zeros)
    hmac_update(hmac, zeros, left < sizeof zeros ? left : sizeof zeros);
  hmac_finish(hmac, scratch->hbk_name);
  hbk_name_by(scratch, key_id, (struct bytes){scratch->hbk_name, sizeof scratch->hbk_name});
}

void hbk_name_by(struct scratch *scratch, const uint8_t *key_id, struct bytes commitment) {
  struct hmac *hmac = &scratch->hmac;
  SHA256_Init(&hmac->inner);
  SHA256_Update(&hmac->inner, "SR1-keyname", LABEL_LENGTH);
  SHA256_Update(&hmac->inner, key_id, 16);
  SHA256_Update(&hmac->inner, commitment.at, commitment.length);
  SHA256_Final(scratch->hbk_name, &hmac->inner);
}

void hbk_name(struct scratch *scratch, const struct token *token) {
  uint8_t fixed_input[FIXED_INPUT_LENGTH];
  if (token->kind == KMS_HMAC || token->kind == SIGV4) {
    name_by_hmac(scratch, token->key_id);
    return;
  }
  write_fixed_input("SR1-keyname", token->key_id, zeros, 256, fixed_input);
  derive(scratch, fixed_input, scratch->hbk_name);
}

void hbk_call_key(struct scratch *scratch, const struct token *token, const uint8_t *nonce) {
  uint8_t fixed_input[FIXED_INPUT_LENGTH];
  hbk_call_key_input(token->spec == SM4, token->key_id, nonce, fixed_input);
  derive(scratch, fixed_input, scratch->call_key);
}
