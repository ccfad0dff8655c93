#ifndef STRONGROOM_PRIMITIVES_H
#define STRONGROOM_PRIMITIVES_H

#include "call.h"

/** The primitives of src/engine/engine.ts. */
extern const struct function primitives[];
extern const size_t primitive_count;

#endif
