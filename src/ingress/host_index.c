/* A hash table of names and of what stands behind "*". The hash runs over a name from its end, so
 * that one pass over a host gives the hash of each of its suffixes. Nobody but the operator chooses
 * what lies in the table, so the hash needs no secret. */
#include "host_index.h"

enum {
    KEYS_PER_RULE = 2, /* a name, and its A-labels */
    SLOTS_PER_KEY = 2, /* half of the slots stay free, so probing ends soon */
};

#define NONE UINT32_MAX

/* Rules of one key, in the order of the file. */
struct node {
    uint32_t rule;
    uint32_t next; /* NONE: the last one */
};

struct slot {
    struct span text; /* of a rule's pattern; data NULL: free */
    uint64_t hash;
    bool is_suffix; /* hosts end in the text; else they are it */
    uint32_t first, last;
};

struct host_index {
    struct node *nodes;
    uint32_t node_count;
    uint32_t any_first, any_last; /* rules for every host */
    struct slot *slots;
    size_t mask; /* slots - 1; their number is a power of two */
};

/* FNV-1a, one byte further to the front. */
static uint64_t hash_more(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

#define HASH_OF_NOTHING UINT64_C(0xcbf29ce484222325)

static uint64_t hash_of(struct span text)
{
    uint64_t hash = HASH_OF_NOTHING;
    for (size_t i = text.len; i > 0; i--)
        hash = hash_more(hash, text.data[i - 1]);
    return hash;
}

/* The slot of a key, or the free one where it would stand. */
static struct slot *slot_of(const struct host_index *index, struct span text, uint64_t hash,
                            bool is_suffix)
{
    size_t at = (size_t)(hash ^ hash >> 32) & index->mask;
    for (;; at = (at + 1) & index->mask) {
        struct slot *slot = &index->slots[at];
        if (!slot->text.data ||
            (slot->hash == hash && slot->is_suffix == is_suffix && span_equal(slot->text, text)))
            return slot;
    }
}

static void append(struct host_index *index, uint32_t *first, uint32_t *last, uint32_t rule)
{
    uint32_t at = index->node_count++;
    index->nodes[at] = (struct node){rule, NONE};
    if (*first == NONE)
        *first = at;
    else
        index->nodes[*last].next = at;
    *last = at;
}

static void add_rule(struct host_index *index, const struct host_pattern *pattern, uint32_t rule)
{
    struct span texts[HOST_TEXTS_MAX];
    bool is_suffix = host_pattern_is_wildcard(pattern);
    if (host_pattern_is_any(pattern)) {
        append(index, &index->any_first, &index->any_last, rule);
        return;
    }
    size_t count = host_pattern_texts(pattern, texts);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_of(texts[i]);
        struct slot *slot = slot_of(index, texts[i], hash, is_suffix);
        if (!slot->text.data)
            *slot = (struct slot){texts[i], hash, is_suffix, NONE, NONE};
        append(index, &slot->first, &slot->last, rule);
    }
}

struct host_index *host_index_new(const struct rule *rules, size_t count, struct error *err)
{
    size_t slots = 1;
    while (slots < count * KEYS_PER_RULE * SLOTS_PER_KEY)
        slots *= 2;
    struct host_index *index = calloc(1, sizeof *index);
    if (!index) {
        error_memory(err);
        return NULL;
    }
    index->nodes = calloc(count * KEYS_PER_RULE, sizeof *index->nodes);
    index->slots = calloc(slots, sizeof *index->slots);
    if (!index->nodes || !index->slots) {
        error_memory(err);
        host_index_free(index);
        return NULL;
    }
    index->mask = slots - 1;
    index->any_first = index->any_last = NONE;
    for (size_t i = 0; i < count; i++)
        add_rule(index, rules[i].host_pattern, (uint32_t)i);
    return index;
}

void host_index_free(struct host_index *index)
{
    if (!index)
        return;
    free(index->nodes);
    free(index->slots);
    free(index);
}

static void add_list(struct host_walk *walk, uint32_t first)
{
    if (first != NONE)
        walk->at[walk->count++] = first;
}

static void add_key(struct host_walk *walk, struct span text, uint64_t hash, bool is_suffix)
{
    const struct slot *slot = slot_of(walk->index, text, hash, is_suffix);
    if (slot->text.data)
        add_list(walk, slot->first);
}

void host_walk_begin(struct host_walk *walk, const struct host_index *index, struct span host)
{
    uint64_t hash = HASH_OF_NOTHING;
    walk->index = index;
    walk->count = 0;
    add_list(walk, index->any_first);
    for (size_t i = host.len; i > 0; i--) {
        hash = hash_more(hash, host.data[i - 1]);
        if (host.data[i - 1] == '.')
            add_key(walk, span_skip(host, i - 1), hash, true);
    }
    add_key(walk, host, hash, false);
}

bool host_walk_next(struct host_walk *walk, size_t *rule)
{
    const struct node *nodes = walk->index->nodes;
    uint32_t least = NONE;
    for (size_t i = 0; i < walk->count; i++)
        if (nodes[walk->at[i]].rule < least)
            least = nodes[walk->at[i]].rule;
    if (least == NONE)
        return false;
    for (size_t i = 0; i < walk->count;) {
        uint32_t *at = &walk->at[i];
        if (nodes[*at].rule == least)
            *at = nodes[*at].next;
        if (*at == NONE)
            *at = walk->at[--walk->count];
        else
            i++;
    }
    *rule = least;
    return true;
}
