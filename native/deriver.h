#ifndef STRONGROOM_DERIVER_H
#define STRONGROOM_DERIVER_H

#include "call.h"

/** `Deriver` of src/engine/engine.ts. */
extern const struct class deriver_class;

#endif
