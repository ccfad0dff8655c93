#include <openssl/crypto.h>
#include <string.h>

#include "boundary-calls.h"
#include "hbk.h"
#include "key-wrap.h"
#include "status.h"

enum {
  RELEASED = 1 << RECORD | 1 << INDEX,
  EXPOSED = 1 << KMS_PRIVATE | 1 << KMS_HMAC,
  /** With the keys that unwrap what is imported, outside as well. */
  COME_OUT = EXPOSED | 1 << IMPORT,
  ANY_KIND = 0x1fe,
  LONGEST_COMMITMENT = 4096,
};

// ── domain keys

int32_t boundary_set_root(struct call *call) {
  return call->bytes[0].length == 32 ? domain_keys_set_root(call->instance, call->bytes[0]) : BAD_LENGTH;
}

int32_t boundary_generate_domain_key(struct call *call) {
  if (call->bytes[0].length != ID_LENGTH) return BAD_LENGTH;
  return domain_keys_generate(call->workspace, call->instance, call->bytes[0].at);
}

int32_t boundary_seal_domain_key(struct call *call) {
  struct bytes id = call->bytes[0], target = call->bytes[1];
  if (id.length != ID_LENGTH || target.length != SEALED_LENGTH) return BAD_LENGTH;
  return domain_keys_seal(call->workspace, call->instance, id.at, target.at);
}

int32_t boundary_open_domain_key(struct call *call) {
  struct bytes id = call->bytes[0], sealed = call->bytes[1];
  if (id.length != ID_LENGTH) return BAD_LENGTH;
  if (sealed.length != SEALED_LENGTH) return NOT_AUTHENTIC;
  return domain_keys_open(call->workspace, call->instance, id.at, sealed.at);
}

int32_t boundary_drop_domain_key(struct call *call) {
  if (call->bytes[0].length != ID_LENGTH) return BAD_LENGTH;
  domain_keys_drop(call->instance, call->bytes[0].at);
  return OK;
}

// ── key tokens

int32_t boundary_generate(struct call *call) {
  struct scratch *scratch = call->workspace->scratch;
  uint32_t length = call->numbers[0];
  struct token token;
  if (length < 16 || length > 64) return BAD_LENGTH;
  if (!token_is_head(call->instance, call->bytes[0], ANY_KIND, &token) || token_is_exposed(&token)) return REFUSED;
  scratch->material_length = length;
  int32_t status = boundary_draw(call->workspace, call->instance, scratch->material, length);
  if (status != OK) return status;
  hbk_name(scratch, &token);
  return token_seal(call->workspace, call->instance, &token, call->bytes[1]);
}

int32_t boundary_import(struct call *call) {
  struct bytes material = call->bytes[1];
  struct token token;
  if (material.length < 1 || material.length > LONGEST_MATERIAL) return BAD_LENGTH;
  if (!token_is_head(call->instance, call->bytes[0], ANY_KIND, &token) || token_is_exposed(&token)) return REFUSED;
  /* Symmetric KMS keys come in the clear only where their token says so. */
  if (token.kind == KMS_SYMMETRIC && token.origin != EXTERNAL) return REFUSED;
  token_set_material(call->workspace->scratch, material.at, material.length);
  hbk_name(call->workspace->scratch, &token);
  return token_seal(call->workspace, call->instance, &token, call->bytes[2]);
}

int32_t boundary_import_exposed(struct call *call) {
  struct bytes commitment = call->bytes[1], material = call->bytes[2];
  struct token token;
  if (material.length < 1 || material.length > LONGEST_MATERIAL) return BAD_LENGTH;
  if (commitment.length < 1 || commitment.length > LONGEST_COMMITMENT) return BAD_LENGTH;
  if (!token_is_head(call->instance, call->bytes[0], EXPOSED, &token) || !token_is_exposed(&token)) return REFUSED;
  token_set_material(call->workspace->scratch, material.at, material.length);
  hbk_name_by(call->workspace->scratch, token.key_id, commitment);
  return token_seal(call->workspace, call->instance, &token, call->bytes[3]);
}

