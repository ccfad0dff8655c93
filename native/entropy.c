#include "entropy.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool entropy_open(struct entropy *entropy, const char *path) {
  struct stat status;
  memset(entropy, 0, sizeof *entropy);
  entropy->device = open(path, O_RDONLY | O_CLOEXEC);
  entropy->failed = entropy->device < 0 || fstat(entropy->device, &status) != 0 || !S_ISCHR(status.st_mode);
  return !entropy->failed;
}

static bool fresh(struct entropy *entropy, struct bytes seed) {
  ssize_t length;
  do length = read(entropy->device, seed.at, seed.length);
  while (length < 0 && errno == EINTR);
  if (length < 0 || (size_t)length != seed.length) return false;
  bool repeated = CRYPTO_memcmp(entropy->last, seed.at, sizeof entropy->last) == 0;
  memcpy(entropy->last, seed.at, sizeof entropy->last);
  return !repeated;
}

bool entropy_fill(struct entropy *entropy, struct bytes seed) {
  if (!entropy->failed && fresh(entropy, seed)) return true;
  entropy->failed = true;
  OPENSSL_cleanse(seed.at, seed.length);
  return false;
}

void entropy_close(struct entropy *entropy) {
  if (entropy->device >= 0) close(entropy->device);
  memset(entropy, 0, sizeof *entropy);
  entropy->device = -1;
  entropy->failed = true;
}
