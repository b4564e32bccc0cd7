/* Lists of rules that somebody might have written, made from few words so that they meet often. */
#ifndef CULVERT_TESTS_RULE_LIST_H
#define CULVERT_TESTS_RULE_LIST_H

#include "culvert/base/buf.h"

/* `count` rules and a last one that takes the rest; hosts exact, wildcard, with letters beyond
 * ASCII, with odd case and dots, or none, some with a path. The same `seed` gives the same list.
 * False: `out` is full. */
bool rule_list_write(struct buf *out, size_t count, uint64_t seed) MUST_CHECK;

/* A host of the same words, into `out`; and one of the paths that the lists are about. */
void rule_list_host(char *out, size_t size, uint64_t *seed);
const char *rule_list_path(uint64_t *seed);

#endif
