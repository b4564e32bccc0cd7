/* base64 in its dialects, hex and percent encoding (RFC 4648, RFC 3986). Strict: what is not
 * exactly of the dialect is refused. */
#ifndef CULVERT_BASE_ENCODE_H
#define CULVERT_BASE_ENCODE_H

#include "culvert/base/buf.h"

enum base64_dialect {
    BASE64_STANDARD,     /* + and /, padded */
    BASE64_STANDARD_RAW, /* + and /, without padding: packed header fields */
    BASE64_URL,          /* - and _, padded */
    BASE64_URL_RAW,      /* - and _, without padding: JWT */
};

/* Appends the encoded form to `out`; false: `out` is full. */
bool base64_encode(enum base64_dialect dialect, struct span bytes, struct buf *out) MUST_CHECK;

/* Appends the decoded bytes; false: not of this dialect (white space, wrong padding, stray bits in
 * the last character included) or `out` is full; then `out` is as before. */
bool base64_decode(enum base64_dialect dialect, struct span text, struct buf *out) MUST_CHECK;

/* Lower-case hex digits, two for each byte. */
bool hex_encode(struct span bytes, struct buf *out) MUST_CHECK;

/* Takes both cases; false: odd length, other characters, or `out` is full. */
bool hex_decode(struct span text, struct buf *out) MUST_CHECK;

/* The value of one hex digit, -1 for anything else. */
int hex_value(char c);

/* Appends `text` with each valid %XX replaced by its byte. False: a bad escape, or `out` is full.
 */
bool percent_decode(struct span text, struct buf *out) MUST_CHECK;

/* Appends `text` with every byte but the unreserved ones of RFC 3986 as %XX. */
bool percent_encode(struct span text, struct buf *out) MUST_CHECK;

#endif
