#ifndef STRONGROOM_SESSION_H
#define STRONGROOM_SESSION_H

#include "cryptoki-types.h"
#include "ctr-drbg.h"
#include "entropy.h"
#include "job.h"

/** Where the key of a call is used, as `Pkcs11Boundary` says: by this process; in the token; made in the token, too. */
enum call_boundary { CALL_KEY, TOKEN_GCM, TOKEN };
enum { LONGEST_TEMPLATE = 512 };

/** What the sessions of a pool have in common. */
struct place {
  const CK_FUNCTION_LIST *functions;
  CK_ULONG slot;
  /** The path of the operating system's generator, ending in 0. */
  const char *device;
  enum call_boundary boundary;
  /** Of the keys of calls that are objects (cryptoki-arguments.h), at most LONGEST_TEMPLATE. */
  struct bytes template;
};

/**
 * One operation session of a module, which lives in locked memory with what its thread works with. It is closed after any
 * failure, because an operation that was begun stays active in it, and opened when it is needed.
 */
struct session {
  const CK_FUNCTION_LIST *functions;
  CK_ULONG slot;
  enum call_boundary boundary;
  _Alignas(8) uint8_t template[LONGEST_TEMPLATE];
  size_t template_length;
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

/** NULL: there is no memory. */
struct session *session_new(const struct place *place, struct bytes personalization);
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
typedef int32_t transform(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                          struct bytes data);
transform session_sign;
/** Of C_Decrypt and C_Encrypt; likewise. */
transform session_decrypt, session_encrypt;

/* Session objects of the place's template. OK, MODULE or BAD_LENGTH. */

int32_t session_create(struct session *session, struct job *job, struct bytes value, CK_OBJECT_HANDLE *key);
int32_t session_derive(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
                       CK_OBJECT_HANDLE *key);
int32_t session_destroy(struct session *session, struct job *job, CK_OBJECT_HANDLE key);

/** About session, token or memory, and about no octets that the module was given: those of second-try.ts. */
bool is_outage(CK_RV answered);

#endif
