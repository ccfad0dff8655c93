#include "sealing.h"

#include <openssl/crypto.h>
#include <string.h>

#include "ciphertext.h"
#include "cryptoki-arguments.h"
#include "hbk.h"
#include "status.h"

enum { TAG_LENGTH = CIPHERTEXT_OVERHEAD - HEADER_LENGTH, IV_LENGTH = HEADER_LENGTH - IV_AT };

static const uint8_t *hbk_id_of(const struct bytes *parts) { return parts[1].at; }
static const uint8_t *key_id_of(const struct bytes *parts) { return parts[1].at + 32; }
static enum suite suite_of(const struct bytes *parts) { return parts[1].at[48]; }

bool are_keyed(const struct bytes *parts) {
  if (parts[0].length != HANDLE_LENGTH || parts[1].length != IDENTITY_LENGTH) return false;
  return parts[2].length <= LONGEST_AAD && (suite_of(parts) == AES_SUITE || suite_of(parts) == SM4_SUITE);
}

static CK_OBJECT_HANDLE hbk_of(const struct bytes *parts) {
  CK_OBJECT_HANDLE handle;
  memcpy(&handle, parts[0].at, sizeof handle);
  return handle;
}

/** KBKDF (SP 800-108 §4.1): one block in counter mode is one HMAC, which the token computes; into `scratch->call_key`. */
static int32_t derive(struct session *session, struct job *job, const struct bytes *parts, const uint8_t *nonce) {
  uint8_t input[4 + FIXED_INPUT_LENGTH] = {0, 0, 0, 1};
  struct scratch *scratch = session->workspace->scratch;
  CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0};
  hbk_call_key_input(suite_of(parts) == SM4_SUITE, key_id_of(parts), nonce, input + 4);
  int32_t length = session_sign(session, job, &mechanism, hbk_of(parts), (struct bytes){input, sizeof input});
  if (length < 0) return length;
  if (length != sizeof scratch->call_key) return FAULT;
  memcpy(scratch->call_key, scratch->material, sizeof scratch->call_key);
  return OK;
}

/** K as an object of the session: by CKM_SP800_108_COUNTER_KDF, or of octets that the token's HMAC gave. */
static int32_t make_key(struct session *session, struct job *job, const struct bytes *parts, const uint8_t *nonce,
                        CK_OBJECT_HANDLE *key) {
  if (session->boundary == TOKEN) {
    _Alignas(8) uint8_t octets[16 + FIXED_INPUT_LENGTH] = {0};
    const uint32_t words[] = {CKM_SP800_108_COUNTER_KDF, 0, CKM_SHA256_HMAC, 0};
    struct mechanism mechanism;
    memcpy(octets, words, sizeof words);
    hbk_call_key_input(false, key_id_of(parts), nonce, octets + sizeof words);
    int32_t status = read_mechanism((struct bytes){octets, sizeof octets}, &mechanism);
    return status == OK ? session_derive(session, job, &mechanism.mechanism, hbk_of(parts), key) : status;
  }
  struct bytes value = {session->workspace->scratch->call_key, sizeof session->workspace->scratch->call_key};
  int32_t status = derive(session, job, parts, nonce);
  return status == OK ? session_create(session, job, value, key) : status;
}

/** By `transform`, with IV and additional data of the call, to `target`; of no other length than `length`. */
static int32_t gcm_in_token(struct session *session, struct job *job, transform *by, CK_OBJECT_HANDLE key,
                            const uint8_t *header, struct bytes aad, struct bytes data, struct bytes target) {
  uint8_t bound[HEADER_LENGTH + LONGEST_AAD], iv[IV_LENGTH];
  CK_GCM_PARAMS parameters = {
      .pIv = iv,
      .ulIvLen = IV_LENGTH,
      .ulIvBits = 8 * IV_LENGTH,
      .pAAD = bound,
      .ulAADLen = HEADER_LENGTH + aad.length,
      .ulTagBits = 8 * TAG_LENGTH,
  };
  CK_MECHANISM mechanism = {CKM_AES_GCM, &parameters, sizeof parameters};
  memcpy(iv, header + IV_AT, sizeof iv);
  memcpy(bound, header, HEADER_LENGTH);
  memcpy(bound + HEADER_LENGTH, aad.at, aad.length);
  int32_t length = by(session, job, &mechanism, key, data);
  if (length < 0) return length;
  uint8_t *material = session->workspace->scratch->material;
  if ((size_t)length == target.length) memcpy(target.at, material, target.length);
  OPENSSL_cleanse(material, (size_t)length);
  return (size_t)length == target.length ? length : FAULT;
}

