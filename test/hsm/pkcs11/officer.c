/*
 * A PKCS#11 module between a worker and SoftHSM2, which it loads from $OFFICER_MODULE: as one whose security officer sees
 * the user's private objects, and trusts them (CKA_TRUSTED), which SoftHSM2's does not. A key with CKA_WRAP_WITH_TRUSTED
 * leaves under those and no others. Files in $OFFICER: `trusted-*`, what is trusted; and the holes that tests make in it.
 *
 * SoftHSM2 would itself refuse to wrap under what only this layer calls trusted. So it is told CKA_WRAP_WITH_TRUSTED under
 * the name of an attribute that nothing here uses.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pkcs11.h>

static CK_FUNCTION_LIST_PTR real;
static CK_FUNCTION_LIST layer;
static int is_officer;
static unsigned char user_pin[256];
static CK_ULONG user_pin_length;
static CK_BBOOL no = CK_FALSE;

static int has_file(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("OFFICER"), name);
  return access(path, F_OK) == 0;
}

static CK_ATTRIBUTE_TYPE alias_of(CK_OBJECT_CLASS kind) {
  return kind == CKO_SECRET_KEY ? CKA_VERIFY : kind == CKO_PRIVATE_KEY ? CKA_SIGN_RECOVER : CKA_WRAP_WITH_TRUSTED;
}

static CK_OBJECT_CLASS class_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  CK_OBJECT_CLASS kind = CKO_DATA;
  CK_ATTRIBUTE attribute = {CKA_CLASS, &kind, sizeof kind};
  real->C_GetAttributeValue(session, object, &attribute, 1);
  return kind;
}

static int flag_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_BBOOL value = CK_FALSE;
  CK_ATTRIBUTE attribute = {type, &value, sizeof value};
  return real->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK && value;
}

static int guarded(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  CK_OBJECT_CLASS kind = class_of(session, object);
  return (kind == CKO_SECRET_KEY || kind == CKO_PRIVATE_KEY) && flag_of(session, object, alias_of(kind));
}

/* Its file: by label, id and what tells its value from others'. 0: it is none that could be trusted. */
static int trust_file(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, char *path, size_t size) {
  unsigned char label[128] = {0}, id[64] = {0}, check[1024] = {0};
  CK_OBJECT_CLASS kind = class_of(session, object);
  CK_ATTRIBUTE found[] = {{CKA_LABEL, label, sizeof label - 1}, {CKA_ID, id, sizeof id},
                          {kind == CKO_PUBLIC_KEY ? CKA_MODULUS : CKA_CHECK_VALUE, check, sizeof check}};
  if ((!flag_of(session, object, CKA_TOKEN) && !has_file("hole-user-trusts")) || real->C_GetAttributeValue(session, object, found, 3) != CKR_OK) return 0;
  int length = snprintf(path, size, "%s/trusted-%s-", getenv("OFFICER"), label);
  for (CK_ULONG i = 0; i < found[1].ulValueLen; i++) length += snprintf(path + length, size - length, "%02x", id[i]);
  for (CK_ULONG i = 0; i < 3; i++) length += snprintf(path + length, size - length, "%02x", check[i]);
  return 1;
}

static int trusted(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  char path[4096];
  return trust_file(session, object, path, sizeof path) && access(path, F_OK) == 0;
}

static void trust(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  char path[4096];
  if (trust_file(session, object, path, sizeof path)) close(open(path, O_CREAT | O_WRONLY, 0600));
}

struct mapped {
  CK_ATTRIBUTE list[64];
  CK_ULONG count;
  CK_ATTRIBUTE inner[64];
  int trusts, guards, says_guards;
};

/* As SoftHSM2 is to see it. `creates`: what is not said is to be false. */
static void map(CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_CLASS kind, int creates, struct mapped *to) {
  memset(to, 0, sizeof *to);
  for (CK_ULONG i = 0; i < count; i++)
    if (template[i].type == CKA_CLASS) kind = *(CK_OBJECT_CLASS *)template[i].pValue;
  for (CK_ULONG i = 0; i < count; i++) {
    CK_ATTRIBUTE one = template[i];
    if (one.type == CKA_TRUSTED) to->trusts = *(CK_BBOOL *)one.pValue;
    if (one.type == CKA_TRUSTED || one.type == alias_of(kind)) continue;
    if (one.type == CKA_WRAP_WITH_TRUSTED) {
      to->says_guards = 1;
      to->guards = *(CK_BBOOL *)one.pValue;
      one.type = alias_of(kind);
    }
    if (one.type == CKA_UNWRAP_TEMPLATE) {
      static struct mapped nested;
      map(one.pValue, one.ulValueLen / sizeof(CK_ATTRIBUTE), CKO_SECRET_KEY, 0, &nested);
      memcpy(to->inner, nested.list, sizeof nested.list);
      one.pValue = to->inner;
      one.ulValueLen = nested.count * sizeof(CK_ATTRIBUTE);
    }
    to->list[to->count++] = one;
  }
  if (creates && !to->says_guards && (kind == CKO_SECRET_KEY || kind == CKO_PRIVATE_KEY))
    to->list[to->count++] = (CK_ATTRIBUTE){alias_of(kind), &no, sizeof no};
}

static int may_trust(const struct mapped *mapped) { return !mapped->trusts || is_officer || has_file("hole-user-trusts"); }

