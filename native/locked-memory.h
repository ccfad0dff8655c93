#ifndef STRONGROOM_LOCKED_MEMORY_H
#define STRONGROOM_LOCKED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Zeroed pages for secrets, between guard pages that no access survives. They are left out of core files, are not there
 * in a forked child, and are not swapped out unless RLIMIT_MEMLOCK forbids to lock them. NULL: there is no memory.
 */
void *locked_memory_new(size_t length);

/** Wipes and unmaps what `locked_memory_new(length)` gave; NULL is ignored. */
void locked_memory_free(void *memory, size_t length);

/** Whether all that was ever given could be locked. */
bool locked_memory_is_locked(void);

#endif
