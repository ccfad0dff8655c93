#include "session-threads.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status.h"

enum {
  /** Nanoseconds. While short jobs wait, what is done is announced no more often: each time wakes the other thread. */
  ANNOUNCEMENT = 150000,
};

struct worker {
  struct threads *threads;
  struct session *session;
  pthread_t thread;
  /** When it began what it does. 0: it does nothing. */
  uint64_t since;
};

/** Everything that changes does so under `mutex`. */
struct threads {
  pthread_mutex_t mutex;
  pthread_cond_t work;
  struct job *waiting, **last_waiting;
  struct job *finished, **last_finished;
  bool closing, announced;
  uint64_t announced_at;
  napi_threadsafe_function announce;
  size_t count;
  struct worker workers[MOST_SESSIONS];
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

static void announce_now(struct threads *threads) {
  threads->announced = true;
  threads->announced_at = now();
  pthread_mutex_unlock(&threads->mutex);
  napi_call_threadsafe_function(threads->announce, NULL, napi_tsfn_nonblocking);
  pthread_mutex_lock(&threads->mutex);
}

/** NULL: the threads end. */
static struct job *next_job(struct worker *worker) {
  struct threads *threads = worker->threads;
  while (!threads->waiting && !threads->closing) {
    if (threads->finished && !threads->announced) announce_now(threads);
    else pthread_cond_wait(&threads->work, &threads->mutex);
  }
  struct job *job = threads->closing ? NULL : threads->waiting;
  if (!job) return NULL;
  threads->waiting = job->next;
  if (!threads->waiting) threads->last_waiting = &threads->waiting;
  return job;
}

static void finish(struct worker *worker, struct job *job) {
  struct threads *threads = worker->threads;
  uint64_t time = now();
  bool short_ones_wait = threads->waiting && time - worker->since < ANNOUNCEMENT;
  worker->since = 0;
  append(&threads->last_finished, job);
  if (!threads->announced && !(short_ones_wait && time - threads->announced_at < ANNOUNCEMENT)) announce_now(threads);
}

static void *run(void *argument) {
  struct worker *worker = argument;
  struct threads *threads = worker->threads;
  pthread_mutex_lock(&threads->mutex);
  for (struct job *job; (job = next_job(worker));) {
    worker->since = now();
    pthread_mutex_unlock(&threads->mutex);
    job_perform(job, worker->session);
    pthread_mutex_lock(&threads->mutex);
    finish(worker, job);
  }
  pthread_mutex_unlock(&threads->mutex);
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

static bool create_announcement(struct call *call, struct threads *threads) {
  napi_value name;
  return napi_create_string_utf8(call->env, "strongroom sessions", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_threadsafe_function(call->env, call->function, NULL, name, 0, 1, NULL, NULL, NULL, announce,
                                         &threads->announce) == napi_ok &&
         napi_unref_threadsafe_function(call->env, threads->announce) == napi_ok;
}

void threads_stop(struct threads *threads) {
  pthread_mutex_lock(&threads->mutex);
  threads->closing = true;
  pthread_cond_broadcast(&threads->work);
  pthread_mutex_unlock(&threads->mutex);
  for (size_t i = 0; i < threads->count; i++) {
    pthread_join(threads->workers[i].thread, NULL);
    session_free(threads->workers[i].session);
  }
  struct job *lists[] = {threads->waiting, threads->finished};
  for (size_t i = 0; i < 2; i++) {
    for (struct job *job = lists[i], *next; job; job = next) {
      next = job->next;
      job_free(job);
    }
  }
  if (threads->announce) napi_release_threadsafe_function(threads->announce, napi_tsfn_abort);
  pthread_cond_destroy(&threads->work);
  pthread_mutex_destroy(&threads->mutex);
  free(threads);
}

/** Signals are for the thread of JavaScript. */
static bool start_worker(struct threads *threads, struct session *session) {
  struct worker *worker = &threads->workers[threads->count];
  sigset_t all, before;
  if (!session) return false;
  *worker = (struct worker){.threads = threads, .session = session};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&worker->thread, NULL, run, worker) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (started) threads->count++;
  else session_free(session);
  return started;
}

/** NULL: there is no memory, or the module opens no session. */
static struct session *opened_session(const struct place *place, struct bytes personalization) {
  struct session *session = session_new(place, personalization);
  struct job none;
  if (!session || session_open(session, &none) == OK) return session;
  session_free(session);
  return NULL;
}

struct threads *threads_start(struct call *call, const struct place *place, uint32_t number,
                              struct bytes personalization) {
  struct threads *threads = calloc(1, sizeof *threads);
  uint8_t own[SEED_LENGTH];
  if (!threads) return NULL;
  pthread_mutex_init(&threads->mutex, NULL);
  pthread_cond_init(&threads->work, NULL);
  threads->last_waiting = &threads->waiting;
  threads->last_finished = &threads->finished;
  memcpy(own, personalization.at, personalization.length);
  bool goes_on = create_announcement(call, threads);
  for (uint32_t i = 0; i < number && goes_on; i++) {
    memcpy(own + personalization.length, &i, sizeof i);
    struct bytes whole = {own, personalization.length + sizeof i};
    goes_on = start_worker(threads, opened_session(place, whole));
  }
  if (threads->count > 0) return threads;
  threads_stop(threads);
  return NULL;
}

size_t threads_count(const struct threads *threads) { return threads->count; }

void threads_submit(struct threads *threads, struct job *job) {
  pthread_mutex_lock(&threads->mutex);
  append(&threads->last_waiting, job);
  pthread_cond_signal(&threads->work);
  pthread_mutex_unlock(&threads->mutex);
}

size_t threads_room(struct threads *threads) {
  size_t room = 0;
  pthread_mutex_lock(&threads->mutex);
  for (struct job *job = threads->finished; job; job = job->next) room += job_answer_size(job);
  pthread_mutex_unlock(&threads->mutex);
  return room;
}

struct job *threads_take(struct threads *threads, size_t room) {
  pthread_mutex_lock(&threads->mutex);
  struct job *first = threads->finished, **end = &threads->finished;
  for (; *end && job_answer_size(*end) <= room; end = &(*end)->next) room -= job_answer_size(*end);
  struct job *rest = *end;
  *end = NULL;
  if (first == rest) first = NULL;
  threads->finished = rest;
  if (!rest) threads->last_finished = &threads->finished;
  threads->announced = rest != NULL;
  pthread_mutex_unlock(&threads->mutex);
  return first;
}

uint64_t threads_longest(struct threads *threads) {
  uint64_t time = now(), age = 0;
  pthread_mutex_lock(&threads->mutex);
  for (size_t i = 0; i < threads->count; i++) {
    uint64_t since = threads->workers[i].since;
    if (since != 0 && since < time && time - since > age) age = time - since;
  }
  pthread_mutex_unlock(&threads->mutex);
  return age / 1000000;
}
