#include "cryptoki.h"

#include <dlfcn.h>
#include <string.h>

#include "cryptoki-arguments.h"
#include "shared-module.h"
#include "status.h"

enum { HANDLE = 8, MOST_INTERFACES = 16 };

struct cryptoki {
  struct instance state;
  struct shared_module module;
};

/** The path, ending in 0, of a module that is loaded and initialised. */
static int32_t open_module(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  if (cryptoki->state.live) return FAULT;
  int32_t status = shared_module_open(&cryptoki->module, call->bytes[0]);
  cryptoki->state.live = status == OK;
  return status;
}

static bool read_handle(struct bytes from, CK_ULONG *handle) {
  _Static_assert(sizeof *handle == HANDLE, "a handle has the octets of pkcs11js");
  if (from.length != HANDLE) return false;
  memcpy(handle, from.at, HANDLE);
  return true;
}

/** The target of every call: what the module answered, then what it gave. The latter is empty where it failed. */
static int32_t answer(struct bytes target, CK_RV answered, size_t length) {
  memcpy(target.at, &answered, sizeof answered);
  return (int32_t)(sizeof answered + (answered == CKR_OK ? length : 0));
}

static int32_t answer_object(struct bytes target, CK_RV answered, CK_OBJECT_HANDLE object) {
  memcpy(target.at + sizeof answered, &object, sizeof object);
  return answer(target, answered, sizeof object);
}

/** session, template, target */
static int32_t create_object(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  CK_SESSION_HANDLE session;
  struct template template;
  struct bytes target = call->bytes[2];
  if (!read_handle(call->bytes[0], &session) || target.length != 2 * HANDLE) return BAD_LENGTH;
  int32_t status = read_template(call->bytes[1], &template);
  if (status != OK) return status;
  CK_OBJECT_HANDLE object = 0;
  CK_RV answered = cryptoki->module.functions->C_CreateObject(session, template.attributes, template.count, &object);
  return answer_object(target, answered, object);
}

/** session, mechanism, template, target */
static int32_t generate_key(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  CK_SESSION_HANDLE session;
  struct mechanism mechanism;
  struct template template;
  struct bytes target = call->bytes[3];
  if (!read_handle(call->bytes[0], &session) || target.length != 2 * HANDLE) return BAD_LENGTH;
  int32_t status = read_mechanism(call->bytes[1], &mechanism);
  if (status == OK) status = read_template(call->bytes[2], &template);
  if (status != OK) return status;
  CK_OBJECT_HANDLE object = 0;
  CK_RV answered = cryptoki->module.functions->C_GenerateKey(session, &mechanism.mechanism, template.attributes,
                                                      template.count, &object);
  return answer_object(target, answered, object);
}

/** session, mechanism, base key, template, target */
static int32_t derive_key(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  CK_SESSION_HANDLE session;
  CK_OBJECT_HANDLE base;
  struct mechanism mechanism;
  struct template template;
  struct bytes target = call->bytes[4];
  if (!read_handle(call->bytes[0], &session) || !read_handle(call->bytes[2], &base)) return BAD_LENGTH;
  if (target.length != 2 * HANDLE) return BAD_LENGTH;
  int32_t status = read_mechanism(call->bytes[1], &mechanism);
  if (status == OK) status = read_template(call->bytes[3], &template);
  if (status != OK) return status;
  CK_OBJECT_HANDLE object = 0;
  CK_RV answered = cryptoki->module.functions->C_DeriveKey(session, &mechanism.mechanism, base, template.attributes,
                                                    template.count, &object);
  return answer_object(target, answered, object);
}

