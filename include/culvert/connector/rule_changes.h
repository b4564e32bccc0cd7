/* What changes the rules of a running connector: the file, read again, and versions that the edge
 * pushes. One change at a time: made on a thread of the jobs, tried by the first worker, then given
 * to all. The first pushed version that is applied takes the place of the file for good. Belongs to
 * the head. */
#ifndef CULVERT_CONNECTOR_RULE_CHANGES_H
#define CULVERT_CONNECTOR_RULE_CHANGES_H

#include "culvert/connector/config_push.h"
#include "culvert/connector/crew.h"
#include "culvert/net/jobs.h"
#include "culvert/observe/metrics.h"

/* Reads the rules once more, on a thread; never twice at the same time. True: *snapshot has one
 * reference, or is NULL because `only_if_changed` and the file is what it was when it was read
 * last. False: `err`. */
typedef bool read_rules_fn(void *arg, bool only_if_changed, struct snapshot **snapshot,
                           struct error *err);

struct rule_changes;

/* All borrowed. */
struct rule_changes_options {
    struct loop *loop;
    struct jobs *jobs; /* NULL: changes are made on the loop, which only tests do */
    struct crew *crew;
    struct metrics *metrics;
    struct blueprint *blueprint; /* in force; gets a reference */
    read_rules_fn *read_rules;   /* NULL: there is no file */
    void *read_rules_arg;
    void (*on_applied)(void *arg, const struct rules *rules); /* they are in force now */
    void *arg;
};

/* NULL: out of memory. */
struct rule_changes *rule_changes_new(const struct rule_changes_options *options,
                                      struct error *err);

/* Reads the file again; `only_if_changed`: silently, if it is as before. Told while a change is
 * under way it follows that one. */
void rule_changes_read(struct rule_changes *changes, bool only_if_changed);

/* Judges and applies a pushed version; the push is returned in every case. */
void rule_changes_push(struct rule_changes *changes, struct config_push *push);

/* Puts `blueprint` (made by the caller, gets references) in force at once. False: `err`, and
 * nothing changed. */
bool rule_changes_apply(struct rule_changes *changes, struct blueprint *blueprint,
                        struct error *err) MUST_CHECK;

/* What is in force; lives until the next change. */
const struct snapshot *rule_changes_current(const struct rule_changes *changes);

/* Nothing is changed any more; what is pushed is refused. Before the crew is freed. */
void rule_changes_stop(struct rule_changes *changes);

/* After everything that may push. NULL is allowed. */
void rule_changes_free(struct rule_changes *changes);

#endif
