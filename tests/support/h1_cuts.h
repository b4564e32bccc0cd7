/* Shows HTTP/1.1 bytes to their readers in many cuts, all of which must tell the same. */
#ifndef CULVERT_TESTS_SUPPORT_H1_CUTS_H
#define CULVERT_TESTS_SUPPORT_H1_CUTS_H

#include "culvert/base/buf.h"

enum h1_cut {
    H1_CUT_REQUEST,
    H1_CUT_ANSWER,
    H1_CUT_ANSWER_TO_HEAD,
    H1_CUT_CHUNKED_REQUEST, /* the body alone */
    H1_CUT_CHUNKED_ANSWER,
};

/* Reads `bytes` whole, in all two pieces, byte by byte and in random pieces, notes a failure when
 * the stories differ, and leaves the story in `story`:
 *   "GET a.b /x length=5 close\nX: 1\nused 40"    a request: method, authority, target, marks,
 * fields "200 chunked keep\nX: 1\nused 30"             an answer "hello|X-Sum: 42|used 25" a body:
 * payload, trailers "refused 400 Host is missing", "refused protocol ...", "more" */
void h1_cuts(enum h1_cut what, struct span bytes, struct buf *story);

#endif
