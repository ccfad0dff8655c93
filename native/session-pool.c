#include "session-pool.h"

#include <string.h>

#include "session-threads.h"
#include "shared-module.h"
#include "status.h"

struct session_pool {
  struct instance state;
  struct shared_module module;
  struct threads *threads;
};

static bool is_text(struct bytes bytes) { return bytes.length > 0 && bytes.at[bytes.length - 1] == 0; }

/**
 * path of a module that is loaded and initialised, slot, number of sessions, path of the device of random octets,
 * personalization, boundary, template of call keys, what is called when there are answers. Both paths end in 0. Answers the
 * number of sessions there are.
 */
static int32_t open_pool(struct call *call) {
  struct session_pool *sessions = call->instance;
  struct bytes path = call->bytes[0], slot = call->bytes[1];
  struct place place = {
      .device = (const char *)call->bytes[2].at,
      .boundary = call->numbers[1],
      .template = call->bytes[4],
  };
  if (sessions->state.live) return FAULT;
  if (slot.length != sizeof place.slot || !is_text(call->bytes[2])) return BAD_LENGTH;
  if (call->numbers[0] < 1 || call->numbers[0] > MOST_SESSIONS) return BAD_LENGTH;
  if (call->bytes[3].length > SEED_LENGTH - sizeof(uint32_t)) return BAD_LENGTH;
  if (place.boundary > TOKEN || place.template.length > LONGEST_TEMPLATE) return BAD_LENGTH;
  memcpy(&place.slot, slot.at, sizeof place.slot);
  int32_t status = shared_module_open(&sessions->module, path);
  if (status != OK) return status;
  place.functions = sessions->module.functions;
  sessions->threads = threads_start(call, &place, call->numbers[0], call->bytes[3]);
  sessions->state.live = sessions->threads != NULL;
  return sessions->state.live ? (int32_t)threads_count(sessions->threads) : FAULT;
}

static int32_t close_sessions(struct call *call) {
  struct session_pool *sessions = call->instance;
  sessions->state.live = false;
  threads_stop(sessions->threads);
  return OK;
}

static struct threads *threads_of(struct call *call) { return ((struct session_pool *)call->instance)->threads; }

static int32_t submit(struct call *call, int32_t (*make)(struct call *, struct job **)) {
  struct job *job;
  int32_t status = make(call, &job);
  if (status == OK) threads_submit(threads_of(call), job);
  return status;
}

static int32_t seal(struct call *call) { return submit(call, job_seal); }
static int32_t open(struct call *call) { return submit(call, job_open); }
static int32_t data_key(struct call *call) { return submit(call, job_data_key); }
static int32_t re_encrypt(struct call *call) { return submit(call, job_re_encrypt); }
static int32_t sign(struct call *call) { return submit(call, job_sign); }
static int32_t decrypt(struct call *call) { return submit(call, job_decrypt); }
static int32_t random_octets(struct call *call) { return submit(call, job_random); }

/** How much room the answers need that are there. */
static int32_t finished(struct call *call) {
  size_t room = threads_room(threads_of(call));
  return room <= LONGEST_ARGUMENT ? (int32_t)room : LONGEST_ARGUMENT;
}

/** target: answers (job.h), of as many jobs as it has room for. */
static int32_t collect(struct call *call) {
  struct bytes target = call->bytes[0];
  size_t at = 0;
  for (struct job *job = threads_take(threads_of(call), target.length), *next; job; job = next) {
    next = job->next;
    job_write_answer(job, target.at + at);
    at += job_answer_size(job);
    job_free(job);
  }
  return (int32_t)at;
}

static int32_t longest(struct call *call) {
  uint64_t milliseconds = threads_longest(threads_of(call));
  return milliseconds < INT32_MAX ? (int32_t)milliseconds : INT32_MAX;
}

/** Where a function of the module never returns, the process must be killed anyway. */
static void finalize(void *instance) {
  struct session_pool *sessions = instance;
  if (sessions->state.live) threads_stop(sessions->threads);
  shared_module_close(&sessions->module);
}

static const struct function methods[] = {
    {"open", "bbnbbnbf", open_pool, .any_state = true},
    {"close", "", close_sessions},
    {"seal", "nbbbb", seal},
    {"unseal", "nbbbb", open},
    {"dataKey", "nbbbnn", data_key},
    {"reEncrypt", "nbbbbbbb", re_encrypt},
    {"sign", "nbbb", sign},
    {"decrypt", "nbbb", decrypt},
    {"random", "nn", random_octets},
    {"finished", "", finished},
    {"collect", "t", collect},
    {"longest", "", longest},
};

const struct class session_pool_class = {
    .name = "SessionPool",
    .size = sizeof(struct session_pool),
    .finalize = finalize,
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};
