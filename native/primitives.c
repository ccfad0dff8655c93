#include "primitives.h"

#include <openssl/crypto.h>
#include <string.h>

#include "gcm.h"
#include "key-wrap.h"
#include "status.h"

/** message, target 32 */
static int32_t sha256(struct call *call) {
  struct bytes message = call->bytes[0], target = call->bytes[1];
  SHA256_CTX *state = &call->workspace->scratch->hmac.inner;
  if (target.length != SHA256_DIGEST_LENGTH) return BAD_LENGTH;
  SHA256_Init(state);
  SHA256_Update(state, message.at, message.length);
  SHA256_Final(target.at, state);
  return SHA256_DIGEST_LENGTH;
}

static int32_t mac(struct call *call, void (*start)(struct hmac *, struct bytes key)) {
  struct bytes key = call->bytes[0], message = call->bytes[1], target = call->bytes[2];
  struct hmac *hmac = &call->workspace->scratch->hmac;
  if (target.length != SHA256_DIGEST_LENGTH) return BAD_LENGTH;
  start(hmac, key);
  hmac_update(hmac, message.at, message.length);
  hmac_finish(hmac, target.at);
  return SHA256_DIGEST_LENGTH;
}

/** key, message, target 32 */
static int32_t hmac_sha256(struct call *call) { return mac(call, hmac_start); }

/** key, fixed input, target 32 */
static int32_t kbkdf(struct call *call) { return mac(call, kbkdf_start); }

static bool read_message(struct call *call, bool sm4, struct gcm_message *message) {
  struct bytes key = call->bytes[0], iv = call->bytes[1];
  *message = (struct gcm_message){.key = key.at, .iv = iv.at, .header = {key.at, 0}, .aad = call->bytes[2], .sm4 = sm4};
  return key.length == (sm4 ? SM4_KEY_LENGTH : GCM_KEY_LENGTH) && iv.length == GCM_IV_LENGTH;
}

static int32_t seal(struct call *call, bool sm4) {
  struct bytes plaintext = call->bytes[3], target = call->bytes[4];
  struct gcm_message message;
  if (!read_message(call, sm4, &message) || target.length != plaintext.length + GCM_TAG_LENGTH) return BAD_LENGTH;
  return gcm_seal(call->workspace, &message, plaintext, target.at, target.at + plaintext.length)
             ? (int32_t)target.length
             : FAULT;
}

static int32_t open_sealed(struct call *call, bool sm4) {
  struct bytes sealed = call->bytes[3], target = call->bytes[4];
  struct gcm_message message;
  if (!read_message(call, sm4, &message)) return BAD_LENGTH;
  if (sealed.length < GCM_TAG_LENGTH) return NOT_AUTHENTIC;
  struct bytes ciphertext = {sealed.at, sealed.length - GCM_TAG_LENGTH};
  if (target.length != ciphertext.length) return BAD_LENGTH;
  int32_t status = gcm_open(call->workspace, &message, ciphertext, sealed.at + ciphertext.length, target.at);
  return status == OK ? (int32_t)target.length : status;
}

/** key, IV, additional data, plaintext, target: ciphertext ‖ tag */
static int32_t gcm_seal_call(struct call *call) { return seal(call, false); }
static int32_t sm4_gcm_seal(struct call *call) { return seal(call, true); }

/** key, IV, additional data, ciphertext ‖ tag, target: plaintext */
static int32_t gcm_open_call(struct call *call) { return open_sealed(call, false); }
static int32_t sm4_gcm_open(struct call *call) { return open_sealed(call, true); }

/** 1 or 0: whether this OpenSSL has SM4 */
static int32_t has_sm4(struct call *call) { return call->workspace->sm4_gcm != NULL; }

/** kek, material, target */
static int32_t kwp_wrap(struct call *call) {
  struct bytes kek = call->bytes[0], material = call->bytes[1], target = call->bytes[2];
  if (kek.length != 32 || material.length < 1 || material.length > LONGEST_WRAPPED - 8) return BAD_LENGTH;
  if (target.length != key_wrap_length(material.length)) return BAD_LENGTH;
  return key_wrap(kek.at, material, target.at);
}

/** kek, wrapped, target: 8 bytes shorter than `wrapped`, of which the material is the beginning */
static int32_t kwp_unwrap(struct call *call) {
  struct bytes kek = call->bytes[0], wrapped = call->bytes[1], target = call->bytes[2];
  struct scratch *scratch = call->workspace->scratch;
  if (kek.length != 32) return BAD_LENGTH;
  if (!key_wrap_is_length(wrapped.length, LONGEST_WRAPPED - 8)) return NOT_AUTHENTIC;
  if (target.length != wrapped.length - 8) return BAD_LENGTH;
  scratch->material_length = wrapped.length;
  int32_t length = key_unwrap(kek.at, wrapped, scratch->material);
  if (length > 0) memcpy(target.at, scratch->material, (size_t)length);
  return length;
}

/** a, b: of one length; 1 when they are equal */
static int32_t equal(struct call *call) {
  struct bytes a = call->bytes[0], b = call->bytes[1];
  if (a.length != b.length) return BAD_LENGTH;
  return CRYPTO_memcmp(a.at, b.at, a.length) == 0;
}

const struct function primitives[] = {
    {"sha256", "bt", sha256},
    {"hmacSha256", "bbt", hmac_sha256},
    {"kbkdf", "bbt", kbkdf},
    {"gcmSeal", "bbbbt", gcm_seal_call},
    {"gcmOpen", "bbbbt", gcm_open_call},
    {"hasSm4", "", has_sm4},
    {"sm4GcmSeal", "bbbbt", sm4_gcm_seal},
    {"sm4GcmOpen", "bbbbt", sm4_gcm_open},
    {"kwpWrap", "bbt", kwp_wrap},
    {"kwpUnwrap", "bbt", kwp_unwrap},
    {"equal", "bb", equal},
};
const size_t primitive_count = sizeof primitives / sizeof *primitives;
