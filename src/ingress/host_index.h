/* From a host to the rules whose host pattern it fits, without a look at the others; for the files
 * of this room. Immutable once made. */
#ifndef CULVERT_INGRESS_HOST_INDEX_H
#define CULVERT_INGRESS_HOST_INDEX_H

#include "culvert/ingress/rule.h"

struct host_index;

/* Over `count` rules, which are borrowed and stay where they are. The caller frees it. NULL: out of
 * memory. */
struct host_index *host_index_new(const struct rule *rules, size_t count, struct error *err);
void host_index_free(struct host_index *index); /* NULL is allowed */

/* Lists that may hold rules for one host: one for each dot, the whole name, and the rules for every
 * host. */
enum { HOST_WALK_LISTS = HOST_MAX + 2 };

/* On the stack of who looks for a rule. */
struct host_walk {
    const struct host_index *index;
    size_t count;
    uint32_t at[HOST_WALK_LISTS]; /* where each list is read; of `count` */
};

/* Begins with the first rule for `host`, which is as host_normalise made it. */
void host_walk_begin(struct host_walk *walk, const struct host_index *index, struct span host);

/* The next rule for the host, each once, in the order of the file. False: there is none left. */
bool host_walk_next(struct host_walk *walk, size_t *rule);

#endif
