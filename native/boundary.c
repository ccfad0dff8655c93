#include "boundary.h"

#include "boundary-calls.h"
#include "domain-keys.h"
#include "status.h"

/** path of the device, ending in 0; personalization. */
static int32_t open_boundary(struct call *call) {
  struct boundary *boundary = call->instance;
  struct bytes path = call->bytes[0], personalization = call->bytes[1];
  struct bytes seed = {call->workspace->scratch->entropy, SEED_LENGTH};
  if (boundary->state.live) return FAULT;
  if (path.length == 0 || path.at[path.length - 1] != 0 || personalization.length > SEED_LENGTH) return BAD_LENGTH;
  boundary->state.live = true;
  int32_t status = entropy_open(&boundary->entropy, (const char *)path.at) && entropy_fill(&boundary->entropy, seed)
                       ? OK
                       : NO_ENTROPY;
  if (status == OK && !ctr_drbg_instantiate(call->workspace, &boundary->drbg, seed.at, personalization)) status = FAULT;
  if (status != OK) boundary_stop(boundary);
  return status;
}

static int32_t close_boundary(struct call *call) {
  struct boundary *boundary = call->instance;
  if (boundary->state.live) boundary_stop(boundary);
  return OK;
}

static void finalize(void *instance) {
  struct boundary *boundary = instance;
  if (boundary->state.live) boundary_stop(boundary);
}

static const struct function methods[] = {
    {"open", "bb", open_boundary, .any_state = true},
    {"close", "", close_boundary, .any_state = true},
    {"setRoot", "b", boundary_set_root},
    {"generateDomainKey", "b", boundary_generate_domain_key},
    {"sealDomainKey", "bt", boundary_seal_domain_key},
    {"openDomainKey", "bb", boundary_open_domain_key},
    {"dropDomainKey", "b", boundary_drop_domain_key},
    {"generate", "bnt", boundary_generate},
    {"import", "bbt", boundary_import},
    {"importExposed", "bbbt", boundary_import_exposed},
    {"expose", "bnt", boundary_expose},
    {"rewrap", "bbt", boundary_rewrap},
    {"release", "bt", boundary_release},
    {"wrapFor", "bbt", boundary_wrap_for},
    {"unwrapFrom", "bbbbt", boundary_unwrap_from},
    {"encrypt", "bbbt", boundary_encrypt},
    {"decrypt", "bbbt", boundary_decrypt},
    {"generateDataKey", "bbntt", boundary_generate_data_key},
    {"reEncrypt", "bbbbbt", boundary_re_encrypt},
    {"mac", "bbt", boundary_mac},
    {"random", "t", boundary_random},
};

const struct class boundary_class = {
    .name = "Boundary",
    .size = sizeof(struct boundary),
    .finalize = finalize,
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};
