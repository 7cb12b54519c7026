#define _GNU_SOURCE
#include "counting.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
// Built without valgrind's headers: allocations are counted all the same, instructions come out as none.
#define CALLGRIND_TOGGLE_COLLECT
#endif

// What glibc's own functions are called beside the names that are taken over here.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static _Thread_local struct {
  bool counts;
  uint64_t began;
  hot_path_counts sum;
} thread;

// A function of its own for a debugger to stop at: `run --stacks`.
__attribute__((noinline)) static void hot_path_allocated(size_t size) {
  thread.sum.allocations++;
  thread.sum.bytes += size;
}

static inline void note(size_t size) {
  if (thread.counts) hot_path_allocated(size);
}

void *malloc(size_t size) {
  note(size);
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  note(count * size);
  return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
  note(size);
  return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
  note(size);
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
  void *made = memalign(alignment, size);
  if (made == NULL) return ENOMEM;
  *block = made;
  return 0;
}

void free(void *block) { __libc_free(block); }

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// callgrind's switch is the innermost of the three, so that the counting itself isn't counted.
void hot_path_begin(void) {
  if (thread.counts) return;
  thread.counts = true;
  thread.began = now();
  CALLGRIND_TOGGLE_COLLECT;
}

void hot_path_end(void) {
  if (!thread.counts) return;
  CALLGRIND_TOGGLE_COLLECT;
  thread.counts = false;
  thread.sum.nanoseconds += now() - thread.began;
}

hot_path_counts hot_path_counted(void) { return thread.sum; }

void hot_path_reset(void) { thread.sum = (hot_path_counts){0}; }
