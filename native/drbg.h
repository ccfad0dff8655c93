#ifndef STRONGROOM_DRBG_H
#define STRONGROOM_DRBG_H

#include "call.h"

/** `Drbg` of src/engine/engine.ts. */
extern const struct class drbg_class;

#endif
