#include "token.h"

#include <string.h>

#include "gcm.h"
#include "status.h"

enum { MAC_KEY_ID_AT = 18, KIND_AT = 34, SPEC_AT = 35, USAGE_AT = 36, ORIGIN_AT = 37, ACCOUNT_AT = 38, KEY_ID_LENGTH = 16 };
enum { NAME_LENGTH = 34, LEAST_HEAD = 40 };

bool token_read_head(const struct boundary *boundary, struct bytes whole, struct token *token) {
  static const uint8_t no_mac_key[16];
  const uint8_t *p = whole.at;
  if (whole.length < LEAST_HEAD || whole.length > LONGEST_TOKEN) return false;
  /* version 1, suite 1 */
  if (p[0] != 1 || p[1] != 1 || memcmp(p + MAC_KEY_ID_AT, no_mac_key, sizeof no_mac_key) != 0) return false;
  size_t region = ACCOUNT_AT + 1 + p[ACCOUNT_AT];
  if (region >= whole.length) return false;
  size_t end = region + 1 + p[region] + KEY_ID_LENGTH;
  if (end > whole.length || p[KIND_AT] < KMS_SYMMETRIC || p[KIND_AT] > INDEX) return false;
  *token = (struct token){
      .head = {whole.at, end},
      .kind = p[KIND_AT],
      .spec = p[SPEC_AT],
      .usage = p[USAGE_AT],
      .origin = p[ORIGIN_AT],
      .key_id = p + end - KEY_ID_LENGTH,
      .domain_key = domain_keys_find(boundary, p + DOMAIN_KEY_ID_AT),
  };
  return token->domain_key != NULL;
}

bool token_is_head(const struct boundary *boundary, struct bytes whole, uint32_t kinds, struct token *token) {
  return token_read_head(boundary, whole, token) && token->head.length == whole.length && (kinds >> token->kind & 1);
}

bool token_is_exposed(const struct token *token) {
  return token->kind == KMS_PRIVATE || (token->kind == KMS_HMAC && token->spec != HMAC_256);
}

bool token_is_moved(const struct token *a, const struct token *b) {
  const uint8_t *p = a->head.at + KIND_AT, *q = b->head.at + KIND_AT;
  size_t account = ACCOUNT_AT - KIND_AT;
  return p[account] == q[account] && memcmp(p, q, account + 1 + p[account]) == 0 &&
         memcmp(a->key_id, b->key_id, KEY_ID_LENGTH) == 0;
}

const uint8_t *token_hbk_id(const struct token *token) { return token->head.at + token->head.length; }

bool token_open(struct workspace *workspace, const struct boundary *boundary, struct bytes whole, uint32_t kinds,
                enum usage usage, struct token *token) {
  if (!token_read_head(boundary, whole, token) || !(kinds >> token->kind & 1)) return false;
  if (usage != ANY_USAGE && token->usage != usage) return false;
  if (whole.length < token->head.length + TOKEN_OVERHEAD + 1) return false;
  size_t length = whole.length - token->head.length - TOKEN_OVERHEAD;
  const uint8_t *sealed_length = token_hbk_id(token) + 32;
  if (length > LONGEST_MATERIAL || (size_t)(sealed_length[0] << 8 | sealed_length[1]) != GCM_IV_LENGTH + length)
    return false;
  uint8_t *iv = whole.at + token->head.length + NAME_LENGTH;
  struct bytes ciphertext = {iv + GCM_IV_LENGTH, length};
  struct gcm_message message = {
      .key = token->domain_key->key,
      .iv = iv,
      .header = {whole.at, token->head.length + NAME_LENGTH},
      .aad = {whole.at, 0},
  };
  struct scratch *scratch = workspace->scratch;
  scratch->material_length = length;
  return gcm_open(workspace, &message, ciphertext, ciphertext.at + length, scratch->material) == OK;
}

void token_set_material(struct scratch *scratch, const uint8_t *material, size_t length) {
  memcpy(scratch->material, material, length);
  scratch->material_length = length;
}

int32_t token_seal(struct workspace *workspace, struct boundary *boundary, const struct token *token,
                   struct bytes target) {
  struct scratch *scratch = workspace->scratch;
  size_t sealed_length = GCM_IV_LENGTH + scratch->material_length;
  if (target.length != token->head.length + TOKEN_OVERHEAD + scratch->material_length) return BAD_LENGTH;
  if (target.at != token->head.at) memcpy(target.at, token->head.at, token->head.length);
  uint8_t *name = target.at + token->head.length;
  uint8_t *iv = name + NAME_LENGTH;
  uint8_t *ciphertext = iv + GCM_IV_LENGTH;
  memcpy(name, scratch->hbk_name, 32);
  name[32] = (uint8_t)(sealed_length >> 8);
  name[33] = (uint8_t)sealed_length;
  struct gcm_message message = {
      .key = token->domain_key->key,
      .iv = iv,
      .header = {target.at, token->head.length + NAME_LENGTH},
      .aad = {target.at, 0},
  };
  int32_t status = boundary_draw(workspace, boundary, iv, GCM_IV_LENGTH);
  if (status != OK) return status;
  struct bytes material = {scratch->material, scratch->material_length};
  return gcm_seal(workspace, &message, material, ciphertext, ciphertext + material.length) ? (int32_t)target.length
                                                                                          : FAULT;
}
