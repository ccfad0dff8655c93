#include "call.h"

#include <openssl/err.h>
#include <string.h>

#include "locked-memory.h"
#include "status.h"

/** Octets of a Uint8Array. A view of a SharedArrayBuffer is refused: another thread could change what was checked. */
static int32_t read_bytes(napi_env env, napi_value value, struct bytes *bytes) {
  static uint8_t nothing;
  napi_typedarray_type type;
  napi_value buffer;
  void *data;
  bool is;
  if (napi_get_typedarray_info(env, value, &type, &bytes->length, &data, &buffer, NULL) != napi_ok) return BAD_TYPE;
  if (type != napi_uint8_array) return BAD_TYPE;
  if (napi_is_arraybuffer(env, buffer, &is) != napi_ok || !is) return BAD_TYPE;
  if (bytes->length > LONGEST_ARGUMENT) return BAD_LENGTH;
  bytes->at = data;
  if (bytes->length > 0) return OK;
  bytes->at = &nothing;
  return napi_is_detached_arraybuffer(env, buffer, &is) == napi_ok && !is ? OK : BAD_TYPE;
}

static int32_t read_number(napi_env env, napi_value value, uint32_t *number) {
  double wide;
  if (napi_get_value_double(env, value, &wide) != napi_ok) return BAD_TYPE;
  if (!(wide >= 0 && wide <= INT32_MAX)) return BAD_LENGTH;
  *number = (uint32_t)wide;
  return *number == wide ? OK : BAD_LENGTH;
}

static int32_t read_function(napi_env env, napi_value value, napi_value *function) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_function) return BAD_TYPE;
  *function = value;
  return OK;
}

static bool overlap(struct bytes a, struct bytes b) {
  uintptr_t start_a = (uintptr_t)a.at, start_b = (uintptr_t)b.at;
  return a.length > 0 && b.length > 0 && start_a < start_b + b.length && start_b < start_a + a.length;
}

static int32_t read_arguments(napi_env env, const char *shape, const napi_value *values, struct call *call) {
  struct bytes *bytes = call->bytes;
  uint32_t *numbers = call->numbers;
  for (size_t i = 0; shape[i]; i++) {
    int32_t status = shape[i] == 'n'   ? read_number(env, values[i], numbers++)
                     : shape[i] == 'f' ? read_function(env, values[i], &call->function)
                                       : read_bytes(env, values[i], bytes++);
    if (status != OK) return status;
  }
  struct bytes *target = call->bytes;
  for (size_t i = 0; shape[i]; i++) {
    if (shape[i] == 't') {
      for (struct bytes *other = call->bytes; other < bytes; other++) {
        if (other != target && overlap(*target, *other)) return BAD_LENGTH;
      }
    }
    if (shape[i] == 'b' || shape[i] == 't') target++;
  }
  return OK;
}

/** Check → call → wipe → return, for every function there is. */
static int32_t perform(napi_env env, napi_callback_info info, bool is_method) {
  napi_value values[MOST_ARGUMENTS], receiver;
  size_t count = MOST_ARGUMENTS;
  void *data;
  struct call call;
  if (napi_get_cb_info(env, info, &count, values, &receiver, &data) != napi_ok) return FAULT;
  const struct function *function = data;
  call.env = env;
  if (napi_get_instance_data(env, (void **)&call.workspace) != napi_ok) return FAULT;
  if (is_method && napi_unwrap(env, receiver, &call.instance) != napi_ok) return FAULT;
  if (is_method && !function->any_state && !((struct instance *)call.instance)->live) return NOT_LIVE;
  if (count != strlen(function->arguments)) return BAD_TYPE;
  int32_t status = read_arguments(env, function->arguments, values, &call);
  if (status != OK) return status;
  status = function->run(&call);
  workspace_wipe(call.workspace);
  /* What OpenSSL has queued would be taken for the failure of a later call of node:crypto. */
  if (status < 0) ERR_clear_error();
  return status;
}

static napi_value answer(napi_env env, int32_t status) {
  napi_value value;
  return napi_create_int32(env, status, &value) == napi_ok ? value : NULL;
}

static napi_value call_function(napi_env env, napi_callback_info info) {
  return answer(env, perform(env, info, false));
}

/** V8 lets it be called on instances of its own class only (the signature of napi_define_class). */
static napi_value call_method(napi_env env, napi_callback_info info) { return answer(env, perform(env, info, true)); }

napi_status add_functions(napi_env env, napi_value exports, const struct function *functions, size_t count) {
  napi_status status = napi_ok;
  for (size_t i = 0; i < count && status == napi_ok; i++) {
    napi_property_descriptor property = {
        .utf8name = functions[i].name,
        .method = call_function,
        .attributes = napi_enumerable,
        .data = (void *)&functions[i],
    };
    status = napi_define_properties(env, exports, 1, &property);
  }
  return status;
}

static void finalize(node_api_basic_env env, void *instance, void *data) {
  (void)env;
  const struct class *class = data;
  class->finalize(instance);
  locked_memory_free(instance, class->size);
}

/** An object that wraps nothing, for there was no memory, answers FAULT to every call. Without `new` nothing happens. */
static napi_value construct(napi_env env, napi_callback_info info) {
  napi_value receiver, target;
  void *data;
  if (napi_get_new_target(env, info, &target) != napi_ok || !target) return NULL;
  if (napi_get_cb_info(env, info, NULL, NULL, &receiver, &data) != napi_ok) return NULL;
  const struct class *class = data;
  void *instance = locked_memory_new(class->size);
  if (instance && napi_wrap(env, receiver, instance, finalize, data, NULL) != napi_ok) {
    locked_memory_free(instance, class->size);
  }
  return receiver;
}

napi_status add_class(napi_env env, napi_value exports, const struct class *class) {
  napi_property_descriptor methods[32];
  if (class->method_count > sizeof methods / sizeof *methods) return napi_invalid_arg;
  for (size_t i = 0; i < class->method_count; i++) {
    methods[i] = (napi_property_descriptor){
        .utf8name = class->methods[i].name,
        .method = call_method,
        .data = (void *)&class->methods[i],
    };
  }
  napi_value constructor;
  napi_status status = napi_define_class(env, class->name, NAPI_AUTO_LENGTH, construct, (void *)class,
                                         class->method_count, methods, &constructor);
  return status == napi_ok ? napi_set_named_property(env, exports, class->name, constructor) : status;
}
