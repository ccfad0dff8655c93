#ifndef STRONGROOM_SHARED_MODULE_H
#define STRONGROOM_SHARED_MODULE_H

#include <stdint.h>

#include "call.h"
#include "cryptoki-types.h"

/** A PKCS#11 module that pkcs11js has loaded and initialised: nothing is loaded here, so its sessions are the same. */
struct shared_module {
  void *library;
  CK_FUNCTION_LIST *functions;
};

/** `path` ends in 0. */
int32_t shared_module_open(struct shared_module *module, struct bytes path);
void shared_module_close(struct shared_module *module);

#endif
