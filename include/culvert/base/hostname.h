/* Host names that people type: checked, and brought to the one form in which they are compared. */
#ifndef CULVERT_BASE_HOSTNAME_H
#define CULVERT_BASE_HOSTNAME_H

#include "culvert/base/buf.h"

enum { HOSTNAME_MAX = 253 }; /* bytes of the ASCII form without a final dot (RFC 1035 2.3.4) */

/* Appends the name in lower case, without a final dot, with international labels as A-labels. A
 * label has 1 to 63 letters, digits, "-" and "_", no "-" at either end, and none at its places 3
 * and 4 unless it is an A-label; the whole first one may be "*". False: `err` (INVALID) says why,
 * or `out` is full; then `out` is as before. */
bool hostname_read(struct span name, struct buf *out, struct error *err) MUST_CHECK;

#endif
