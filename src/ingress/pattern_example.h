/* Paths that a path expression might match, made from its text. For the files of this room. */
#ifndef CULVERT_INGRESS_PATTERN_EXAMPLE_H
#define CULVERT_INGRESS_PATTERN_EXAMPLE_H

#include "culvert/base/buf.h"

enum { PATTERN_EXAMPLES = 8 }; /* ways in which choices and repetitions are taken */

/* Appends a text that begins with a slash. It is a guess: whether the expression matches it is for
 * path_pattern_match to say. False: `out` is full. */
bool pattern_example(struct span expression, unsigned way, struct buf *out) MUST_CHECK;

#endif
