/* Host names beyond ASCII to A-labels over libidn2: the one door to it (RFC 5891, UTS 46 as
 * browsers look names up: mapping and lower case, non-transitional, STD3 rules). */
#ifndef CULVERT_BASE_IDN_H
#define CULVERT_BASE_IDN_H

#include "culvert/base/buf.h"

/* Longest name that is looked at: 253 characters of ASCII may stand for somewhat more of UTF-8. */
enum { IDN_NAME_MAX = 1024 };

/* Appends the A-label form, in lower case. False: not a host name (`err` says why) or `out` is
 * full; then `out` is as before. */
bool idn_to_ascii(struct span name, struct buf *out, struct error *err) MUST_CHECK;

#endif
