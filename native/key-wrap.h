#ifndef STRONGROOM_KEY_WRAP_H
#define STRONGROOM_KEY_WRAP_H

#include "bytes.h"

/** How long the wrapping of `length` bytes is. */
size_t key_wrap_length(size_t length);

/** SP 800-38F §6.3 (RFC 5649), KWP under AES-256: `key_wrap_length` bytes to `target`. That length, or FAULT. */
int32_t key_wrap(const uint8_t *kek, struct bytes material, uint8_t *target);

/** Whether `length` can be that of a wrapping of at most `longest` bytes. */
int key_wrap_is_length(size_t length, size_t longest);

/** To `target`, which has room for as much as `wrapped`. The length of the material, NOT_AUTHENTIC or FAULT. */
int32_t key_unwrap(const uint8_t *kek, struct bytes wrapped, uint8_t *target);

#endif
