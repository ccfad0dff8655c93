#ifndef STRONGROOM_SESSION_POOL_H
#define STRONGROOM_SESSION_POOL_H

#include "call.h"

/** src/hsm/pkcs11/cryptoki/session-pool.ts */
extern const struct class session_pool_class;

#endif
