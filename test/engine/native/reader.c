/*
 * A PKCS#11 module that reads every octet of what it is given, and answers their sum as a handle: a sanitizer sees each
 * pointer and length, and a test that none was left out.
 */
#include <string.h>

#include <pkcs11.h>

static CK_ULONG sum_of(const void *at, CK_ULONG length) {
  CK_ULONG sum = 0;
  for (CK_ULONG i = 0; i < length; i++) {
    unsigned char octet;
    memcpy(&octet, (const char *)at + i, 1);
    sum += octet;
  }
  return sum;
}

static CK_ULONG template_sum(const CK_ATTRIBUTE *attributes, CK_ULONG count) {
  CK_ULONG sum = 0;
  for (CK_ULONG i = 0; i < count; i++) {
    CK_ATTRIBUTE one;
    memcpy(&one, &attributes[i], sizeof one);
    sum += one.type == CKA_WRAP_TEMPLATE || one.type == CKA_UNWRAP_TEMPLATE || one.type == 0x40000213
               ? template_sum(one.pValue, one.ulValueLen / sizeof one)
               : sum_of(one.pValue, one.ulValueLen);
  }
  return sum;
}

static CK_ULONG mechanism_sum(const CK_MECHANISM *mechanism) {
  if (mechanism->mechanism == 0x3ac) {
    struct { CK_ULONG prf, count; const CK_ATTRIBUTE *data; CK_ULONG more; void *keys; } kdf;
    if (mechanism->ulParameterLen != sizeof kdf) return 0;
    memcpy(&kdf, mechanism->pParameter, sizeof kdf);
    CK_ULONG sum = kdf.prf + kdf.count + kdf.more;
    for (CK_ULONG i = 0; i < kdf.count; i++) sum += kdf.data[i].type + sum_of(kdf.data[i].pValue, kdf.data[i].ulValueLen);
    return sum;
  }
  if (mechanism->mechanism == CKM_RSA_AES_KEY_WRAP) {
    struct { CK_ULONG bits; const CK_RSA_PKCS_OAEP_PARAMS *oaep; } wrap;
    if (mechanism->ulParameterLen != sizeof wrap) return 0;
    memcpy(&wrap, mechanism->pParameter, sizeof wrap);
    return wrap.bits + wrap.oaep->hashAlg + wrap.oaep->mgf + wrap.oaep->source + wrap.oaep->ulSourceDataLen;
  }
  if (mechanism->mechanism == 0x1087) {
    struct { const void *iv; CK_ULONG iv_length, iv_bits; const void *aad; CK_ULONG aad_length, tag_bits; } gcm;
    if (mechanism->ulParameterLen != sizeof gcm) return 0;
    memcpy(&gcm, mechanism->pParameter, sizeof gcm);
    return sum_of(gcm.iv, gcm.iv_length) + gcm.iv_bits + sum_of(gcm.aad, gcm.aad_length) + gcm.tag_bits;
  }
  return sum_of(mechanism->pParameter, mechanism->ulParameterLen);
}

static CK_RV create(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR object) {
  *object = session + template_sum(template, count);
  return CKR_OK;
}

static CK_RV generate(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                      CK_OBJECT_HANDLE_PTR object) {
  *object = session + mechanism_sum(mechanism) + template_sum(template, count);
  return CKR_OK;
}

static CK_RV derive(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template,
                    CK_ULONG count, CK_OBJECT_HANDLE_PTR object) {
  *object = session + mechanism_sum(mechanism) + base + template_sum(template, count);
  return CKR_OK;
}

static CK_RV unwrap(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped,
                    CK_ULONG length, CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR object) {
  *object = session + mechanism_sum(mechanism) + by + sum_of(wrapped, length) + template_sum(template, count);
  return CKR_OK;
}

/* Fills all the room there is. */
static CK_RV wrap(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key,
                  CK_BYTE_PTR wrapped, CK_ULONG_PTR length) {
  memset(wrapped, (int)(session + mechanism_sum(mechanism) + by + key), *length);
  return CKR_OK;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE_PTR session) {
  (void)application, (void)notify;
  *session = slot + flags;
  return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session) {
  (void)session;
  return CKR_OK;
}

static CK_RV generate_random(CK_SESSION_HANDLE session, CK_BYTE_PTR octets, CK_ULONG length) {
  static _Atomic unsigned char calls;
  memset(octets, (int)session + ++calls, length);
  return CKR_OK;
}

static _Thread_local CK_ULONG begun;

static CK_RV begin(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key) {
  begun = session + mechanism_sum(mechanism) + key;
  return CKR_OK;
}

/* Fills all the room there is, and answers as much as a MAC of SHA-256 has. */
static CK_RV transform(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length, CK_BYTE_PTR target,
                       CK_ULONG_PTR room) {
  memset(target, (int)(session + begun + sum_of(data, length)), *room);
  *room = 32;
  return CKR_OK;
}

static CK_RV destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  (void)session, (void)object;
  return CKR_OK;
}

static CK_RV get_info(CK_INFO_PTR info) {
  memset(info, 0, sizeof *info);
  return CKR_OK;
}

static CK_FUNCTION_LIST list = {
    .version = {2, 40},
    .C_GetInfo = get_info,
    .C_OpenSession = open_session,
    .C_CloseSession = close_session,
    .C_GenerateRandom = generate_random,
    .C_SignInit = begin,
    .C_Sign = transform,
    .C_EncryptInit = begin,
    .C_Encrypt = transform,
    .C_DestroyObject = destroy,
    .C_DecryptInit = begin,
    .C_Decrypt = transform,
    .C_CreateObject = create,
    .C_GenerateKey = generate,
    .C_DeriveKey = derive,
    .C_UnwrapKey = unwrap,
    .C_WrapKey = wrap,
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR functions) {
  *functions = &list;
  return CKR_OK;
}

/* One with the longest name that an answer has room for, one with a longer, and one that is none. */
static struct { const char *name; void *functions; CK_ULONG flags; } interfaces[3];
static char longest[256], longer[300];

CK_RV C_GetInterfaceList(void *found, CK_ULONG_PTR count) {
  if (!found) {
    *count = 3;
    return CKR_OK;
  }
  if (*count < 3) return CKR_BUFFER_TOO_SMALL;
  memset(longest, 'a', 255);
  memset(longer, 'b', 299);
  interfaces[0].name = longest;
  interfaces[1].name = longer;
  interfaces[0].functions = interfaces[1].functions = &list;
  memcpy(found, interfaces, sizeof interfaces);
  /* The count stays as it is, as openCryptoki 3.27 leaves it where there is room for more. */
  return CKR_OK;
}
