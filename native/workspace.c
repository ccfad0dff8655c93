#include "workspace.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "locked-memory.h"

static EVP_CIPHER_CTX *context_of(const char *name) {
  EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  if (!cipher || !context || !EVP_EncryptInit_ex2(context, cipher, NULL, NULL, NULL)) {
    EVP_CIPHER_CTX_free(context);
    context = NULL;
  }
  EVP_CIPHER_free(cipher);
  return context;
}

struct workspace *workspace_new(void) {
  struct workspace *workspace = calloc(1, sizeof *workspace);
  if (!workspace) return NULL;
  workspace->gcm = context_of("AES-256-GCM");
  workspace->ctr = context_of("AES-256-CTR");
  workspace->sm4_gcm = context_of("SM4-GCM");
  ERR_clear_error();
  workspace->scratch = locked_memory_new(sizeof *workspace->scratch);
  if (workspace->gcm && workspace->ctr && workspace->scratch) return workspace;
  workspace_free(workspace);
  return NULL;
}

void workspace_free(struct workspace *workspace) {
  if (!workspace) return;
  EVP_CIPHER_CTX_free(workspace->gcm);
  EVP_CIPHER_CTX_free(workspace->ctr);
  EVP_CIPHER_CTX_free(workspace->sm4_gcm);
  locked_memory_free(workspace->scratch, sizeof *workspace->scratch);
  free(workspace);
}

static void wipe_context(EVP_CIPHER_CTX **context, const char *name) {
  static const uint8_t zeros[32];
  if (EVP_EncryptInit_ex2(*context, NULL, zeros, zeros, NULL)) return;
  EVP_CIPHER_CTX_free(*context);
  *context = context_of(name);
}

void workspace_wipe(struct workspace *workspace) {
  struct scratch *scratch = workspace->scratch;
  OPENSSL_cleanse(scratch->random, scratch->random_length);
  OPENSSL_cleanse(scratch->plaintext, scratch->plaintext_length);
  OPENSSL_cleanse(scratch->material, scratch->material_length);
  OPENSSL_cleanse(scratch, offsetof(struct scratch, random));
  if (workspace->gcm_keyed) wipe_context(&workspace->gcm, "AES-256-GCM");
  if (workspace->ctr_keyed) wipe_context(&workspace->ctr, "AES-256-CTR");
  if (workspace->sm4_gcm_keyed) wipe_context(&workspace->sm4_gcm, "SM4-GCM");
  workspace->gcm_keyed = workspace->ctr_keyed = workspace->sm4_gcm_keyed = false;
}