int32_t boundary_expose(struct call *call) {
  struct scratch *scratch = call->workspace->scratch;
  struct bytes target = call->bytes[1];
  enum usage usage = call->numbers[0];
  struct token token;
  if (usage == ANY_USAGE) return REFUSED;
  if (!token_open(call->workspace, call->instance, call->bytes[0], COME_OUT, usage, &token)) return REFUSED;
  if (!token_is_exposed(&token) && token.kind != IMPORT) return REFUSED;
  if (target.length != scratch->material_length) return BAD_LENGTH;
  memcpy(target.at, scratch->material, target.length);
  return (int32_t)target.length;
}

int32_t boundary_rewrap(struct call *call) {
  struct bytes ekt = call->bytes[0], head = call->bytes[1], target = call->bytes[2];
  struct scratch *scratch = call->workspace->scratch;
  struct token opened, renewed;
  if (!token_open(call->workspace, call->instance, ekt, ANY_KIND, ANY_USAGE, &opened)) return REFUSED;
  if (!token_is_head(call->instance, head, ANY_KIND, &renewed) || !token_is_moved(&opened, &renewed)) return REFUSED;
  /* The name of exposed material is of what others make of it: the tag alone binds it. */
  if (token_is_exposed(&opened)) memcpy(scratch->hbk_name, token_hbk_id(&opened), sizeof scratch->hbk_name);
  else hbk_name(scratch, &renewed);
  if (CRYPTO_memcmp(scratch->hbk_name, token_hbk_id(&opened), sizeof scratch->hbk_name) != 0) return FAULT;
  return token_seal(call->workspace, call->instance, &renewed, target);
}

int32_t boundary_release(struct call *call) {
  struct scratch *scratch = call->workspace->scratch;
  struct bytes target = call->bytes[1];
  struct token token;
  if (!token_open(call->workspace, call->instance, call->bytes[0], RELEASED, INTERNAL, &token)) return REFUSED;
  if (target.length != scratch->material_length) return BAD_LENGTH;
  memcpy(target.at, scratch->material, target.length);
  return (int32_t)target.length;
}

// ── transport

int32_t boundary_wrap_for(struct call *call) {
  struct scratch *scratch = call->workspace->scratch;
  struct bytes key = call->bytes[1], target = call->bytes[2];
  struct token token;
  if (key.length != 32) return BAD_LENGTH;
  if (!token_open(call->workspace, call->instance, call->bytes[0], ANY_KIND, ANY_USAGE, &token)) return REFUSED;
  if (target.length != key_wrap_length(scratch->material_length)) return BAD_LENGTH;
  return key_wrap(key.at, (struct bytes){scratch->material, scratch->material_length}, target.at);
}

int32_t boundary_unwrap_from(struct call *call) {
  struct bytes head = call->bytes[0], hbk_id = call->bytes[1], key = call->bytes[2], wrapped = call->bytes[3];
  struct bytes target = call->bytes[4];
  struct scratch *scratch = call->workspace->scratch;
  struct token token;
  if (key.length != 32 || hbk_id.length != sizeof scratch->hbk_name) return BAD_LENGTH;
  if (!token_is_head(call->instance, head, ANY_KIND, &token) || token_is_exposed(&token)) return REFUSED;
  if (!key_wrap_is_length(wrapped.length, LONGEST_MATERIAL)) return REFUSED;
  scratch->material_length = wrapped.length;
  int32_t length = key_unwrap(key.at, wrapped, scratch->material);
  if (length < 0) return REFUSED;
  size_t token_length = head.length + TOKEN_OVERHEAD + (size_t)length;
  if (target.length < token_length) return BAD_LENGTH;
  scratch->material_length = (size_t)length;
  hbk_name(scratch, &token);
  if (CRYPTO_memcmp(scratch->hbk_name, hbk_id.at, hbk_id.length) != 0) return REFUSED;
  return token_seal(call->workspace, call->instance, &token, (struct bytes){target.at, token_length});
}
