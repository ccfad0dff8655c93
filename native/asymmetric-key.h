#ifndef STRONGROOM_ASYMMETRIC_KEY_H
#define STRONGROOM_ASYMMETRIC_KEY_H

#include <openssl/evp.h>

#include "bytes.h"

/* NULL: not one whole key in DER, or not of a type that this OpenSSL has. The caller frees it; OpenSSL cleanses it then. */
EVP_PKEY *private_key(struct bytes pkcs8);
EVP_PKEY *public_key(struct bytes spki);

#endif
