#include "deriver.h"

#include <openssl/crypto.h>

#include "gcm.h"
#include "status.h"

enum { HBK_LENGTH = 32, LONGEST_FIXED_INPUT = 1024 };

/** Of the HBK there is what HMAC makes of it before the fixed input comes. */
struct deriver {
  struct instance state;
  struct hmac started;
};

/** HBK */
static int32_t start(struct call *call) {
  struct deriver *deriver = call->instance;
  if (call->bytes[0].length != HBK_LENGTH) return BAD_LENGTH;
  kbkdf_start(&deriver->started, call->bytes[0]);
  OPENSSL_cleanse(deriver->started.block, sizeof deriver->started.block);
  deriver->state.live = true;
  return OK;
}

/** The message of a call, its key derived. */
static int32_t derive(struct call *call, struct gcm_message *message) {
  const struct deriver *deriver = call->instance;
  struct bytes fixed_input = call->bytes[0], iv = call->bytes[1];
  struct scratch *scratch = call->workspace->scratch;
  if (fixed_input.length > LONGEST_FIXED_INPUT || iv.length != GCM_IV_LENGTH) return BAD_LENGTH;
  scratch->hmac = deriver->started;
  hmac_update(&scratch->hmac, fixed_input.at, fixed_input.length);
  hmac_finish(&scratch->hmac, scratch->call_key);
  *message = (struct gcm_message){
      .key = scratch->call_key, .iv = iv.at, .header = {iv.at, 0}, .aad = call->bytes[2]};
  return OK;
}

/** fixed input, IV, additional data, plaintext, target: ciphertext ‖ tag */
static int32_t seal(struct call *call) {
  struct bytes plaintext = call->bytes[3], target = call->bytes[4];
  struct gcm_message message;
  if (target.length != plaintext.length + GCM_TAG_LENGTH) return BAD_LENGTH;
  int32_t status = derive(call, &message);
  if (status != OK) return status;
  return gcm_seal(call->workspace, &message, plaintext, target.at, target.at + plaintext.length)
             ? (int32_t)target.length
             : FAULT;
}

/** fixed input, IV, additional data, ciphertext ‖ tag, target: plaintext */
static int32_t open_sealed(struct call *call) {
  struct bytes sealed = call->bytes[3], target = call->bytes[4];
  struct gcm_message message;
  int32_t status = derive(call, &message);
  if (status != OK) return status;
  if (sealed.length < GCM_TAG_LENGTH) return NOT_AUTHENTIC;
  struct bytes ciphertext = {sealed.at, sealed.length - GCM_TAG_LENGTH};
  if (target.length != ciphertext.length) return BAD_LENGTH;
  status = gcm_open(call->workspace, &message, ciphertext, sealed.at + ciphertext.length, target.at);
  return status == OK ? (int32_t)target.length : status;
}

static int32_t close_deriver(struct call *call) {
  OPENSSL_cleanse(call->instance, sizeof(struct deriver));
  return OK;
}

static void finalize(void *instance) { (void)instance; }

static const struct function methods[] = {
    {"start", "b", start, .any_state = true},
    {"seal", "bbbbt", seal},
    {"open", "bbbbt", open_sealed},
    {"close", "", close_deriver, .any_state = true},
};

const struct class deriver_class = {
    .name = "Deriver",
    .size = sizeof(struct deriver),
    .finalize = finalize,
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};
