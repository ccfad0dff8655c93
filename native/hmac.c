#include "hmac.h"

#include <string.h>

static void start_half(SHA256_CTX *half, uint8_t *block, uint8_t pad) {
  for (size_t i = 0; i < SHA256_CBLOCK; i++) block[i] ^= pad;
  SHA256_Init(half);
  SHA256_Update(half, block, SHA256_CBLOCK);
}

/* FIPS 198-1 §4, steps 1 to 7 */
void hmac_start(struct hmac *hmac, struct bytes key) {
  memset(hmac->block, 0, SHA256_CBLOCK);
  if (key.length > SHA256_CBLOCK) {
    SHA256_Init(&hmac->inner);
    SHA256_Update(&hmac->inner, key.at, key.length);
    SHA256_Final(hmac->block, &hmac->inner);
  } else {
    memcpy(hmac->block, key.at, key.length);
  }
  start_half(&hmac->inner, hmac->block, 0x36);
  start_half(&hmac->outer, hmac->block, 0x36 ^ 0x5c);
}

void hmac_update(struct hmac *hmac, const void *message, size_t length) {
  SHA256_Update(&hmac->inner, message, length);
}

void hmac_finish(struct hmac *hmac, uint8_t *mac) {
  SHA256_Final(hmac->block, &hmac->inner);
  SHA256_Update(&hmac->outer, hmac->block, SHA256_DIGEST_LENGTH);
  SHA256_Final(mac, &hmac->outer);
}

void kbkdf_start(struct hmac *hmac, struct bytes key) {
  static const uint8_t counter[4] = {0, 0, 0, 1};
  hmac_start(hmac, key);
  hmac_update(hmac, counter, sizeof counter);
}