/** session, mechanism, unwrapping key, wrapped key, template, target */
static int32_t unwrap_key(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  CK_SESSION_HANDLE session;
  CK_OBJECT_HANDLE unwrapping;
  struct mechanism mechanism;
  struct template template;
  struct bytes wrapped = call->bytes[3], target = call->bytes[5];
  if (!read_handle(call->bytes[0], &session) || !read_handle(call->bytes[2], &unwrapping)) return BAD_LENGTH;
  if (target.length != 2 * HANDLE) return BAD_LENGTH;
  int32_t status = read_mechanism(call->bytes[1], &mechanism);
  if (status == OK) status = read_template(call->bytes[4], &template);
  if (status != OK) return status;
  CK_OBJECT_HANDLE object = 0;
  CK_RV answered = cryptoki->module.functions->C_UnwrapKey(session, &mechanism.mechanism, unwrapping, wrapped.at,
                                                    wrapped.length, template.attributes, template.count, &object);
  return answer_object(target, answered, object);
}

/** session, mechanism, wrapping key, key, target */
static int32_t wrap_key(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  CK_SESSION_HANDLE session;
  CK_OBJECT_HANDLE wrapping, key;
  struct mechanism mechanism;
  struct bytes target = call->bytes[4];
  if (!read_handle(call->bytes[0], &session) || !read_handle(call->bytes[2], &wrapping)) return BAD_LENGTH;
  if (!read_handle(call->bytes[3], &key) || target.length <= HANDLE) return BAD_LENGTH;
  int32_t status = read_mechanism(call->bytes[1], &mechanism);
  if (status != OK) return status;
  CK_ULONG length = target.length - HANDLE;
  CK_RV answered = cryptoki->module.functions->C_WrapKey(session, &mechanism.mechanism, wrapping, key, target.at + HANDLE,
                                                  &length);
  return length <= target.length - HANDLE || answered != CKR_OK ? answer(target, answered, length) : FAULT;
}

/**
 * After the answer (major version 1 ‖ minor version 1 ‖ length 1 ‖ name)*, of as many as there is room for; none before
 * PKCS#11 3.0.
 */
static int32_t interfaces(struct call *call) {
  struct cryptoki *cryptoki = call->instance;
  struct bytes target = call->bytes[0];
  CK_INTERFACE found[MOST_INTERFACES] = {{0}};
  if (target.length < HANDLE) return BAD_LENGTH;
  CK_C_GetInterfaceList get = (CK_C_GetInterfaceList)dlsym(cryptoki->module.library, "C_GetInterfaceList");
  if (!get) return answer(target, CKR_OK, 0);
  // Asked for first: openCryptoki 3.27 leaves a greater count as it was given.
  CK_ULONG count = 0;
  CK_RV answered = get(NULL, &count);
  if (count > MOST_INTERFACES) count = MOST_INTERFACES;
  if (answered == CKR_OK) answered = get(found, &count);
  size_t at = HANDLE;
  for (CK_ULONG i = 0; answered == CKR_OK && i < count && i < MOST_INTERFACES; i++) {
    if (!found[i].pInterfaceName || !found[i].pFunctionList) continue;
    size_t length = strnlen(found[i].pInterfaceName, UINT8_MAX);
    if (target.length - at < 3 + length) break;
    target.at[at++] = found[i].pFunctionList->major;
    target.at[at++] = found[i].pFunctionList->minor;
    target.at[at++] = (uint8_t)length;
    memcpy(target.at + at, found[i].pInterfaceName, length);
    at += length;
  }
  return answer(target, answered, at - HANDLE);
}

static void finalize(void *instance) {
  shared_module_close(&((struct cryptoki *)instance)->module);
}

static const struct function methods[] = {
    {"open", "b", open_module, .any_state = true},
    {"createObject", "bbt", create_object},
    {"generateKey", "bbbt", generate_key},
    {"deriveKey", "bbbbt", derive_key},
    {"unwrapKey", "bbbbbt", unwrap_key},
    {"wrapKey", "bbbbt", wrap_key},
    {"interfaces", "t", interfaces},
};

const struct class cryptoki_class = {
    .name = "Cryptoki",
    .size = sizeof(struct cryptoki),
    .finalize = finalize,
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};
