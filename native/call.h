#ifndef STRONGROOM_CALL_H
#define STRONGROOM_CALL_H

#include <node_api.h>

#include "workspace.h"

enum {
  MOST_ARGUMENTS = 8,
  /** 1 GiB. So that lengths fit OpenSSL's int, and sums of them do not wrap. */
  LONGEST_ARGUMENT = 1 << 30,
};

/**
 * A call whose arguments have been checked. They cannot move, be detached or be written by another thread before it
 * ends.
 */
struct call {
  struct workspace *workspace;
  /** Of a method: what the object wraps. */
  void *instance;
  /** The octets among the arguments, in their order. */
  struct bytes bytes[MOST_ARGUMENTS];
  /** The numbers among them: 0 to 2^31 - 1. */
  uint32_t numbers[MOST_ARGUMENTS];
  /** The function among them, and what it is called in. */
  napi_value function;
  napi_env env;
};

/** How every wrapped state begins. */
struct instance {
  /** Open, and neither closed nor stopped: otherwise calls answer NOT_LIVE. */
  bool live;
};

/** A function as JavaScript sees it. It answers a length or one of status.h, and throws nothing. */
struct function {
  const char *name;
  /** One letter each: `b` octets that are read, `t` target octets that overlap no others, `n` number, `f` function. */
  const char *arguments;
  int32_t (*run)(struct call *call);
  /** Of a method: it takes instances that are not live, too. */
  bool any_state;
};

/** What wraps a secret state. In locked memory, so that the state is. */
struct class {
  const char *name;
  size_t size;
  /** Before the memory is wiped and unmapped. */
  void (*finalize)(void *instance);
  const struct function *methods;
  size_t method_count;
};

/** Adds them to `exports`. */
napi_status add_functions(napi_env env, napi_value exports, const struct function *functions, size_t count);
napi_status add_class(napi_env env, napi_value exports, const struct class *class);

#endif
