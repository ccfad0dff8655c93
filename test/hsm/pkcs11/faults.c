/*
 * A PKCS#11 module between a worker and a real one, which it loads from $FAULTS_MODULE. When a file with the name of a
 * fault is in $FAULTS, the next call removes it and meets the fault: so one process meets it, once.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pkcs11.h>

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST faulty;

static int meets(const char *fault) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("FAULTS"), fault);
  return unlink(path) == 0;
}

/* A fault that stays for as long as its file does. */
static int lasts(const char *fault) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("FAULTS"), fault);
  return access(path, F_OK) == 0;
}

/* Of a worker's own, not of the token's, which nobody could bring back. */
static int is_session_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key) {
  CK_BBOOL token = CK_TRUE;
  CK_ATTRIBUTE attribute = {CKA_TOKEN, &token, sizeof token};
  return real->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK && !token;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  CK_SESSION_INFO info;
  if (meets("sessions-closed") && real->C_GetSessionInfo(session, &info) == CKR_OK) real->C_CloseAllSessions(info.slotID);
  if (meets("logged-out")) real->C_Logout(session);
  if (meets("finalized")) real->C_Finalize(NULL);
  if (is_session_object(session, key) && meets("key-gone")) real->C_DestroyObject(session, key);
  if (meets("device-removed")) return CKR_DEVICE_REMOVED;
  if (meets("session-closed")) real->C_CloseSession(session);
  if (meets("crash")) abort();
  if (meets("hang")) for (;;) pause();
  return real->C_SignInit(session, mechanism, key);
}

/* What a stranger's wrong octets may be answered, too. */
static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  if (mechanism->mechanism == CKM_RSA_PKCS_OAEP && meets("unwrap-fails")) return CKR_DEVICE_ERROR;
  if (mechanism->mechanism == CKM_RSA_PKCS_OAEP && meets("unwrap-memory")) return CKR_DEVICE_MEMORY;
  return real->C_UnwrapKey(session, mechanism, by, wrapped, length, template, count, key);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  if (meets("decrypt-fails")) return CKR_DEVICE_ERROR;
  return real->C_DecryptInit(session, mechanism, key);
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  if (meets("derive-fails")) return CKR_DEVICE_ERROR;
  return real->C_DeriveKey(session, mechanism, base, template, count, key);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR object) {
  for (CK_ULONG i = 0; i < count; i++) {
    if (template[i].type == CKA_TOKEN && *(CK_BBOOL *)template[i].pValue && lasts("token-full")) return CKR_DEVICE_MEMORY;
  }
  return real->C_CreateObject(session, template, count, object);
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public_template, CK_ULONG public_count, CK_ATTRIBUTE_PTR private_template, CK_ULONG private_count, CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key) {
  if (lasts("no-key-pairs")) return CKR_KEY_SIZE_RANGE;
  return real->C_GenerateKeyPair(session, mechanism, public_template, public_count, private_template, private_count, public_key, private_key);
}

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  if (meets("logged-out-at-find")) real->C_Logout(session);
  return real->C_FindObjectsInit(session, template, count);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR session) {
  return lasts("session-limit") ? CKR_SESSION_COUNT : real->C_OpenSession(slot, flags, application, notify, session);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
  CK_RV rv = real->C_GetTokenInfo(slot, info);
  if (rv == CKR_OK && lasts("other-firmware")) info->firmwareVersion.major += 1;
  return rv;
}

/* A file of the name counts how often a PIN is tried. */
static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  char path[4096];
  snprintf(path, sizeof path, "%s/logins", getenv("FAULTS"));
  FILE *logins = lasts("logins") ? fopen(path, "a") : NULL;
  if (logins) {
    fputc('.', logins);
    fclose(logins);
  }
  if (lasts("hang-at-login")) for (;;) pause();
  return real->C_Login(session, user, pin, length);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(dlopen(getenv("FAULTS_MODULE"), RTLD_NOW), "C_GetFunctionList");
  CK_RV rv = get(&real);
  if (rv != CKR_OK) return rv;
  faulty = *real;
  faulty.C_Login = login;
  faulty.C_SignInit = sign_init;
  faulty.C_UnwrapKey = unwrap_key;
  faulty.C_DecryptInit = decrypt_init;
  faulty.C_DeriveKey = derive_key;
  faulty.C_CreateObject = create_object;
  faulty.C_GenerateKeyPair = generate_key_pair;
  faulty.C_FindObjectsInit = find_objects_init;
  faulty.C_OpenSession = open_session;
  faulty.C_GetTokenInfo = get_token_info;
  *list = &faulty;
  return CKR_OK;
}
