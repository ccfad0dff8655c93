#include "ciphertext.h"

#include <string.h>

#include "gcm.h"
#include "hbk.h"
#include "status.h"

enum { HBK_ID_AT = 2, VERSION = 1 };

static struct gcm_message message_of(struct workspace *workspace, uint8_t *header, struct bytes aad) {
  return (struct gcm_message){
      .key = workspace->scratch->call_key,
      .iv = header + IV_AT,
      .header = {header, HEADER_LENGTH},
      .aad = aad,
      .sm4 = header[1] == SM4_SUITE,
  };
}

void ciphertext_begin(uint8_t *header, enum suite suite, const uint8_t *hbk_id) {
  header[0] = VERSION;
  header[1] = (uint8_t)suite;
  memcpy(header + HBK_ID_AT, hbk_id, 32);
}

bool ciphertext_names(struct bytes ciphertext, enum suite suite, const uint8_t *hbk_id) {
  const uint8_t *header = ciphertext.at;
  return ciphertext.length >= CIPHERTEXT_OVERHEAD && header[0] == VERSION && header[1] == suite &&
         memcmp(header + HBK_ID_AT, hbk_id, 32) == 0;
}

int32_t ciphertext_seal_under_call_key(struct workspace *workspace, struct bytes aad, struct bytes plaintext,
                                       struct bytes target) {
  struct gcm_message message = message_of(workspace, target.at, aad);
  uint8_t *ciphertext = target.at + HEADER_LENGTH;
  return gcm_seal(workspace, &message, plaintext, ciphertext, ciphertext + plaintext.length) ? (int32_t)target.length
                                                                                            : FAULT;
}

int32_t ciphertext_open_under_call_key(struct workspace *workspace, struct bytes aad, struct bytes ciphertext,
                                       uint8_t *target) {
  struct gcm_message message = message_of(workspace, ciphertext.at, aad);
  struct bytes sealed = {ciphertext.at + HEADER_LENGTH, ciphertext.length - CIPHERTEXT_OVERHEAD};
  int32_t status = gcm_open(workspace, &message, sealed, sealed.at + sealed.length, target);
  return status == OK ? (int32_t)sealed.length : status;
}

static enum suite suite_of(const struct token *token) { return token->spec == SM4 ? SM4_SUITE : AES_SUITE; }

int32_t ciphertext_seal(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes plaintext, struct bytes target) {
  ciphertext_begin(target.at, suite_of(token), token_hbk_id(token));
  hbk_call_key(workspace->scratch, token, target.at + NONCE_AT);
  return ciphertext_seal_under_call_key(workspace, aad, plaintext, target);
}

int32_t ciphertext_open(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes ciphertext, uint8_t *target) {
  if (!ciphertext_names(ciphertext, suite_of(token), token_hbk_id(token))) return NOT_AUTHENTIC;
  hbk_call_key(workspace->scratch, token, ciphertext.at + NONCE_AT);
  return ciphertext_open_under_call_key(workspace, aad, ciphertext, target);
}
