/* Punycode of one label (RFC 3492); for idn only. */
#ifndef CULVERT_BASE_PUNYCODE_H
#define CULVERT_BASE_PUNYCODE_H

#include "culvert/base/buf.h"

/* Longest label that is encoded, in characters. */
enum { PUNYCODE_LABEL_MAX = 63 };

/* Appends the encoded form, without "xn--". False: longer than the bound, or `out` is full. */
bool punycode_encode(const uint32_t *label, size_t len, struct buf *out) MUST_CHECK;

#endif
