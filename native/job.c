#include "job.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "ciphertext.h"
#include "cryptoki-arguments.h"
#include "sealing.h"
#include "session.h"
#include "status.h"

/** How often at most: a session that a token has closed meanwhile is none of the operation's fault. */
enum { TRIES = 2, ALIGNMENT = 8, ANSWER_HEAD = 24 };

struct operation {
  /** The length of what it writes to `output`, or a status. */
  int32_t (*perform)(struct session *session, struct job *job);
  /** It fails where the module does not like the data: another try would fail, too. */
  bool once;
};

static size_t padded(size_t length) { return (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

/** With copies of the first `count` parts of the call. OK or FAULT: there is no memory. */
static int32_t make(struct call *call, const struct operation *operation, size_t count, size_t output,
                    struct job **made) {
  size_t size = sizeof **made + output;
  for (size_t i = 0; i < count; i++) size += padded(call->bytes[i].length);
  struct job *job = malloc(size);
  if (!job) return FAULT;
  *job = (struct job){.number = call->numbers[0], .operation = operation, .size = size};
  uint8_t *at = job->octets;
  for (size_t i = 0; i < count; i++) {
    job->parts[i] = (struct bytes){at, call->bytes[i].length};
    memcpy(at, call->bytes[i].at, call->bytes[i].length);
    at += padded(call->bytes[i].length);
  }
  job->output = (struct bytes){at, output};
  *made = job;
  return OK;
}

static CK_OBJECT_HANDLE handle_of(struct bytes part) {
  CK_OBJECT_HANDLE handle;
  memcpy(&handle, part.at, sizeof handle);
  return handle;
}

static int32_t perform_seal(struct session *session, struct job *job) {
  int32_t status = session_draw(session, job, job->output.at + NONCE_AT, FRESH_LENGTH);
  return status == OK ? seal_in_session(session, job, job->parts, job->parts[3], job->output) : status;
}

int32_t job_seal(struct call *call, struct job **job) {
  static const struct operation operation = {perform_seal};
  size_t length = call->bytes[3].length;
  if (!are_keyed(call->bytes) || length > LONGEST_PLAINTEXT) return BAD_LENGTH;
  return make(call, &operation, 4, CIPHERTEXT_OVERHEAD + length, job);
}

static int32_t perform_open(struct session *session, struct job *job) {
  return open_in_session(session, job, job->parts, job->parts[3], job->output.at);
}

int32_t job_open(struct call *call, struct job **job) {
  static const struct operation operation = {perform_open};
  size_t length = call->bytes[3].length;
  if (!are_keyed(call->bytes) || length > CIPHERTEXT_OVERHEAD + LONGEST_PLAINTEXT) return BAD_LENGTH;
  return make(call, &operation, 4, length, job);
}

/** The key is in the output, behind the ciphertext, whether it is wanted or not. */
static int32_t perform_data_key(struct session *session, struct job *job, bool wanted) {
  struct scratch *scratch = session->workspace->scratch;
  size_t length = (job->output.length - CIPHERTEXT_OVERHEAD) / 2;
  struct bytes target = {job->output.at, CIPHERTEXT_OVERHEAD + length};
  struct bytes key = {target.at + target.length, length};
  scratch->random_length = FRESH_LENGTH + length;
  int32_t status = session_draw(session, job, scratch->random, scratch->random_length);
  if (status != OK) return status;
  memcpy(target.at + NONCE_AT, scratch->random, FRESH_LENGTH);
  memcpy(key.at, scratch->random + FRESH_LENGTH, length);
  status = seal_in_session(session, job, job->parts, key, target);
  return status < 0 || !wanted ? status : (int32_t)job->output.length;
}

static int32_t perform_shown_data_key(struct session *session, struct job *job) {
  return perform_data_key(session, job, true);
}

static int32_t perform_hidden_data_key(struct session *session, struct job *job) {
  return perform_data_key(session, job, false);
}

int32_t job_data_key(struct call *call, struct job **job) {
  static const struct operation operations[] = {{perform_hidden_data_key}, {perform_shown_data_key}};
  uint32_t length = call->numbers[1], wanted = call->numbers[2];
  if (!are_keyed(call->bytes) || length < 1 || length > LONGEST_RANDOM - FRESH_LENGTH || wanted > 1) return BAD_LENGTH;
  return make(call, &operations[wanted], 3, CIPHERTEXT_OVERHEAD + 2 * length, job);
}

static int32_t perform_re_encrypt(struct session *session, struct job *job) {
  struct scratch *scratch = session->workspace->scratch;
  scratch->plaintext_length = sizeof scratch->plaintext;
  int32_t length = open_in_session(session, job, job->parts, job->parts[3], scratch->plaintext);
  if (length < 0) return length;
  int32_t status = session_draw(session, job, job->output.at + NONCE_AT, FRESH_LENGTH);
  struct bytes plaintext = {scratch->plaintext, (size_t)length};
  return status == OK ? seal_in_session(session, job, job->parts + 4, plaintext, job->output) : status;
}

int32_t job_re_encrypt(struct call *call, struct job **job) {
  static const struct operation operation = {perform_re_encrypt};
  size_t length = call->bytes[3].length;
  if (!are_keyed(call->bytes) || !are_keyed(call->bytes + 4)) return BAD_LENGTH;
  if (length > CIPHERTEXT_OVERHEAD + LONGEST_PLAINTEXT) return BAD_LENGTH;
  return make(call, &operation, 7, length, job);
}

static int32_t perform_by(struct session *session, struct job *job, transform *by) {
  struct mechanism mechanism;
  int32_t status = read_mechanism(job->parts[1], &mechanism);
  if (status != OK) return status;
  int32_t length = by(session, job, &mechanism.mechanism, handle_of(job->parts[0]), job->parts[2]);
  if (length > (int32_t)job->output.length) return FAULT;
  if (length > 0) memcpy(job->output.at, session->workspace->scratch->material, (size_t)length);
  return length;
}

static int32_t perform_sign(struct session *session, struct job *job) { return perform_by(session, job, session_sign); }

static int32_t perform_decrypt(struct session *session, struct job *job) {
  return perform_by(session, job, session_decrypt);
}

static int32_t transformation(struct call *call, const struct operation *operation, struct job **job) {
  if (call->bytes[0].length != HANDLE_LENGTH || call->bytes[2].length > LONGEST_SIGNED) return BAD_LENGTH;
  return make(call, operation, 3, LONGEST_SIGNATURE, job);
}

int32_t job_sign(struct call *call, struct job **job) {
  static const struct operation operation = {perform_sign};
  return transformation(call, &operation, job);
}

int32_t job_decrypt(struct call *call, struct job **job) {
  static const struct operation operation = {perform_decrypt, .once = true};
  return transformation(call, &operation, job);
}

static int32_t perform_random(struct session *session, struct job *job) {
  int32_t status = session_draw(session, job, job->output.at, job->output.length);
  return status == OK ? (int32_t)job->output.length : status;
}

int32_t job_random(struct call *call, struct job **job) {
  static const struct operation operation = {perform_random};
  uint32_t length = call->numbers[1];
  if (length < 1 || length > LONGEST_RANDOM - FRESH_LENGTH) return BAD_LENGTH;
  return make(call, &operation, 0, length, job);
}

void job_perform(struct job *job, struct session *session) {
  for (int tries = job->operation->once ? 1 : TRIES; tries > 0; tries--) {
    job->status = session_open(session, job);
    if (job->status == OK) job->status = job->operation->perform(session, job);
    workspace_wipe(session->workspace);
    if (job->status < 0) ERR_clear_error();
    if (job->status != MODULE) return;
    session_close(session);
    job->again = true;
  }
}

size_t job_answer_size(const struct job *job) {
  return ANSWER_HEAD + (job->status > 0 ? padded((size_t)job->status) : 0);
}

void job_write_answer(const struct job *job, uint8_t *target) {
  uint64_t answered = job->status == MODULE ? job->answered : 0;
  uint32_t function = job->function, length = job->status > 0 ? (uint32_t)job->status : 0;
  memcpy(target, &job->number, 4);
  memcpy(target + 4, &job->status, 4);
  memcpy(target + 8, &answered, 8);
  memcpy(target + 16, &function, 4);
  memcpy(target + 20, &length, 4);
  memcpy(target + ANSWER_HEAD, job->output.at, length);
}

void job_free(struct job *job) {
  OPENSSL_cleanse(job, job->size);
  free(job);
}
