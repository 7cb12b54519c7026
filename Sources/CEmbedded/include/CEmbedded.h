// Files that travel inside the binary, embedded by C23's #embed: a change of a file rebuilds it.
#pragma once
#include <stddef.h>

typedef struct {
  const char *name;
  const unsigned char *bytes;
  size_t count;
} tollgate_embedded_file;

// The scripts of lua/. Swift doesn't import arrays of unknown length, hence the accessors.
extern const tollgate_embedded_file tollgate_lua_files[];
extern const size_t tollgate_lua_file_count;
static inline tollgate_embedded_file tollgate_lua_file(size_t index) {
  return tollgate_lua_files[index];
}
// Sources/PostgresStore/Migrations/*.sql, in the order they run.
extern const tollgate_embedded_file tollgate_migration_files[];
extern const size_t tollgate_migration_file_count;
static inline tollgate_embedded_file tollgate_migration_file(size_t index) {
  return tollgate_migration_files[index];
}

// Sources/Dashboard/Pages/*, by name.
extern const tollgate_embedded_file tollgate_page_files[];
extern const size_t tollgate_page_file_count;
static inline tollgate_embedded_file tollgate_page_file(size_t index) {
  return tollgate_page_files[index];
}

// docs/openapi.json, served by the admin listener.
extern const tollgate_embedded_file tollgate_openapi;
