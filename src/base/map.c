/* A chained hash table keyed by SipHash-2-4 with a random key. */
#include "culvert/base/map.h"

#include "culvert/base/random.h"

enum { BUCKETS_FIRST = 16 }; /* a power of two, as every later size */

struct entry {
    struct entry *next;
    uint64_t hash;
    void *value;
    size_t len;
    char key[];
};

struct map {
    struct entry **buckets;
    size_t bucket_count;
    size_t count;
    size_t limit;
    uint64_t seed[2];
};

static inline uint64_t rotate(uint64_t n, unsigned by)
{
    return n << by | n >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_round(v);
    sip_round(v);
    v[0] ^= word;
}

static uint64_t hash_of(const struct map *map, struct span key)
{
    uint64_t v[4] = {map->seed[0] ^ 0x736f6d6570736575, map->seed[1] ^ 0x646f72616e646f6d,
                     map->seed[0] ^ 0x6c7967656e657261, map->seed[1] ^ 0x7465646279746573};
    struct span rest = key;
    uint64_t word;
    for (; rest.len >= sizeof word; rest = span_skip(rest, sizeof word)) {
        memcpy(&word, rest.data, sizeof word);
        sip_word(v, word);
    }
    word = (uint64_t)key.len << 56;
    for (size_t i = 0; i < rest.len; i++)
        word |= (uint64_t)(unsigned char)rest.data[i] << (8 * i);
    sip_word(v, word);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Where the pointer to the entry of `key` is, or where it would go. */
static struct entry **slot_of(const struct map *map, struct span key, uint64_t hash)
{
    struct entry **slot = &map->buckets[hash & (map->bucket_count - 1)];
    while (*slot) {
        const struct entry *entry = *slot;
        if (entry->hash == hash && span_equal(span_make(entry->key, entry->len), key))
            break;
        slot = &(*slot)->next;
    }
    return slot;
}

struct map *map_new(size_t limit)
{
    struct map *map = calloc(1, sizeof *map);
    if (!map)
        return NULL;
    map->buckets = calloc(BUCKETS_FIRST, sizeof(struct entry *));
    if (!map->buckets) {
        free(map);
        return NULL;
    }
    map->bucket_count = BUCKETS_FIRST;
    map->limit = limit;
    random_bytes(map->seed, sizeof map->seed);
    return map;
}

void map_free(struct map *map, void (*free_value)(void *value))
{
    if (!map)
        return;
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct entry *entry = map->buckets[i];
        while (entry) {
            struct entry *next = entry->next;
            if (free_value)
                free_value(entry->value);
            free(entry);
            entry = next;
        }
    }
    free(map->buckets);
    free(map);
}

/* Doubles the buckets. Without memory the map stays as it is: slower, not wrong. */
static void grow(struct map *map)
{
    size_t count = map->bucket_count * 2;
    struct entry **buckets = calloc(count, sizeof(struct entry *));
    if (!buckets)
        return;
    for (size_t i = 0; i < map->bucket_count; i++) {
        struct entry *entry = map->buckets[i];
        while (entry) {
            struct entry *next = entry->next;
            entry->next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
            entry = next;
        }
    }
    free(map->buckets);
    map->buckets = buckets;
    map->bucket_count = count;
}

bool map_put(struct map *map, struct span key, void *value, void **old)
{
    uint64_t hash = hash_of(map, key);
    struct entry *known = *slot_of(map, key, hash);
    if (old)
        *old = known ? known->value : NULL;
    if (known) {
        known->value = value;
        return true;
    }
    if (map->count >= map->limit)
        return false;
    if (map->count >= map->bucket_count)
        grow(map);
    struct entry *entry = malloc(sizeof *entry + key.len);
    if (!entry)
        return false;
    struct entry **slot = &map->buckets[hash & (map->bucket_count - 1)];
    *entry = (struct entry){.next = *slot, .hash = hash, .value = value, .len = key.len};
    if (key.len)
        memcpy(entry->key, key.data, key.len);
    *slot = entry;
    map->count++;
    return true;
}

void *map_find(const struct map *map, struct span key)
{
    const struct entry *entry = *slot_of(map, key, hash_of(map, key));
    return entry ? entry->value : NULL;
}

void *map_take(struct map *map, struct span key)
{
    struct entry **slot = slot_of(map, key, hash_of(map, key));
    struct entry *entry = *slot;
    if (!entry)
        return NULL;
    void *value = entry->value;
    *slot = entry->next;
    free(entry);
    map->count--;
    return value;
}

size_t map_count(const struct map *map)
{
    return map->count;
}

void map_walk(const struct map *map, bool (*each)(struct span key, void *value, void *arg),
              void *arg)
{
    for (size_t i = 0; i < map->bucket_count; i++)
        for (const struct entry *entry = map->buckets[i]; entry; entry = entry->next)
            if (!each(span_make(entry->key, entry->len), entry->value, arg))
                return;
}
