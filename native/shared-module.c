#include "shared-module.h"

#include <dlfcn.h>

#include "status.h"

int32_t shared_module_open(struct shared_module *module, struct bytes path) {
  if (path.length == 0 || path.at[path.length - 1] != 0) return BAD_LENGTH;
  void *library = dlopen((const char *)path.at, RTLD_NOW | RTLD_NOLOAD);
  CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
  CK_FUNCTION_LIST *functions = NULL;
  int32_t status = get && get(&functions) == CKR_OK && functions ? OK : FAULT;
  CK_INFO info;
  if (status == OK && functions->C_GetInfo(&info) == CKR_CRYPTOKI_NOT_INITIALIZED) status = NOT_SHARED;
  if (status == OK) {
    *module = (struct shared_module){library, functions};
  } else if (library) {
    dlclose(library);
  }
  return status;
}

void shared_module_close(struct shared_module *module) {
  if (module->library) dlclose(module->library);
}
