#include <node_api.h>

#include "boundary.h"
#include "cryptoki.h"
#include "deriver.h"
#include "drbg.h"
#include "primitives.h"
#include "process.h"
#include "session-pool.h"
#include "signatures.h"

static void free_workspace(node_api_basic_env env, void *workspace, void *hint) {
  (void)env;
  (void)hint;
  workspace_free(workspace);
}

/** Once a thread: every Worker has a workspace of its own. src/engine/native/addon.ts types the exports. */
NAPI_MODULE_INIT() {
  struct workspace *workspace = workspace_new();
  if (!workspace) {
    napi_throw_error(env, NULL, "no memory for the native engine, or an OpenSSL without its ciphers");
    return NULL;
  }
  if (napi_set_instance_data(env, workspace, free_workspace, NULL) != napi_ok) {
    workspace_free(workspace);
    return NULL;
  }
  bool added = add_functions(env, exports, primitives, primitive_count) == napi_ok &&
               add_functions(env, exports, process_functions, process_function_count) == napi_ok &&
               add_functions(env, exports, signature_functions, signature_function_count) == napi_ok &&
               add_class(env, exports, &deriver_class) == napi_ok && add_class(env, exports, &drbg_class) == napi_ok &&
               add_class(env, exports, &boundary_class) == napi_ok &&
               add_class(env, exports, &cryptoki_class) == napi_ok &&
               add_class(env, exports, &session_pool_class) == napi_ok;
  return added ? exports : NULL;
}
