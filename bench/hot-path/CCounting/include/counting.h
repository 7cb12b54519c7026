// Counts what a thread allocates, and tells callgrind which part of the program to look at.
#pragma once
#include <stdint.h>

typedef struct {
  // Calls of malloc, calloc, realloc, posix_memalign and their like; of realloc each one, moved or not.
  uint64_t allocations;
  // What they asked for.
  uint64_t bytes;
  uint64_t nanoseconds;
} hot_path_counts;

// From here to hot_path_end() this thread's allocations and time count, and callgrind collects its instructions
// (and no other thread's). Twice in a row is once.
void hot_path_begin(void);
void hot_path_end(void);
// What was counted on this thread since it was last reset.
hot_path_counts hot_path_counted(void);
void hot_path_reset(void);

// Stream sockets at a path, in blocking mode: a descriptor, or -1 with errno.
int hot_path_listen(const char *path);
int hot_path_connect(const char *path);
