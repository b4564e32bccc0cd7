/* One value of a configuration, from a YAML file or from JSON, read by the rules of its language:
 * YAML takes a number where a text is wanted and durations as text ("30s"); JSON takes nothing for
 * anything else, durations are whole seconds, and keys compare without case. */
#ifndef CULVERT_CONFIG_VALUE_H
#define CULVERT_CONFIG_VALUE_H

#include "culvert/base/doc.h"
#include "culvert/base/nearest.h"
#include "culvert/config/notes.h"
#include "culvert/config/yaml.h"

/* Borrowed. Neither pointer: the value is absent. */
struct value {
    const struct yml_node *yml;
    const struct doc *doc;
    const char *key; /* what it is called, for messages */
};

struct value value_of_yml(const struct yml_node *root); /* NULL is allowed */
struct value value_of_doc(const struct doc *root);      /* NULL is allowed */

/* Absent, or null. */
bool value_is_absent(struct value value);

/* Fills `err` with the place, where there is one: "config.yml:3:5: hostname ...". Returns false. */
bool value_fail(struct value value, struct error *err, const char *format, ...) PRINTF_LIKE(3, 4);

/* Where it begins; zeros when it comes from JSON. */
struct place value_place(struct value value);

/* The member of a map, `key` must live as long as the result; absent when there is none. */
struct value value_member(struct value map, const char *key);

/* False: it is there and is no map (no list). */
bool value_is_map(struct value value, struct error *err) MUST_CHECK;
bool value_is_list(struct value value, struct error *err) MUST_CHECK;

/* Elements of a list, nulls included; 0 for all others. */
size_t value_count(struct value list);
struct value value_at(struct value list, size_t index);

/* Each sets *out and *present when the value is there, and leaves them when it is absent. False: of
 * another kind or out of range, `err` says where and what was wanted. value_text: *out is fresh
 * memory of the caller; what it pointed to is freed. */
bool value_text(struct value value, char **out, bool *present, struct error *err) MUST_CHECK;
bool value_bool(struct value value, bool *out, bool *present, struct error *err) MUST_CHECK;
bool value_int(struct value value, int64_t *out, bool *present, struct error *err) MUST_CHECK;
bool value_uint(struct value value, uint64_t *out, bool *present, struct error *err) MUST_CHECK;
bool value_duration(struct value value, int64_t *nanoseconds, bool *present,
                    struct error *err) MUST_CHECK;

/* The keys that somebody reads in a map. */
struct value_keys {
    const char *(*name_at)(size_t index); /* each of them; NULL behind the last one */
    /* Keys that people write here and that belong into the member `below`; NULL: there are none. */
    const char *(*below_at)(size_t index);
    const char *below;
};

/* Notes each key of a YAML map that nobody reads, with the one that may have been meant. JSON:
 * nothing, the sender may be newer than we are. */
void value_note_unused(struct value map, const struct value_keys *keys, struct notes *notes);

/* Is it one of them? *nearest (zero but for what is meant) learns of all. */
bool value_keys_have(const char *(*name_at)(size_t index), struct nearest *nearest);

#endif
