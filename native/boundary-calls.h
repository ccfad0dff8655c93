#ifndef STRONGROOM_BOUNDARY_CALLS_H
#define STRONGROOM_BOUNDARY_CALLS_H

#include "call.h"

/*
 * The calls of src/engine/boundary.ts, on a boundary that is open; their arguments are those of the method of the same
 * name, then the target, which has the length of the result.
 */

// boundary-keys.c
int32_t boundary_set_root(struct call *call);
int32_t boundary_generate_domain_key(struct call *call);
int32_t boundary_seal_domain_key(struct call *call);
int32_t boundary_open_domain_key(struct call *call);
int32_t boundary_drop_domain_key(struct call *call);
int32_t boundary_generate(struct call *call);
int32_t boundary_import(struct call *call);
int32_t boundary_import_exposed(struct call *call);
int32_t boundary_expose(struct call *call);
int32_t boundary_rewrap(struct call *call);
int32_t boundary_release(struct call *call);
int32_t boundary_wrap_for(struct call *call);
/** A longer target is taken, too: the length of the material shows only in here. */
int32_t boundary_unwrap_from(struct call *call);

// boundary-data.c
int32_t boundary_encrypt(struct call *call);
/** What cannot be a ciphertext has an empty target: the token is opened first all the same. */
int32_t boundary_decrypt(struct call *call);
/** Two targets: the plaintext (empty when nobody wants it) and the ciphertext. */
int32_t boundary_generate_data_key(struct call *call);
/** Like `boundary_decrypt`. */
int32_t boundary_re_encrypt(struct call *call);
int32_t boundary_mac(struct call *call);
int32_t boundary_random(struct call *call);

#endif
