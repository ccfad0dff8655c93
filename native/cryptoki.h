#ifndef STRONGROOM_CRYPTOKI_H
#define STRONGROOM_CRYPTOKI_H

#include "call.h"

/** A PKCS#11 module that the process has loaded already, for what pkcs11js cannot say: templates in templates, and the
 * parameters of mechanisms that hold pointers. */
extern const struct class cryptoki_class;

#endif
