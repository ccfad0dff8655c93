#ifndef STRONGROOM_WORKSPACE_H
#define STRONGROOM_WORKSPACE_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "bytes.h"
#include "hmac.h"

enum {
  LONGEST_PLAINTEXT = 4096,
  LONGEST_WRAPPED = 8192 + 8,
  LONGEST_RANDOM = 28 + 1024,
  SEED_LENGTH = 48,
};

/** What a call holds in the clear. The large parts are last, with how much of them is in use. */
struct scratch {
  struct hmac hmac;
  uint8_t call_key[32];
  uint8_t hbk_name[32];
  uint8_t entropy[SEED_LENGTH];
  uint8_t seed[SEED_LENGTH];
  uint8_t block[16];
  size_t random_length, plaintext_length, material_length;
  uint8_t random[LONGEST_RANDOM];
  uint8_t plaintext[LONGEST_PLAINTEXT];
  /** As long as a wrapping: OpenSSL cleanses that much when it does not verify. */
  uint8_t material[LONGEST_WRAPPED];
};

/** What the calls of one thread work with: OpenSSL's contexts, made once, and a scratch in locked memory. */
struct workspace {
  EVP_CIPHER_CTX *gcm, *ctr;
  /** NULL: this OpenSSL has no SM4. */
  EVP_CIPHER_CTX *sm4_gcm;
  /** The context has had a key since it was wiped. */
  bool gcm_keyed, ctr_keyed, sm4_gcm_keyed;
  struct scratch *scratch;
};

/** NULL: there is no memory, or OpenSSL lacks AES. */
struct workspace *workspace_new(void);
void workspace_free(struct workspace *workspace);

/** Leaves no secret of a call behind: in the scratch, nor (by the key schedule of a zero key) in OpenSSL's contexts. */
void workspace_wipe(struct workspace *workspace);

#endif
