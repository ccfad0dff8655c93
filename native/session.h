#ifndef STRONGROOM_SESSION_H
#define STRONGROOM_SESSION_H

#include "cryptoki-types.h"
#include "ctr-drbg.h"
#include "entropy.h"
#include "job.h"

/**
 * One operation session of a module, which lives in locked memory with what its thread works with. It is closed after any
 * failure, because an operation that was begun stays active in it, and opened when it is needed.
 */
struct session {
  const CK_FUNCTION_LIST *functions;
  CK_ULONG slot;
  CK_SESSION_HANDLE handle;
  bool is_open;
  struct workspace *workspace;
  struct entropy entropy;
  struct ctr_drbg drbg;
  bool seeded, stopped;
  /** The beginning of what the token's generator gave last. */
  uint8_t last[8];
  uint8_t personalization[SEED_LENGTH];
  size_t personalization_length;
};

/** NULL: there is no memory. `device` is that of the operating system's generator. */
struct session *session_new(const CK_FUNCTION_LIST *functions, CK_ULONG slot, const char *device,
                            struct bytes personalization);
/** Closes it, too. */
void session_free(struct session *session);

/** C_OpenSession, unless it is open. OK or MODULE; what the module answered is then in `job`. */
int32_t session_open(struct session *session, struct job *job);
void session_close(struct session *session);

/**
 * The next octets of the session's own CTR_DRBG, with fresh entropy of the operating system XOR the token's in every
 * request. OK, MODULE, NO_ENTROPY or FAULT; after one of the last two there are no more.
 */
int32_t session_draw(struct session *session, struct job *job, uint8_t *target, size_t length);

/** What C_Sign makes, in `scratch->material`. Its length, or MODULE. */
int32_t session_sign(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                     struct bytes data);
/** Of C_Decrypt; likewise. */
int32_t session_decrypt(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                        struct bytes data);

#endif