/** A key goes with the session that made it, so one that is not destroyed does not outlive a failure. */
static int32_t without_key(struct session *session, struct job *job, CK_OBJECT_HANDLE key, int32_t outcome) {
  if (outcome < 0) session_close(session);
  else if (session_destroy(session, job, key) != OK) return MODULE;
  return outcome;
}

static int32_t seal_in_token(struct session *session, struct job *job, const struct bytes *parts,
                             struct bytes plaintext, struct bytes target) {
  struct bytes sealed = {target.at + HEADER_LENGTH, plaintext.length + TAG_LENGTH};
  CK_OBJECT_HANDLE key;
  int32_t status = make_key(session, job, parts, target.at + NONCE_AT, &key);
  if (status != OK) return status;
  status = gcm_in_token(session, job, session_encrypt, key, target.at, parts[2], plaintext, sealed);
  return without_key(session, job, key, status < 0 ? status : (int32_t)target.length);
}

/** What it encrypts it opens. */
static int32_t prove(struct session *session, struct job *job, CK_OBJECT_HANDLE key, const uint8_t *header,
                     struct bytes aad) {
  uint8_t tag[TAG_LENGTH];
  struct bytes sealed = {tag, sizeof tag}, nothing = {tag, 0};
  int32_t status = gcm_in_token(session, job, session_encrypt, key, header, aad, nothing, sealed);
  return status < 0 ? status : gcm_in_token(session, job, session_decrypt, key, header, aad, sealed, nothing);
}

/**
 * By what a module answers, octets that are wrong are not told from a token that fails (second-try.ts). So when they do not
 * open, the token does something known in another session, and then the same again: what it fails at then are the octets.
 */
static int32_t open_in_token(struct session *session, struct job *job, const struct bytes *parts,
                             struct bytes ciphertext, uint8_t *target) {
  const uint8_t *header = ciphertext.at;
  struct bytes sealed = {ciphertext.at + HEADER_LENGTH, ciphertext.length - HEADER_LENGTH};
  struct bytes plaintext = {target, sealed.length - TAG_LENGTH};
  CK_OBJECT_HANDLE key;
  int32_t status = make_key(session, job, parts, header + NONCE_AT, &key);
  if (status != OK) return status;
  if (job->again) status = prove(session, job, key, header, parts[2]);
  if (status != OK) return without_key(session, job, key, status);
  status = gcm_in_token(session, job, session_decrypt, key, header, parts[2], sealed, plaintext);
  if (status == MODULE && job->again) status = is_outage(job->answered) ? FAULT : NOT_AUTHENTIC;
  return without_key(session, job, key, status);
}

int32_t seal_in_session(struct session *session, struct job *job, const struct bytes *parts, struct bytes plaintext,
                        struct bytes target) {
  ciphertext_begin(target.at, suite_of(parts), hbk_id_of(parts));
  if (session->boundary != CALL_KEY) return seal_in_token(session, job, parts, plaintext, target);
  int32_t status = derive(session, job, parts, target.at + NONCE_AT);
  return status == OK ? ciphertext_seal_under_call_key(session->workspace, parts[2], plaintext, target) : status;
}

int32_t open_in_session(struct session *session, struct job *job, const struct bytes *parts, struct bytes ciphertext,
                        uint8_t *target) {
  if (!ciphertext_names(ciphertext, suite_of(parts), hbk_id_of(parts))) return NOT_AUTHENTIC;
  if (session->boundary != CALL_KEY) return open_in_token(session, job, parts, ciphertext, target);
  int32_t status = derive(session, job, parts, ciphertext.at + NONCE_AT);
  return status == OK ? ciphertext_open_under_call_key(session->workspace, parts[2], ciphertext, target) : status;
}
