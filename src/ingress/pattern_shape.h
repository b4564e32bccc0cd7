/* What can be said of a path expression without running it: enough to tell that one takes every
 * path that another one takes, where that is plain to see. For the files of this room. */
#ifndef CULVERT_INGRESS_PATTERN_SHAPE_H
#define CULVERT_INGRESS_PATTERN_SHAPE_H

#include "culvert/ingress/pattern.h"

struct pattern_shape {
    bool is_anchored;   /* a match begins where the path begins */
    bool is_pure;       /* the expression is the literal and its anchors: nothing else */
    bool is_closed;     /* pure, and a match ends where the path ends */
    struct buf literal; /* stands in every match; when anchored, at its begin */
};

/* Of an expression that path_pattern_new takes; "" is every path. Release it in every case. False:
 * out of memory. */
bool pattern_shape_init(struct pattern_shape *shape, struct span expression,
                        struct error *err) MUST_CHECK;
void pattern_shape_release(struct pattern_shape *shape);

/* Can no path match that begins with a slash? */
bool pattern_shape_is_vain(const struct pattern_shape *shape);

/* True: each path that begins with a slash and matches `inner` also matches `outer`. False: not so,
 * or nobody knows. */
bool pattern_shape_covers(const struct pattern_shape *outer, const struct pattern_shape *inner);

#endif
