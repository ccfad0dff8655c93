#ifndef STRONGROOM_PROCESS_H
#define STRONGROOM_PROCESS_H

#include "call.h"

/** What concerns the whole process. */
extern const struct function process_functions[];
extern const size_t process_function_count;

#endif
