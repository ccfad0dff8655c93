#ifndef STRONGROOM_CRYPTOKI_TYPES_H
#define STRONGROOM_CRYPTOKI_TYPES_H

/* What is needed here of PKCS#11 3.0 (OASIS), under the standard's names. On Unix nothing of it is packed. */

typedef unsigned char CK_BYTE, CK_BBOOL;
typedef unsigned long CK_ULONG, CK_RV, CK_SESSION_HANDLE, CK_OBJECT_HANDLE;

typedef struct {
  CK_BYTE major, minor;
} CK_VERSION;

typedef struct {
  CK_ULONG type;
  void *pValue;
  CK_ULONG ulValueLen;
} CK_ATTRIBUTE;

typedef struct {
  CK_ULONG mechanism;
  void *pParameter;
  CK_ULONG ulParameterLen;
} CK_MECHANISM;

typedef struct {
  CK_ULONG hashAlg, mgf, source;
  void *pSourceData;
  CK_ULONG ulSourceDataLen;
} CK_RSA_PKCS_OAEP_PARAMS;

typedef struct {
  CK_ULONG ulAESKeyBits;
  CK_RSA_PKCS_OAEP_PARAMS *pOAEPParams;
} CK_RSA_AES_KEY_WRAP_PARAMS;

typedef struct {
  CK_BYTE *pIv;
  CK_ULONG ulIvLen, ulIvBits;
  CK_BYTE *pAAD;
  CK_ULONG ulAADLen, ulTagBits;
} CK_GCM_PARAMS;

typedef struct {
  CK_BBOOL bLittleEndian;
  CK_ULONG ulWidthInBits;
} CK_SP800_108_COUNTER_FORMAT;

typedef struct {
  CK_ULONG type;
  void *pValue;
  CK_ULONG ulValueLen;
} CK_PRF_DATA_PARAM;

typedef struct {
  CK_ULONG prfType, ulNumberOfDataParams;
  CK_PRF_DATA_PARAM *pDataParams;
  CK_ULONG ulAdditionalDerivedKeys;
  void *pAdditionalDerivedKeys;
} CK_SP800_108_KDF_PARAMS;

typedef struct {
  CK_VERSION cryptokiVersion;
  CK_BYTE manufacturerID[32];
  CK_ULONG flags;
  CK_BYTE libraryDescription[32];
  CK_VERSION libraryVersion;
} CK_INFO;

/** Of version 2.40, which later ones begin with. */
typedef struct {
  CK_VERSION version;
  void *before_info[2];
  CK_RV (*C_GetInfo)(CK_INFO *);
  void *before_open[9];
  CK_RV (*C_OpenSession)(CK_ULONG slot, CK_ULONG flags, void *, void *, CK_SESSION_HANDLE *);
  CK_RV (*C_CloseSession)(CK_SESSION_HANDLE);
  void *before_create[6];
  CK_RV (*C_CreateObject)(CK_SESSION_HANDLE, CK_ATTRIBUTE *, CK_ULONG, CK_OBJECT_HANDLE *);
  void *C_CopyObject;
  CK_RV (*C_DestroyObject)(CK_SESSION_HANDLE, CK_OBJECT_HANDLE);
  void *before_encrypt[6];
  CK_RV (*C_EncryptInit)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
  CK_RV (*C_Encrypt)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
  void *before_decrypt[2];
  CK_RV (*C_DecryptInit)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
  CK_RV (*C_Decrypt)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
  void *before_sign[7];
  CK_RV (*C_SignInit)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
  CK_RV (*C_Sign)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
  void *before_generate[14];
  CK_RV (*C_GenerateKey)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_ATTRIBUTE *, CK_ULONG, CK_OBJECT_HANDLE *);
  void *C_GenerateKeyPair;
  CK_RV (*C_WrapKey)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE, CK_BYTE *, CK_ULONG *);
  CK_RV (*C_UnwrapKey)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_BYTE *, CK_ULONG, CK_ATTRIBUTE *,
                       CK_ULONG, CK_OBJECT_HANDLE *);
  CK_RV (*C_DeriveKey)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, CK_ULONG,
                       CK_OBJECT_HANDLE *);
  void *C_SeedRandom;
  CK_RV (*C_GenerateRandom)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG);
} CK_FUNCTION_LIST;

typedef struct {
  char *pInterfaceName;
  /** A function list, which begins with its version. */
  CK_VERSION *pFunctionList;
  CK_ULONG flags;
} CK_INTERFACE;

typedef CK_RV (*CK_C_GetFunctionList)(CK_FUNCTION_LIST **);
/** Since 3.0. */
typedef CK_RV (*CK_C_GetInterfaceList)(CK_INTERFACE *, CK_ULONG *);

enum {
  CKR_OK = 0,
  CKR_HOST_MEMORY = 2,
  CKR_DEVICE_MEMORY = 0x31,
  CKR_DEVICE_REMOVED = 0x32,
  CKR_SESSION_CLOSED = 0xb0,
  CKR_SESSION_COUNT = 0xb1,
  CKR_SESSION_HANDLE_INVALID = 0xb3,
  CKR_TOKEN_NOT_PRESENT = 0xe0,
  CKR_USER_NOT_LOGGED_IN = 0x101,
  CKR_CRYPTOKI_NOT_INITIALIZED = 0x190,
  CKF_RW_SESSION = 2,
  CKF_SERIAL_SESSION = 4,
  CKM_AES_GCM = 0x1087,
  CKM_SHA256_HMAC = 0x251,
  CKM_RSA_AES_KEY_WRAP = 0x1054,
  CKM_SP800_108_COUNTER_KDF = 0x3ac,
  CKM_SHA_1 = 0x220,
  CKM_SHA256 = 0x250,
  CKG_MGF1_SHA1 = 1,
  CKG_MGF1_SHA256 = 2,
  CKZ_DATA_SPECIFIED = 1,
  CK_SP800_108_ITERATION_VARIABLE = 1,
  CK_SP800_108_BYTE_ARRAY = 4,
  CKA_VALUE = 0x11,
  CKA_WRAP_TEMPLATE = 0x40000211,
  CKA_UNWRAP_TEMPLATE = 0x40000212,
  CKA_DERIVE_TEMPLATE = 0x40000213,
};

#endif
