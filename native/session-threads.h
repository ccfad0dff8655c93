#ifndef STRONGROOM_SESSION_THREADS_H
#define STRONGROOM_SESSION_THREADS_H

#include <pthread.h>

#include "session.h"

/* Threads with a session each, which do jobs as they come. The functions are for the thread of JavaScript. */

enum { MOST_SESSIONS = 64 };

struct threads;

/**
 * `number` sessions, or fewer, where the module opens no more; `call->function` is called when there are answers. NULL:
 * there is no session, or no memory.
 */
struct threads *threads_start(struct call *call, const struct place *place, uint32_t number,
                              struct bytes personalization);
size_t threads_count(const struct threads *threads);
/** Ends them and their sessions; what they are doing is finished before. */
void threads_stop(struct threads *threads);

void threads_submit(struct threads *threads, struct job *job);

/** How much room the answers take of all jobs that are done. */
size_t threads_room(struct threads *threads);
/**
 * Of the jobs that are done a list of as many as there is room for, for the caller to free. After the last one others
 * are announced.
 */
struct job *threads_take(struct threads *threads, size_t room);

/** For how many milliseconds the longest job that is being done has been. */
uint64_t threads_longest(struct threads *threads);

#endif
