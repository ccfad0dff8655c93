#include "ciphertext.h"

#include <string.h>

#include "gcm.h"
#include "hbk.h"
#include "status.h"

enum { HBK_ID_AT = 2, VERSION = 1, AES_SUITE = 1, SM4_SUITE = 3 };

static uint8_t suite_of(const struct token *token) { return token->spec == SM4 ? SM4_SUITE : AES_SUITE; }

static struct gcm_message message_of(struct workspace *workspace, const struct token *token, uint8_t *header,
                                     struct bytes aad) {
  hbk_call_key(workspace->scratch, token, header + NONCE_AT);
  return (struct gcm_message){
      .key = workspace->scratch->call_key,
      .iv = header + IV_AT,
      .header = {header, HEADER_LENGTH},
      .aad = aad,
      .sm4 = token->spec == SM4,
  };
}

int32_t ciphertext_seal(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes plaintext, struct bytes target) {
  uint8_t *header = target.at;
  header[0] = VERSION;
  header[1] = suite_of(token);
  memcpy(header + HBK_ID_AT, token_hbk_id(token), 32);
  struct gcm_message message = message_of(workspace, token, header, aad);
  uint8_t *ciphertext = header + HEADER_LENGTH;
  return gcm_seal(workspace, &message, plaintext, ciphertext, ciphertext + plaintext.length) ? (int32_t)target.length
                                                                                            : FAULT;
}

int32_t ciphertext_open(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes ciphertext, uint8_t *target) {
  uint8_t *header = ciphertext.at;
  if (ciphertext.length < CIPHERTEXT_OVERHEAD || header[0] != VERSION || header[1] != suite_of(token))
    return NOT_AUTHENTIC;
  if (memcmp(header + HBK_ID_AT, token_hbk_id(token), 32) != 0) return NOT_AUTHENTIC;
  struct gcm_message message = message_of(workspace, token, header, aad);
  struct bytes sealed = {header + HEADER_LENGTH, ciphertext.length - CIPHERTEXT_OVERHEAD};
  int32_t status = gcm_open(workspace, &message, sealed, sealed.at + sealed.length, target);
  return status == OK ? (int32_t)sealed.length : status;
}