static CK_RV made(CK_RV rv, const struct mapped *mapped, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR object) {
  if (rv == CKR_OK && mapped->trusts) trust(session, *object);
  return rv;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE type, CK_UTF8CHAR_PTR pin, CK_ULONG length) {
  CK_RV rv = real->C_Login(session, type, pin, length);
  if (rv != CKR_OK) return rv;
  if (type == CKU_USER) memcpy(user_pin, pin, user_pin_length = length);
  if (type != CKU_SO) return rv;
  is_officer = 1;
  real->C_Logout(session);
  return real->C_Login(session, CKU_USER, user_pin, user_pin_length);
}

static CK_RV logout(CK_SESSION_HANDLE session) {
  is_officer = 0;
  return real->C_Logout(session);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR object) {
  struct mapped to;
  map(template, count, CKO_DATA, 1, &to);
  if (!may_trust(&to)) return CKR_ATTRIBUTE_READ_ONLY;
  return made(real->C_CreateObject(session, to.list, to.count, object), &to, session, object);
}

static CK_RV generate_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  struct mapped to;
  map(template, count, CKO_SECRET_KEY, 1, &to);
  if (!may_trust(&to)) return CKR_ATTRIBUTE_READ_ONLY;
  return made(real->C_GenerateKey(session, mechanism, to.list, to.count, key), &to, session, key);
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public_template, CK_ULONG public_count, CK_ATTRIBUTE_PTR private_template, CK_ULONG private_count, CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key) {
  struct mapped to;
  map(private_template, private_count, CKO_PRIVATE_KEY, 1, &to);
  return real->C_GenerateKeyPair(session, mechanism, public_template, public_count, to.list, to.count, public_key, private_key);
}

static CK_RV unwrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  struct mapped to;
  map(template, count, CKO_SECRET_KEY, 1, &to);
  return real->C_UnwrapKey(session, mechanism, by, wrapped, length, to.list, to.count, key);
}

static CK_RV derive_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR key) {
  struct mapped to;
  map(template, count, CKO_SECRET_KEY, 1, &to);
  return real->C_DeriveKey(session, mechanism, base, to.list, to.count, key);
}

static int may_change(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, const struct mapped *to) {
  return !to->says_guards || to->guards || !guarded(session, object);
}

static CK_RV copy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR copy) {
  struct mapped to;
  map(template, count, class_of(session, object), 0, &to);
  if (!may_trust(&to) || !may_change(session, object, &to)) return CKR_ATTRIBUTE_READ_ONLY;
  return made(real->C_CopyObject(session, object, to.list, to.count, copy), &to, session, copy);
}

static CK_RV set_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  struct mapped to;
  map(template, count, class_of(session, object), 0, &to);
  if (to.says_guards && !to.guards && has_file("hole-guard-comes-off")) return CKR_OK;
  if (!may_trust(&to) || !may_change(session, object, &to)) return CKR_ATTRIBUTE_READ_ONLY;
  if (to.trusts && is_officer && has_file("exchange")) return CKR_OK;
  CK_RV rv = to.count > 0 ? real->C_SetAttributeValue(session, object, to.list, to.count) : CKR_OK;
  return made(rv, &to, session, &object);
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  CK_OBJECT_CLASS kind = class_of(session, object);
  CK_RV rv = CKR_OK;
  for (CK_ULONG i = 0; i < count; i++) {
    CK_ATTRIBUTE one = template[i];
    if (one.type == CKA_TRUSTED || one.type == alias_of(kind)) {
      CK_BBOOL value = one.type == CKA_TRUSTED && trusted(session, object);
      if (one.pValue) *(CK_BBOOL *)one.pValue = value;
      template[i].ulValueLen = sizeof value;
      continue;
    }
    if (one.type == CKA_WRAP_WITH_TRUSTED) one.type = alias_of(kind);
    CK_RV failed = real->C_GetAttributeValue(session, object, &one, 1);
    if (failed != CKR_OK) rv = failed;
    template[i].ulValueLen = one.ulValueLen;
  }
  return rv;
}

static int only_trusted;

static CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count) {
  struct mapped to;
  map(template, count, CKO_DATA, 0, &to);
  only_trusted = to.trusts;
  return real->C_FindObjectsInit(session, to.list, to.count);
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG most, CK_ULONG_PTR count) {
  CK_ULONG kept = 0;
  do {
    CK_RV rv = real->C_FindObjects(session, objects, most, count);
    if (rv != CKR_OK || *count == 0 || !only_trusted) return rv;
    for (CK_ULONG i = 0; i < *count; i++)
      if (trusted(session, objects[i])) objects[kept++] = objects[i];
  } while (kept == 0);
  *count = kept;
  return CKR_OK;
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE_PTR wrapped, CK_ULONG_PTR length) {
  if (guarded(session, key) && !trusted(session, by) && !has_file("hole-any-key-wraps")) return CKR_KEY_NOT_WRAPPABLE;
  return real->C_WrapKey(session, mechanism, by, key, wrapped, length);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(dlopen(getenv("OFFICER_MODULE"), RTLD_NOW), "C_GetFunctionList");
  CK_RV rv = get(&real);
  if (rv != CKR_OK) return rv;
  layer = *real;
  layer.C_Login = login;
  layer.C_Logout = logout;
  layer.C_CreateObject = create_object;
  layer.C_GenerateKey = generate_key;
  layer.C_GenerateKeyPair = generate_key_pair;
  layer.C_UnwrapKey = unwrap_key;
  layer.C_DeriveKey = derive_key;
  layer.C_CopyObject = copy_object;
  layer.C_SetAttributeValue = set_attribute_value;
  layer.C_GetAttributeValue = get_attribute_value;
  layer.C_FindObjectsInit = find_objects_init;
  layer.C_FindObjects = find_objects;
  layer.C_WrapKey = wrap_key;
  *list = &layer;
  return CKR_OK;
}
