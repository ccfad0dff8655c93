#include "locked-memory.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_bool all_locked = true;

static size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static size_t whole_pages(size_t length) { return (length + page() - 1) / page() * page(); }

void *locked_memory_new(size_t length) {
  size_t inner = whole_pages(length);
  uint8_t *outer = mmap(NULL, inner + 2 * page(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (outer == MAP_FAILED) return NULL;
  uint8_t *memory = outer + page();
  if (mprotect(memory, inner, PROT_READ | PROT_WRITE) != 0 || madvise(memory, inner, MADV_DONTDUMP) != 0 ||
      madvise(memory, inner, MADV_DONTFORK) != 0) {
    munmap(outer, inner + 2 * page());
    return NULL;
  }
  if (mlock(memory, inner) != 0) atomic_store(&all_locked, false);
  return memory;
}

void locked_memory_free(void *memory, size_t length) {
  if (!memory) return;
  OPENSSL_cleanse(memory, length);
  munmap((uint8_t *)memory - page(), whole_pages(length) + 2 * page());
}

bool locked_memory_is_locked(void) { return atomic_load(&all_locked); }
