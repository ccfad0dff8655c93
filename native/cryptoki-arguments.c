#include "cryptoki-arguments.h"

#include <stdbool.h>
#include <string.h>

#include "status.h"

enum { ALIGNMENT = 8, HEAD = 8 };

static uint32_t word(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool is_template(CK_ULONG type) {
  return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE || type == CKA_DERIVE_TEMPLATE;
}

/** Appends to `attributes`, of which `*count` are in use. */
static int32_t read_attributes(struct bytes from, CK_ATTRIBUTE *attributes, CK_ULONG *count) {
  if ((uintptr_t)from.at % ALIGNMENT != 0) return BAD_LENGTH;
  for (size_t offset = 0; offset < from.length;) {
    if (from.length - offset < HEAD || *count == MOST_ATTRIBUTES) return BAD_LENGTH;
    size_t length = word(from.at + offset + 4);
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (padded > from.length - offset - HEAD) return BAD_LENGTH;
    attributes[(*count)++] = (CK_ATTRIBUTE){word(from.at + offset), from.at + offset + HEAD, length};
    offset += HEAD + padded;
  }
  return OK;
}

int32_t read_template(struct bytes from, struct template *template) {
  template->count = 0;
  template->inner_count = 0;
  int32_t status = read_attributes(from, template->attributes, &template->count);
  for (CK_ULONG i = 0; i < template->count && status == OK; i++) {
    CK_ATTRIBUTE *outer = &template->attributes[i];
    if (!is_template(outer->type)) continue;
    CK_ULONG first = template->inner_count;
    status = read_attributes((struct bytes){outer->pValue, outer->ulValueLen}, template->inner, &template->inner_count);
    outer->pValue = &template->inner[first];
    outer->ulValueLen = (template->inner_count - first) * sizeof(CK_ATTRIBUTE);
  }
  for (CK_ULONG i = 0; i < template->inner_count && status == OK; i++) {
    if (is_template(template->inner[i].type)) status = BAD_LENGTH;
  }
  return status;
}

static int32_t read_rsa_aes(struct bytes from, struct mechanism *into) {
  if (from.length != 8) return BAD_LENGTH;
  CK_ULONG hash = word(from.at);
  if (hash != CKM_SHA_1 && hash != CKM_SHA256) return BAD_LENGTH;
  CK_RSA_AES_KEY_WRAP_PARAMS *wrap = &into->parameter.rsa_aes.wrap;
  CK_RSA_PKCS_OAEP_PARAMS *oaep = &into->parameter.rsa_aes.oaep;
  *oaep = (CK_RSA_PKCS_OAEP_PARAMS){
      .hashAlg = hash,
      .mgf = hash == CKM_SHA256 ? CKG_MGF1_SHA256 : CKG_MGF1_SHA1,
      .source = CKZ_DATA_SPECIFIED,
  };
  *wrap = (CK_RSA_AES_KEY_WRAP_PARAMS){.ulAESKeyBits = word(from.at + 4), .pOAEPParams = oaep};
  into->mechanism.pParameter = wrap;
  into->mechanism.ulParameterLen = sizeof *wrap;
  return OK;
}

static int32_t read_counter_kdf(struct bytes from, struct mechanism *into) {
  if (from.length < 8) return BAD_LENGTH;
  CK_SP800_108_KDF_PARAMS *kdf = &into->parameter.counter_kdf.kdf;
  CK_SP800_108_COUNTER_FORMAT *counter = &into->parameter.counter_kdf.counter;
  CK_PRF_DATA_PARAM *data = into->parameter.counter_kdf.data;
  /* With its padding: a module may compare formats as octets. */
  memset(counter, 0, sizeof *counter);
  counter->ulWidthInBits = 32;
  data[0] = (CK_PRF_DATA_PARAM){CK_SP800_108_ITERATION_VARIABLE, counter, sizeof *counter};
  data[1] = (CK_PRF_DATA_PARAM){CK_SP800_108_BYTE_ARRAY, from.at + 8, from.length - 8};
  *kdf = (CK_SP800_108_KDF_PARAMS){.prfType = word(from.at), .ulNumberOfDataParams = 2, .pDataParams = data};
  into->mechanism.pParameter = kdf;
  into->mechanism.ulParameterLen = sizeof *kdf;
  return OK;
}

int32_t read_mechanism(struct bytes from, struct mechanism *into) {
  if ((uintptr_t)from.at % ALIGNMENT != 0 || from.length < HEAD) return BAD_LENGTH;
  struct bytes rest = {from.at + HEAD, from.length - HEAD};
  into->mechanism.mechanism = word(from.at);
  if (into->mechanism.mechanism == CKM_RSA_AES_KEY_WRAP) return read_rsa_aes(rest, into);
  if (into->mechanism.mechanism == CKM_SP800_108_COUNTER_KDF) return read_counter_kdf(rest, into);
  into->mechanism.pParameter = rest.length > 0 ? rest.at : NULL;
  into->mechanism.ulParameterLen = rest.length;
  return OK;
}
