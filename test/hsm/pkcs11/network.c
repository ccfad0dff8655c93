/*
 * A PKCS#11 module that makes a network of the way to a real one, $NETWORK_MODULE: C_Sign takes $NETWORK_DELAY microseconds
 * longer, as do C_Encrypt, C_Decrypt and what makes and destroys keys of calls if $NETWORK_ALL is set. It leaves in $NETWORK a file "at-once-N" when N calls are under way at once, and "shared" when two are in one
 * session, which PKCS#11 forbids. Of $NETWORK_SESSIONS sessions, if given, it opens no more, and says so if
 * $NETWORK_SAYS is set.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pkcs11.h>

enum { MOST = 256 };

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST slow;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static CK_SESSION_HANDLE busy[MOST];
static int under_way, most_under_way, open_sessions;

static void leave(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("NETWORK"), name);
  close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void begin(CK_SESSION_HANDLE session) {
  char name[32];
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < under_way; i++) {
    if (busy[i] == session) leave("shared");
  }
  busy[under_way++] = session;
  if (under_way > most_under_way) {
    most_under_way = under_way;
    snprintf(name, sizeof name, "at-once-%d", most_under_way);
    leave(name);
  }
  pthread_mutex_unlock(&mutex);
}

static void end(CK_SESSION_HANDLE session) {
  pthread_mutex_lock(&mutex);
  int i = 0;
  while (busy[i] != session) i++;
  busy[i] = busy[--under_way];
  pthread_mutex_unlock(&mutex);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  begin(session);
  CK_RV rv = real->C_SignInit(session, mechanism, key);
  end(session);
  return rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR signature,
                  CK_ULONG_PTR signature_length) {
  begin(session);
  usleep((useconds_t)atoi(getenv("NETWORK_DELAY")));
  CK_RV rv = real->C_Sign(session, data, length, signature, signature_length);
  end(session);
  return rv;
}

static void wait_if_all(void) {
  if (getenv("NETWORK_ALL")) usleep((useconds_t)atoi(getenv("NETWORK_DELAY")));
}

/* A function of a session, by its parameters and arguments after that. */
#define REMOTE(name, function, parameters, ...)         \
  static CK_RV name(CK_SESSION_HANDLE session, parameters) { \
    begin(session);                                     \
    wait_if_all();                                      \
    CK_RV rv = real->function(session, __VA_ARGS__);    \
    end(session);                                       \
    return rv;                                          \
  }
#define BOTH(...) __VA_ARGS__

REMOTE(encrypt, C_Encrypt,
       BOTH(CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR target, CK_ULONG_PTR room), data, length, target, room)
REMOTE(decrypt, C_Decrypt,
       BOTH(CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR target, CK_ULONG_PTR room), data, length, target, room)
REMOTE(create, C_CreateObject, BOTH(CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key), template, count,
       key)
REMOTE(derive, C_DeriveKey,
       BOTH(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
            CK_OBJECT_HANDLE_PTR key),
       mechanism, base, template, count, key)
REMOTE(destroy, C_DestroyObject, CK_OBJECT_HANDLE key, key)

static CK_RV generate_random(CK_SESSION_HANDLE session, CK_BYTE_PTR octets, CK_ULONG length) {
  begin(session);
  CK_RV rv = real->C_GenerateRandom(session, octets, length);
  end(session);
  return rv;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE_PTR session) {
  const char *most = getenv("NETWORK_SESSIONS");
  if (most && open_sessions >= atoi(most)) return CKR_SESSION_COUNT;
  CK_RV rv = real->C_OpenSession(slot, flags, application, notify, session);
  if (rv == CKR_OK) open_sessions++;
  return rv;
}

static CK_RV close_session(CK_SESSION_HANDLE session) {
  open_sessions--;
  return real->C_CloseSession(session);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  CK_RV rv = real->C_GetTokenInfo(slot, info);
  if (rv == CKR_OK && getenv("NETWORK_SAYS")) info->ulMaxSessionCount = (CK_ULONG)atoi(getenv("NETWORK_SESSIONS"));
  return rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(dlopen(getenv("NETWORK_MODULE"), RTLD_NOW), "C_GetFunctionList");
  CK_RV rv = get(&real);
  if (rv != CKR_OK) return rv;
  slow = *real;
  slow.C_SignInit = sign_init;
  slow.C_Sign = sign;
  slow.C_Encrypt = encrypt;
  slow.C_Decrypt = decrypt;
  slow.C_CreateObject = create;
  slow.C_DeriveKey = derive;
  slow.C_DestroyObject = destroy;
  slow.C_GenerateRandom = generate_random;
  slow.C_OpenSession = open_session;
  slow.C_CloseSession = close_session;
  slow.C_GetTokenInfo = get_token_info;
  *list = &slow;
  return CKR_OK;
}
