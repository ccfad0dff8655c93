#include "session.h"

#include <openssl/crypto.h>
#include <string.h>

#include "cryptoki-arguments.h"
#include "locked-memory.h"
#include "status.h"

struct session *session_new(const struct place *place, struct bytes personalization) {
  struct session *session = locked_memory_new(sizeof *session);
  if (!session) return NULL;
  session->functions = place->functions;
  session->slot = place->slot;
  session->boundary = place->boundary;
  memcpy(session->template, place->template.at, place->template.length);
  session->template_length = place->template.length;
  session->workspace = workspace_new();
  memcpy(session->personalization, personalization.at, personalization.length);
  session->personalization_length = personalization.length;
  if (entropy_open(&session->entropy, place->device) && session->workspace) return session;
  session_free(session);
  return NULL;
}

void session_free(struct session *session) {
  session_close(session);
  entropy_close(&session->entropy);
  workspace_free(session->workspace);
  locked_memory_free(session, sizeof *session);
}

/** OK or MODULE. */
static int32_t answered(struct job *job, enum module_function function, CK_RV answer) {
  job->function = function;
  job->answered = answer;
  return answer == CKR_OK ? OK : MODULE;
}

int32_t session_open(struct session *session, struct job *job) {
  if (session->is_open) return OK;
  const CK_ULONG flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
  CK_RV answer = session->functions->C_OpenSession(session->slot, flags, NULL, NULL, &session->handle);
  session->is_open = answer == CKR_OK;
  return answered(job, C_OPEN_SESSION, answer);
}

/** It is not used again either way. */
void session_close(struct session *session) {
  if (session->is_open) session->functions->C_CloseSession(session->handle);
  session->is_open = false;
}

/** A seed of both generators, in `scratch->entropy`. */
static int32_t gather(struct session *session, struct job *job) {
  struct scratch *scratch = session->workspace->scratch;
  struct bytes seed = {scratch->entropy, SEED_LENGTH}, system = {scratch->material, SEED_LENGTH};
  int32_t status =
      answered(job, C_GENERATE_RANDOM, session->functions->C_GenerateRandom(session->handle, seed.at, seed.length));
  if (status != OK) return status;
  if (memcmp(session->last, seed.at, sizeof session->last) == 0) return NO_ENTROPY;
  memcpy(session->last, seed.at, sizeof session->last);
  scratch->material_length = SEED_LENGTH;
  if (!entropy_fill(&session->entropy, system)) return NO_ENTROPY;
  for (size_t i = 0; i < SEED_LENGTH; i++) seed.at[i] ^= system.at[i];
  return OK;
}

static int32_t seed(struct session *session, struct job *job) {
  struct bytes personalization = {session->personalization, session->personalization_length};
  const uint8_t *entropy = session->workspace->scratch->entropy;
  int32_t status = gather(session, job);
  if (status != OK) return status;
  session->seeded = ctr_drbg_instantiate(session->workspace, &session->drbg, entropy, personalization);
  return session->seeded ? OK : FAULT;
}

static int32_t draw(struct session *session, struct job *job, struct bytes target) {
  int32_t status = session->seeded ? OK : seed(session, job);
  if (status == OK) status = gather(session, job);
  if (status != OK) return status;
  struct bytes additional = {session->workspace->scratch->entropy, SEED_LENGTH};
  return ctr_drbg_generate(session->workspace, &session->drbg, target, additional) ? OK : FAULT;
}

int32_t session_draw(struct session *session, struct job *job, uint8_t *target, size_t length) {
  int32_t status = session->stopped ? NO_ENTROPY : draw(session, job, (struct bytes){target, length});
  if (status != OK) OPENSSL_cleanse(target, length);
  session->stopped |= status == NO_ENTROPY || status == FAULT;
  return status;
}

/** All of the scratch's room, because openCryptoki writes past a buffer that is too short. */
static int32_t transformed(struct session *session, struct job *job, enum module_function function,
                           CK_RV (*transform)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *),
                           struct bytes data) {
  struct scratch *scratch = session->workspace->scratch;
  CK_ULONG length = sizeof scratch->material;
  scratch->material_length = sizeof scratch->material;
  int32_t status = answered(job, function, transform(session->handle, data.at, data.length, scratch->material, &length));
  if (status != OK) return status;
  if (length > sizeof scratch->material) return FAULT;
  scratch->material_length = length > SEED_LENGTH ? length : SEED_LENGTH;
  return (int32_t)length;
}

int32_t session_sign(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                     struct bytes data) {
  int32_t status = answered(job, C_SIGN, session->functions->C_SignInit(session->handle, mechanism, key));
  return status == OK ? transformed(session, job, C_SIGN, session->functions->C_Sign, data) : status;
}

int32_t session_decrypt(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                        struct bytes data) {
  int32_t status = answered(job, C_DECRYPT, session->functions->C_DecryptInit(session->handle, mechanism, key));
  return status == OK ? transformed(session, job, C_DECRYPT, session->functions->C_Decrypt, data) : status;
}

int32_t session_encrypt(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                        struct bytes data) {
  int32_t status = answered(job, C_ENCRYPT, session->functions->C_EncryptInit(session->handle, mechanism, key));
  return status == OK ? transformed(session, job, C_ENCRYPT, session->functions->C_Encrypt, data) : status;
}

static int32_t read_own_template(struct session *session, struct template *template) {
  return read_template((struct bytes){session->template, session->template_length}, template);
}

int32_t session_create(struct session *session, struct job *job, struct bytes value, CK_OBJECT_HANDLE *key) {
  struct template template;
  int32_t status = read_own_template(session, &template);
  if (status == OK && template.count == MOST_ATTRIBUTES) status = BAD_LENGTH;
  if (status != OK) return status;
  template.attributes[template.count++] = (CK_ATTRIBUTE){CKA_VALUE, value.at, value.length};
  const CK_FUNCTION_LIST *functions = session->functions;
  return answered(job, C_CREATE_OBJECT,
                  functions->C_CreateObject(session->handle, template.attributes, template.count, key));
}

int32_t session_derive(struct session *session, struct job *job, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
                       CK_OBJECT_HANDLE *key) {
  struct template template;
  int32_t status = read_own_template(session, &template);
  if (status != OK) return status;
  const CK_FUNCTION_LIST *functions = session->functions;
  return answered(job, C_DERIVE_KEY,
                  functions->C_DeriveKey(session->handle, mechanism, base, template.attributes, template.count, key));
}

int32_t session_destroy(struct session *session, struct job *job, CK_OBJECT_HANDLE key) {
  return answered(job, C_DESTROY_OBJECT, session->functions->C_DestroyObject(session->handle, key));
}

bool is_outage(CK_RV answered) {
  static const CK_RV outages[] = {CKR_HOST_MEMORY,    CKR_DEVICE_MEMORY,          CKR_DEVICE_REMOVED,
                                  CKR_SESSION_CLOSED, CKR_SESSION_COUNT,          CKR_SESSION_HANDLE_INVALID,
                                  CKR_TOKEN_NOT_PRESENT, CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED};
  for (size_t i = 0; i < sizeof outages / sizeof *outages; i++)
    if (answered == outages[i]) return true;
  return false;
}
