#include "drbg.h"

#include <openssl/crypto.h>

#include "ctr-drbg.h"
#include "status.h"

enum { LONGEST_REQUEST = 65536 };

struct drbg {
  struct instance state;
  struct ctr_drbg generator;
};

typedef bool seeding(struct workspace *, struct ctr_drbg *, const uint8_t *entropy, struct bytes input);

static int32_t seed(struct call *call, seeding *with) {
  struct drbg *drbg = call->instance;
  struct bytes entropy = call->bytes[0], input = call->bytes[1];
  if (entropy.length != SEED_LENGTH || input.length > SEED_LENGTH) return BAD_LENGTH;
  drbg->state.live = with(call->workspace, &drbg->generator, entropy.at, input);
  return drbg->state.live ? OK : FAULT;
}

static int32_t instantiate(struct call *call) { return seed(call, ctr_drbg_instantiate); }

static int32_t reseed(struct call *call) { return seed(call, ctr_drbg_reseed); }

static int32_t generate(struct call *call) {
  struct drbg *drbg = call->instance;
  struct bytes additional = call->bytes[0], target = call->bytes[1];
  if (target.length < 1 || target.length > LONGEST_REQUEST || additional.length > SEED_LENGTH) return BAD_LENGTH;
  drbg->state.live = ctr_drbg_generate(call->workspace, &drbg->generator, target, additional);
  return drbg->state.live ? (int32_t)target.length : FAULT;
}

static int32_t uninstantiate(struct call *call) {
  OPENSSL_cleanse(call->instance, sizeof(struct drbg));
  return OK;
}

static void finalize(void *instance) { (void)instance; }

static const struct function methods[] = {
    {"instantiate", "bb", instantiate, .any_state = true},
    {"reseed", "bb", reseed},
    {"generate", "bt", generate},
    {"uninstantiate", "", uninstantiate, .any_state = true},
};

const struct class drbg_class = {
    .name = "Drbg",
    .size = sizeof(struct drbg),
    .finalize = finalize,
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};
