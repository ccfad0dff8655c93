#ifndef STRONGROOM_DOMAIN_KEYS_H
#define STRONGROOM_DOMAIN_KEYS_H

#include "call.h"
#include "ctr-drbg.h"
#include "entropy.h"

enum { DOMAIN_KEY_SLOTS = 32, ID_LENGTH = 16, SEALED_LENGTH = 12 + 32 + 16 };

struct domain_key {
  uint8_t id[ID_LENGTH];
  uint8_t key[32];
};

/** The state of one cryptographic boundary, in locked memory. */
struct boundary {
  struct instance state;
  bool root_is_set;
  struct entropy entropy;
  struct ctr_drbg drbg;
  uint8_t root[32];
  /** One bit a slot. Which slots are held is public. */
  uint32_t held;
  struct domain_key slots[DOMAIN_KEY_SLOTS];
};

/** The domain key with this id; NULL when it is not held. */
const struct domain_key *domain_keys_find(const struct boundary *boundary, const uint8_t *id);

/** Random octets, with fresh ones of the operating system in every request. A failure stops the boundary, for good. */
int32_t boundary_draw(struct workspace *workspace, struct boundary *boundary, uint8_t *target, size_t length);

/** Wipes everything. */
void boundary_stop(struct boundary *boundary);

int32_t domain_keys_set_root(struct boundary *boundary, struct bytes key);
/** Takes the place of one that is held. */
int32_t domain_keys_generate(struct workspace *workspace, struct boundary *boundary, const uint8_t *id);
/** `IV 12 ‖ ciphertext 32 ‖ tag 16`, AES-256-GCM under the root, bound to "SR1-domains" ‖ id. */
int32_t domain_keys_seal(struct workspace *workspace, struct boundary *boundary, const uint8_t *id, uint8_t *target);
/** Takes the place of one that is held. */
int32_t domain_keys_open(struct workspace *workspace, struct boundary *boundary, const uint8_t *id,
                         const uint8_t *sealed);
void domain_keys_drop(struct boundary *boundary, const uint8_t *id);

#endif
