#include "process.h"

#include <sys/prctl.h>

#include "locked-memory.h"
#include "status.h"

/** No core files, no debugger of the same user, /proc/PID of root: prctl(2), PR_SET_DUMPABLE. */
static int32_t protect_process(struct call *call) {
  (void)call;
  return prctl(PR_SET_DUMPABLE, 0) == 0 ? OK : FAULT;
}

/** 1 or 0 */
static int32_t locked_memory(struct call *call) {
  (void)call;
  return locked_memory_is_locked();
}

const struct function process_functions[] = {
    {"protectProcess", "", protect_process},
    {"lockedMemory", "", locked_memory},
};
const size_t process_function_count = sizeof process_functions / sizeof *process_functions;
