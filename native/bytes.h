#ifndef STRONGROOM_BYTES_H
#define STRONGROOM_BYTES_H

#include <stddef.h>
#include <stdint.h>

/** Octets that another owns. `at` is never NULL. */
struct bytes {
  uint8_t *at;
  size_t length;
};

#endif
