#ifndef STRONGROOM_TOKEN_H
#define STRONGROOM_TOKEN_H

#include "domain-keys.h"

/*
 * Key tokens of suite 1 (layout: src/model/ekt.ts): `head ‖ HBK id 32 ‖ u16 length ‖ IV 12 ‖ ciphertext ‖ tag 16`,
 * AES-256-GCM under a domain key, bound to every byte before the IV. All but the ciphertext is public.
 */
enum {
  DOMAIN_KEY_ID_AT = 2,
  LONGEST_MATERIAL = 4096,
  /** Longer than any token of this suite: 566 of head, 34 of name, 28 of IV and tag, 4,096 of material. */
  LONGEST_TOKEN = 8192,
  /** HBK id, length, IV and tag: what a token has beside its head and material. */
  TOKEN_OVERHEAD = 32 + 2 + 12 + 16,
};

/** src/model/hbk.ts; a set of them has a bit each. */
enum kind { KMS_SYMMETRIC = 1, KMS_HMAC, KMS_PRIVATE, RECORD, SIGV4, AUDIT, IMPORT, INDEX };
/** ANY_USAGE is no code of a token. */
enum usage { ANY_USAGE = 0, ENCRYPT_DECRYPT = 1, GENERATE_VERIFY_MAC = 3, INTERNAL = 0x10 };
/** src/model/hbk.ts; of KMS_SYMMETRIC the first and the last. */
enum spec { SYMMETRIC_DEFAULT = 1, HMAC_256 = 11, SM4 = 0x80 };
/** src/model/key-spec.ts */
enum origin { EXTERNAL = 2 };

/** What a token says of itself, in memory of its own. Nothing of it is authentic before `token_open`. */
struct token {
  struct bytes head;
  uint32_t kind, spec, usage, origin;
  const uint8_t *key_id;
  const struct domain_key *domain_key;
};

/** Whether `whole` begins with a head of suite 1 under a domain key that is held. */
bool token_read_head(const struct boundary *boundary, struct bytes whole, struct token *token);
/** A head and nothing else, of one of `kinds`. */
bool token_is_head(const struct boundary *boundary, struct bytes whole, uint32_t kinds, struct token *token);

/** Whether the key is computed with outside: `isExposed` of src/model/hbk.ts. */
bool token_is_exposed(const struct token *token);

/** Whether the heads of two tokens that have been read differ in domain key and region alone. */
bool token_is_moved(const struct token *a, const struct token *b);

/** Authenticates a token of one of `kinds` and of `usage`. Then its material is in the scratch. */
bool token_open(struct workspace *workspace, const struct boundary *boundary, struct bytes whole, uint32_t kinds,
                enum usage usage, struct token *token);

/** The HBK id of a token that `token_open` opened. */
const uint8_t *token_hbk_id(const struct token *token);

void token_set_material(struct scratch *scratch, const uint8_t *material, size_t length);

/** A token with this head over the material and HBK name of the scratch. Its length, BAD_LENGTH or FAULT. */
int32_t token_seal(struct workspace *workspace, struct boundary *boundary, const struct token *token,
                   struct bytes target);

#endif
