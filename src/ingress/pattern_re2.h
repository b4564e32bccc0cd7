/* From RE2's syntax of regular expressions to one of PCRE2's with the same meaning; for the files
 * of this noun only. */
#ifndef CULVERT_INGRESS_PATTERN_RE2_H
#define CULVERT_INGRESS_PATTERN_RE2_H

#include "culvert/base/buf.h"

enum { RE2_NEST_MAX = 1000, RE2_REPEAT_MAX = 1000 };

/* Appends the translation. It means the same with PCRE2_UTF, PCRE2_DOLLAR_ENDONLY,
 * PCRE2_ALT_CIRCUMFLEX, PCRE2_NO_AUTO_CAPTURE ("(" alone: PCRE2 nests such groups deepest) and
 * newline LF. False: RE2 refuses it, `err` says why; or `out` is full. */
bool re2_translate(struct span expression, struct buf *out, struct error *err) MUST_CHECK;

#endif
