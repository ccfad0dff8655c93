#ifndef STRONGROOM_CTR_DRBG_H
#define STRONGROOM_CTR_DRBG_H

#include "workspace.h"

/** SP 800-90A §10.2.1: CTR_DRBG with AES-256 and no derivation function; ctr_len = blocklen, seedlen = 384 bits. */
struct ctr_drbg {
  uint8_t key[32];
  uint8_t v[16];
};

/* `entropy` has 48 bytes; `personalization` and `additional` at most 48 and are zero-padded. false: OpenSSL failed. */

bool ctr_drbg_instantiate(struct workspace *workspace, struct ctr_drbg *drbg, const uint8_t *entropy,
                          struct bytes personalization);
bool ctr_drbg_reseed(struct workspace *workspace, struct ctr_drbg *drbg, const uint8_t *entropy,
                     struct bytes additional);
/** `target` at most 65,536 bytes. The reseed interval of 2^48 requests is out of reach. */
bool ctr_drbg_generate(struct workspace *workspace, struct ctr_drbg *drbg, struct bytes target,
                       struct bytes additional);

#endif
