#include "ciphertext.h"

#include <string.h>

#include "gcm.h"
#include "hbk.h"
#include "status.h"

enum { HBK_ID_AT = 2, VERSION = 1, SUITE = 1 };

static struct gcm_message message_of(struct workspace *workspace, uint8_t *header, struct bytes aad) {
  return (struct gcm_message){
      .key = workspace->scratch->call_key,
      .iv = header + IV_AT,
      .header = {header, HEADER_LENGTH},
      .aad = aad,
  };
}

int32_t ciphertext_seal(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes plaintext, struct bytes target) {
  uint8_t *header = target.at;
  header[0] = VERSION;
  header[1] = SUITE;
  memcpy(header + HBK_ID_AT, token_hbk_id(token), 32);
  hbk_call_key(workspace->scratch, token, header + NONCE_AT);
  struct gcm_message message = message_of(workspace, header, aad);
  uint8_t *ciphertext = header + HEADER_LENGTH;
  return gcm_seal(workspace, &message, plaintext, ciphertext, ciphertext + plaintext.length) ? (int32_t)target.length
                                                                                            : FAULT;
}

int32_t ciphertext_open(struct workspace *workspace, const struct token *token, struct bytes aad,
                        struct bytes ciphertext, uint8_t *target) {
  uint8_t *header = ciphertext.at;
  if (ciphertext.length < CIPHERTEXT_OVERHEAD || header[0] != VERSION || header[1] != SUITE) return NOT_AUTHENTIC;
  if (memcmp(header + HBK_ID_AT, token_hbk_id(token), 32) != 0) return NOT_AUTHENTIC;
  hbk_call_key(workspace->scratch, token, header + NONCE_AT);
  struct gcm_message message = message_of(workspace, header, aad);
  struct bytes sealed = {header + HEADER_LENGTH, ciphertext.length - CIPHERTEXT_OVERHEAD};
  int32_t status = gcm_open(workspace, &message, sealed, sealed.at + sealed.length, target);
  return status == OK ? (int32_t)sealed.length : status;
}
