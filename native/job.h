#ifndef STRONGROOM_JOB_H
#define STRONGROOM_JOB_H

#include <stdbool.h>

#include "bytes.h"
#include "call.h"
#include "cryptoki-types.h"

/** Names them in the answers: src/hsm/pkcs11/cryptoki/session-pool.ts. */
enum module_function {
  C_OPEN_SESSION,
  C_GENERATE_RANDOM,
  C_SIGN,
  C_DECRYPT,
  C_ENCRYPT,
  C_CREATE_OBJECT,
  C_DERIVE_KEY,
  C_DESTROY_OBJECT
};

struct session;

/** One operation of a request, with copies of all that it needs. */
struct job {
  struct job *next;
  /** Who waits for it. */
  uint32_t number;
  const struct operation *operation;
  /** In the order of the call's arguments. */
  struct bytes parts[MOST_ARGUMENTS];
  struct bytes output;
  /** A length, of the answer in `output`, or one of status.h. */
  int32_t status;
  /** With MODULE. */
  enum module_function function;
  CK_RV answered;
  /** It was tried before: the module failed. */
  bool again;
  /** Of everything. */
  size_t size;
  _Alignas(8) uint8_t octets[];
};

/**
 * Octets among the arguments of the functions that make jobs: handles and identities are those of sealing.h, and mechanisms
 * those of cryptoki-arguments.h. The first argument of each is the job's number.
 */
enum { LONGEST_SIGNED = 8192, LONGEST_SIGNATURE = 1024 };

/** number, HBK, identity, additional data, plaintext: header ‖ ciphertext ‖ tag */
int32_t job_seal(struct call *call, struct job **job);
/** number, HBK, identity, additional data, ciphertext: plaintext, or NOT_AUTHENTIC */
int32_t job_open(struct call *call, struct job **job);
/** number, HBK, identity, additional data, length, 1 if the key is wanted: header ‖ ciphertext ‖ tag (‖ key) */
int32_t job_data_key(struct call *call, struct job **job);
/** number, HBK, identity, additional data, ciphertext, HBK, identity, additional data: as of `job_seal` and `job_open` */
int32_t job_re_encrypt(struct call *call, struct job **job);
/** number, key, mechanism, data: signature or MAC */
int32_t job_sign(struct call *call, struct job **job);
/** number, key, mechanism, data: plaintext */
int32_t job_decrypt(struct call *call, struct job **job);
/** number, length: octets */
int32_t job_random(struct call *call, struct job **job);

/** In the thread of the session. */
void job_perform(struct job *job, struct session *session);

/** Of a job that is done: number 4 ‖ status 4 ‖ CK_RV 8 ‖ function 4 ‖ length 4 ‖ answer, padded to a multiple of 8. */
size_t job_answer_size(const struct job *job);
/** Writes so much, in the byte order of the machine. */
void job_write_answer(const struct job *job, uint8_t *target);

/** Wipes it. */
void job_free(struct job *job);

#endif
