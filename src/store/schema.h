/* The migrations of src/store/schema, compiled in by embed.cmake. */
#ifndef CULVERT_STORE_SCHEMA_H
#define CULVERT_STORE_SCHEMA_H

#include <stddef.h>

struct store_migration {
    int version; /* 1, 2, 3 ... */
    const char *name;
    const char *sql; /* statements separated by semicolons */
};

/* In the order of their versions. */
extern const struct store_migration store_migrations[];
extern const size_t store_migration_count;

#endif
