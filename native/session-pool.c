#include "session-pool.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session.h"
#include "status.h"

enum {
  MOST_SESSIONS = 64,
  /** Nanoseconds. While short jobs wait, what is done is announced no more often: each time wakes the other thread. */
  ANNOUNCEMENT = 150000,
  /** number 4 ‖ status 4 ‖ CK_RV 8 ‖ function 4 ‖ length 4, in the byte order of the machine */
  HEAD = 24,
};

struct worker {
  struct pool *pool;
  struct session *session;
  pthread_t thread;
  /** When it began what it does. 0: it does nothing. */
  uint64_t since;
};

/** Everything that changes does so under `mutex`. */
struct pool {
  pthread_mutex_t mutex;
  pthread_cond_t work;
  struct job *waiting, **last_waiting;
  struct job *finished, **last_finished;
  size_t finished_size;
  bool closing, announced;
  uint64_t announced_at;
  napi_threadsafe_function announce;
  size_t count;
  struct worker workers[MOST_SESSIONS];
};

struct session_pool {
  struct instance state;
  void *library;
  struct pool *pool;
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void append(struct job ***last, struct job *job) {
  job->next = NULL;
  **last = job;
  *last = &job->next;
}

static size_t answer_size(const struct job *job) {
  return HEAD + (job->status > 0 ? ((size_t)job->status + 7) / 8 * 8 : 0);
}

static void announce_now(struct pool *pool) {
  pool->announced = true;
  pool->announced_at = now();
  pthread_mutex_unlock(&pool->mutex);
  napi_call_threadsafe_function(pool->announce, NULL, napi_tsfn_nonblocking);
  pthread_mutex_lock(&pool->mutex);
}

/** NULL: the pool closes. */
static struct job *next_job(struct worker *worker) {
  struct pool *pool = worker->pool;
  while (!pool->waiting && !pool->closing) {
    if (pool->finished && !pool->announced) announce_now(pool);
    else pthread_cond_wait(&pool->work, &pool->mutex);
  }
  struct job *job = pool->closing ? NULL : pool->waiting;
  if (!job) return NULL;
  pool->waiting = job->next;
  if (!pool->waiting) pool->last_waiting = &pool->waiting;
  return job;
}

static void finish(struct worker *worker, struct job *job) {
  struct pool *pool = worker->pool;
  uint64_t time = now();
  bool short_ones_wait = pool->waiting && time - worker->since < ANNOUNCEMENT;
  worker->since = 0;
  append(&pool->last_finished, job);
  pool->finished_size += answer_size(job);
  if (!pool->announced && !(short_ones_wait && time - pool->announced_at < ANNOUNCEMENT)) announce_now(pool);
}

static void *run(void *argument) {
  struct worker *worker = argument;
  struct pool *pool = worker->pool;
  pthread_mutex_lock(&pool->mutex);
  for (struct job *job; (job = next_job(worker));) {
    worker->since = now();
    pthread_mutex_unlock(&pool->mutex);
    job_perform(job, worker->session);
    pthread_mutex_lock(&pool->mutex);
    finish(worker, job);
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

/** In the thread of JavaScript. */
static void announce(napi_env env, napi_value callback, void *context, void *data) {
  napi_value undefined;
  (void)context;
  (void)data;
  if (!env || napi_get_undefined(env, &undefined) != napi_ok) return;
  napi_call_function(env, undefined, callback, 0, NULL, NULL);
}

static bool create_announcement(struct call *call, struct pool *pool) {
  napi_value name;
  return napi_create_string_utf8(call->env, "strongroom sessions", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_threadsafe_function(call->env, call->function, NULL, name, 0, 1, NULL, NULL, NULL, announce,
                                         &pool->announce) == napi_ok &&
         napi_unref_threadsafe_function(call->env, pool->announce) == napi_ok;
}

/** Ends the threads, which finish what they are doing, and their sessions. */
static void close_pool(struct pool *pool) {
  pthread_mutex_lock(&pool->mutex);
  pool->closing = true;
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
  for (size_t i = 0; i < pool->count; i++) {
    pthread_join(pool->workers[i].thread, NULL);
    session_free(pool->workers[i].session);
  }
  struct job *lists[] = {pool->waiting, pool->finished};
  for (size_t i = 0; i < 2; i++) {
    for (struct job *job = lists[i], *next; job; job = next) {
      next = job->next;
      job_free(job);
    }
  }
  if (pool->announce) napi_release_threadsafe_function(pool->announce, napi_tsfn_abort);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

/** Signals are for the thread of JavaScript. */
static bool start_worker(struct pool *pool, struct session *session) {
  struct worker *worker = &pool->workers[pool->count];
  sigset_t all, before;
  if (!session) return false;
  *worker = (struct worker){.pool = pool, .session = session};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&worker->thread, NULL, run, worker) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started) pool->count++;
  else session_free(session);
  return started;
}

/** NULL: there is no memory, or the module opens no session. */
static struct session *opened_session(const CK_FUNCTION_LIST *functions, CK_ULONG slot, const char *device,
                                      struct bytes personalization) {
  struct session *session = session_new(functions, slot, device, personalization);
  struct job none;
  if (!session || session_open(session, &none) == OK) return session;
  session_free(session);
  return NULL;
}

/** With as many sessions as the module opens. NULL: there are none. */
static struct pool *new_pool(struct call *call, const CK_FUNCTION_LIST *functions, CK_ULONG slot) {
  struct pool *pool = calloc(1, sizeof *pool);
  struct bytes device = call->bytes[2], personalization = call->bytes[3];
  uint8_t own[SEED_LENGTH];
  if (!pool) return NULL;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->work, NULL);
  pool->last_waiting = &pool->waiting;
  pool->last_finished = &pool->finished;
  memcpy(own, personalization.at, personalization.length);
  bool goes_on = create_announcement(call, pool);
  for (uint32_t i = 0; i < call->numbers[0] && goes_on; i++) {
    memcpy(own + personalization.length, &i, sizeof i);
    struct bytes whole = {own, personalization.length + sizeof i};
    goes_on = start_worker(pool, opened_session(functions, slot, (const char *)device.at, whole));
  }
  if (pool->count > 0) return pool;
  close_pool(pool);
  return NULL;
}

static bool is_text(struct bytes bytes) { return bytes.length > 0 && bytes.at[bytes.length - 1] == 0; }

/**
 * path of a module that is loaded and initialised, slot, number of sessions, path of the device of random octets,
 * personalization, what is called when there are answers. Both paths end in 0. Answers the number of sessions there are.
 */
static int32_t open_pool(struct call *call) {
  struct session_pool *sessions = call->instance;
  struct bytes path = call->bytes[0], slot = call->bytes[1];
  CK_FUNCTION_LIST *functions;
  CK_ULONG slot_id;
  if (sessions->state.live) return FAULT;
  if (!is_text(path) || slot.length != sizeof slot_id || !is_text(call->bytes[2])) return BAD_LENGTH;
  if (call->numbers[0] < 1 || call->numbers[0] > MOST_SESSIONS) return BAD_LENGTH;
  if (call->bytes[3].length > SEED_LENGTH - sizeof(uint32_t)) return BAD_LENGTH;
  memcpy(&slot_id, slot.at, sizeof slot_id);
  sessions->library = dlopen((const char *)path.at, RTLD_NOW | RTLD_NOLOAD);
  CK_C_GetFunctionList get =
      sessions->library ? (CK_C_GetFunctionList)dlsym(sessions->library, "C_GetFunctionList") : NULL;
  if (!get || get(&functions) != CKR_OK || !functions) return FAULT;
  sessions->pool = new_pool(call, functions, slot_id);
  sessions->state.live = sessions->pool != NULL;
  return sessions->state.live ? (int32_t)sessions->pool->count : FAULT;
}

static int32_t close_sessions(struct call *call) {
  struct session_pool *sessions = call->instance;
  sessions->state.live = false;
  close_pool(sessions->pool);
  return OK;
}

static int32_t submit(struct call *call, int32_t (*make)(struct call *, struct job **)) {
  struct pool *pool = ((struct session_pool *)call->instance)->pool;
  struct job *job;
  int32_t status = make(call, &job);
  if (status != OK) return status;
  pthread_mutex_lock(&pool->mutex);
  append(&pool->last_waiting, job);
  pthread_cond_signal(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
  return OK;
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
  struct pool *pool = ((struct session_pool *)call->instance)->pool;
  pthread_mutex_lock(&pool->mutex);
  size_t size = pool->finished_size;
  pthread_mutex_unlock(&pool->mutex);
  return size <= LONGEST_ARGUMENT ? (int32_t)size : LONGEST_ARGUMENT;
}

static uint8_t *write_answer(const struct job *job, uint8_t *at) {
  uint64_t answered = job->status == MODULE ? job->answered : 0;
  uint32_t function = job->function, length = job->status > 0 ? (uint32_t)job->status : 0;
  memcpy(at, &job->number, 4);
  memcpy(at + 4, &job->status, 4);
  memcpy(at + 8, &answered, 8);
  memcpy(at + 16, &function, 4);
  memcpy(at + 20, &length, 4);
  memcpy(at + HEAD, job->output.at, length);
  return at + answer_size(job);
}

/** target: (head ‖ answer, padded to a multiple of 8)*, of as many as it has room for. After the last one others are announced. */
static int32_t collect(struct call *call) {
  struct pool *pool = ((struct session_pool *)call->instance)->pool;
  struct bytes target = call->bytes[0];
  uint8_t *at = target.at;
  pthread_mutex_lock(&pool->mutex);
  struct job *first = pool->finished, *job = first;
  for (size_t room = target.length; job && answer_size(job) <= room; job = job->next) room -= answer_size(job);
  struct job *rest = job;
  for (job = first; job != rest; job = job->next) pool->finished_size -= answer_size(job);
  pool->finished = rest;
  if (!rest) pool->last_finished = &pool->finished;
  pool->announced = rest != NULL;
  pthread_mutex_unlock(&pool->mutex);
  for (struct job *next; first != rest; first = next) {
    next = first->next;
    at = write_answer(first, at);
    job_free(first);
  }
  return (int32_t)(at - target.at);
}

/** For how many milliseconds the longest job that is being done has been. */
static int32_t longest(struct call *call) {
  struct pool *pool = ((struct session_pool *)call->instance)->pool;
  uint64_t time = now(), age = 0;
  pthread_mutex_lock(&pool->mutex);
  for (size_t i = 0; i < pool->count; i++) {
    uint64_t since = pool->workers[i].since;
    if (since != 0 && since < time && time - since > age) age = time - since;
  }
  pthread_mutex_unlock(&pool->mutex);
  return age / 1000000 < INT32_MAX ? (int32_t)(age / 1000000) : INT32_MAX;
}

/** Where a function of the module never returns, the process must be killed anyway. */
static void finalize(void *instance) {
  struct session_pool *sessions = instance;
  if (sessions->state.live) close_pool(sessions->pool);
  if (sessions->library) dlclose(sessions->library);
}

static const struct function methods[] = {
    {"open", "bbnbbf", open_pool, .any_state = true},
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
