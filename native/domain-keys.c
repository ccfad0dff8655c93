#include "domain-keys.h"

#include <openssl/crypto.h>
#include <string.h>

#include "gcm.h"
#include "status.h"

static const uint8_t label[11] = "SR1-domains";

static struct domain_key *find(struct boundary *boundary, const uint8_t *id) {
  for (uint32_t i = 0; i < DOMAIN_KEY_SLOTS; i++) {
    struct domain_key *slot = &boundary->slots[i];
    if ((boundary->held >> i & 1) && memcmp(slot->id, id, ID_LENGTH) == 0) return slot;
  }
  return NULL;
}

const struct domain_key *domain_keys_find(const struct boundary *boundary, const uint8_t *id) {
  return find((struct boundary *)boundary, id);
}

/** The slot of `id`, or a free one that is given to it; NULL when all are held. */
static struct domain_key *reserve(struct boundary *boundary, const uint8_t *id) {
  struct domain_key *slot = find(boundary, id);
  if (slot || boundary->held == UINT32_MAX) return slot;
  uint32_t i = 0;
  while (boundary->held >> i & 1) i++;
  boundary->held |= UINT32_C(1) << i;
  slot = &boundary->slots[i];
  memcpy(slot->id, id, ID_LENGTH);
  return slot;
}

int32_t boundary_draw(struct workspace *workspace, struct boundary *boundary, uint8_t *target, size_t length) {
  struct bytes fresh = {workspace->scratch->entropy, 32};
  int32_t status = entropy_fill(&boundary->entropy, fresh) ? OK : NO_ENTROPY;
  if (status == OK && !ctr_drbg_generate(workspace, &boundary->drbg, (struct bytes){target, length}, fresh))
    status = FAULT;
  if (status != OK) {
    OPENSSL_cleanse(target, length);
    boundary_stop(boundary);
  }
  return status;
}

void boundary_stop(struct boundary *boundary) {
  entropy_close(&boundary->entropy);
  OPENSSL_cleanse(boundary, sizeof *boundary);
  boundary->entropy.device = -1;
}

int32_t domain_keys_set_root(struct boundary *boundary, struct bytes key) {
  if (boundary->root_is_set) return FAULT;
  memcpy(boundary->root, key.at, sizeof boundary->root);
  boundary->root_is_set = true;
  return OK;
}

int32_t domain_keys_generate(struct workspace *workspace, struct boundary *boundary, const uint8_t *id) {
  struct domain_key *slot = reserve(boundary, id);
  return slot ? boundary_draw(workspace, boundary, slot->key, sizeof slot->key) : FULL;
}

/** "SR1-domains" ‖ id, under the root. */
static struct gcm_message under_root(const struct boundary *boundary, const uint8_t *id, const uint8_t *iv) {
  return (struct gcm_message){
      .key = boundary->root,
      .iv = iv,
      .header = {(uint8_t *)label, sizeof label},
      .aad = {(uint8_t *)id, ID_LENGTH},
  };
}

int32_t domain_keys_seal(struct workspace *workspace, struct boundary *boundary, const uint8_t *id, uint8_t *target) {
  if (!boundary->root_is_set) return FAULT;
  struct domain_key *slot = find(boundary, id);
  if (!slot) return REFUSED;
  int32_t status = boundary_draw(workspace, boundary, target, 12);
  if (status != OK) return status;
  struct gcm_message message = under_root(boundary, id, target);
  struct bytes key = {slot->key, sizeof slot->key};
  return gcm_seal(workspace, &message, key, target + 12, target + 44) ? SEALED_LENGTH : FAULT;
}

int32_t domain_keys_open(struct workspace *workspace, struct boundary *boundary, const uint8_t *id,
                         const uint8_t *sealed) {
  if (!boundary->root_is_set) return FAULT;
  struct gcm_message message = under_root(boundary, id, sealed);
  struct bytes ciphertext = {(uint8_t *)sealed + 12, 32};
  int32_t status = gcm_open(workspace, &message, ciphertext, sealed + 44, workspace->scratch->call_key);
  if (status != OK) return status;
  struct domain_key *slot = reserve(boundary, id);
  if (!slot) return FULL;
  memcpy(slot->key, workspace->scratch->call_key, sizeof slot->key);
  return OK;
}

void domain_keys_drop(struct boundary *boundary, const uint8_t *id) {
  struct domain_key *slot = find(boundary, id);
  if (!slot) return;
  boundary->held &= ~(UINT32_C(1) << (slot - boundary->slots));
  OPENSSL_cleanse(slot, sizeof *slot);
}
