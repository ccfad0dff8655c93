#ifndef STRONGROOM_ENTROPY_H
#define STRONGROOM_ENTROPY_H

#include <stdbool.h>

#include "bytes.h"

/**
 * Entropy input of one DRBG, from the kernel at every call: a generator in user space repeats itself in a restored
 * snapshot of a virtual machine. After a failed, short or repeated read every further one fails, too.
 */
struct entropy {
  int device;
  bool failed;
  /** Of the read before: too little to help whoever reads it. */
  uint8_t last[8];
};

/** `path`: a character device. */
bool entropy_open(struct entropy *entropy, const char *path);
/** `seed` has at least 32 bytes, and zeros after a failure. */
bool entropy_fill(struct entropy *entropy, struct bytes seed);
void entropy_close(struct entropy *entropy);

#endif
