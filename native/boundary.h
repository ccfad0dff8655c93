#ifndef STRONGROOM_BOUNDARY_H
#define STRONGROOM_BOUNDARY_H

#include "call.h"

/** The calls of src/engine/boundary.ts. A target has the exact length of the result. */
extern const struct class boundary_class;

#endif
