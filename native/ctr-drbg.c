#include "ctr-drbg.h"

#include <string.h>

enum { BLOCK_LENGTH = 16 };

/** From here on the context gives Block_Encrypt(Key, V + 1) ‖ Block_Encrypt(Key, V + 2) ‖ … */
static bool start_blocks(struct workspace *workspace, struct ctr_drbg *drbg) {
  unsigned carry = 1;
  for (int i = BLOCK_LENGTH - 1; i >= 0; i--) {
    carry += drbg->v[i];
    drbg->v[i] = (uint8_t)carry;
    carry >>= 8;
  }
  workspace->ctr_keyed = true;
  return workspace->ctr && EVP_EncryptInit_ex2(workspace->ctr, NULL, drbg->key, drbg->v, NULL);
}

/** Whole blocks only: of one that is taken in parts OpenSSL keeps a copy. */
static bool blocks(struct workspace *workspace, uint8_t *target, size_t length) {
  int written;
  memset(target, 0, length);
  return length == 0 || EVP_EncryptUpdate(workspace->ctr, target, &written, target, (int)length);
}

/** The rest of CTR_DRBG_Update, §10.2.1.2; the provided data is in `scratch->seed`. */
static bool update_from_blocks(struct workspace *workspace, struct ctr_drbg *drbg) {
  uint8_t *provided = workspace->scratch->seed;
  int written;
  /* temp XOR provided_data is what counter mode makes of the provided data. */
  if (!EVP_EncryptUpdate(workspace->ctr, provided, &written, provided, SEED_LENGTH)) return false;
  memcpy(drbg->key, provided, sizeof drbg->key);
  memcpy(drbg->v, provided + sizeof drbg->key, sizeof drbg->v);
  return true;
}

static bool update(struct workspace *workspace, struct ctr_drbg *drbg) {
  return start_blocks(workspace, drbg) && update_from_blocks(workspace, drbg);
}

static void provide(struct workspace *workspace, struct bytes input) {
  uint8_t *provided = workspace->scratch->seed;
  memcpy(provided, input.at, input.length);
  memset(provided + input.length, 0, SEED_LENGTH - input.length);
}

/* §10.2.1.3.1 */
bool ctr_drbg_instantiate(struct workspace *workspace, struct ctr_drbg *drbg, const uint8_t *entropy,
                          struct bytes personalization) {
  memset(drbg, 0, sizeof *drbg);
  return ctr_drbg_reseed(workspace, drbg, entropy, personalization);
}

/* §10.2.1.4.1 */
bool ctr_drbg_reseed(struct workspace *workspace, struct ctr_drbg *drbg, const uint8_t *entropy,
                     struct bytes additional) {
  provide(workspace, additional);
  for (size_t i = 0; i < SEED_LENGTH; i++) workspace->scratch->seed[i] ^= entropy[i];
  return update(workspace, drbg);
}

/* §10.2.1.5.1 */
bool ctr_drbg_generate(struct workspace *workspace, struct ctr_drbg *drbg, struct bytes target,
                       struct bytes additional) {
  provide(workspace, additional);
  if (additional.length > 0 && !update(workspace, drbg)) return false;
  size_t rest = target.length % BLOCK_LENGTH, whole = target.length - rest;
  uint8_t *last = workspace->scratch->block;
  if (!start_blocks(workspace, drbg) || !blocks(workspace, target.at, whole)) return false;
  if (rest > 0 && !blocks(workspace, last, BLOCK_LENGTH)) return false;
  memcpy(target.at + whole, last, rest);
  provide(workspace, additional);
  return update_from_blocks(workspace, drbg);
}
