/* Keys of bytes to pointers: hashing with a random seed, so that no peer can choose collisions. */
#ifndef CULVERT_BASE_MAP_H
#define CULVERT_BASE_MAP_H

#include "culvert/base/span.h"

struct map;

/* The caller owns the map, not the values. `limit`: most entries. NULL: out of memory. */
struct map *map_new(size_t limit);

/* Frees the map; `free_value` (NULL: none) is called for each value. NULL map is allowed. */
void map_free(struct map *map, void (*free_value)(void *value));

/* Stores a copy of `key`. An existing key gets the new value, the old one is returned through `old`
 * (NULL: not asked). False: the limit or memory. */
bool map_put(struct map *map, struct span key, void *value, void **old) MUST_CHECK;

/* NULL: no such key. */
void *map_find(const struct map *map, struct span key);

/* Removes the key and returns its value; NULL: no such key. */
void *map_take(struct map *map, struct span key);

size_t map_count(const struct map *map);

/* Calls `each` for every entry, in no order, until it returns false. `each` must not change the
 * map. */
void map_walk(const struct map *map, bool (*each)(struct span key, void *value, void *arg),
              void *arg);

#endif
