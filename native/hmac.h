#ifndef STRONGROOM_HMAC_H
#define STRONGROOM_HMAC_H

#include <openssl/sha.h>

#include "bytes.h"

/** FIPS 198-1 with SHA-256. OpenSSL's plain SHA-256, because its states lie in memory of ours: EVP_MAC's do not. */
struct hmac {
  SHA256_CTX inner, outer;
  uint8_t block[SHA256_CBLOCK];
};

void hmac_start(struct hmac *hmac, struct bytes key);
void hmac_update(struct hmac *hmac, const void *message, size_t length);
/** 32 bytes to `mac`. */
void hmac_finish(struct hmac *hmac, uint8_t *mac);

/**
 * SP 800-108 §4.1, counter mode with HMAC-SHA-256, r = 32, of one block: after this the fixed input follows by
 * `hmac_update`, and `hmac_finish` answers K(1).
 */
void kbkdf_start(struct hmac *hmac, struct bytes key);

#endif
