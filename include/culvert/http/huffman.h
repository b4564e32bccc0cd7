/* The code in which HPACK packs strings (RFC 7541 5.2 and appendix B), unpacked as the bytes come.
 */
#ifndef CULVERT_HTTP_HUFFMAN_H
#define CULVERT_HTTP_HUFFMAN_H

#include "culvert/base/buf.h"

enum huffman_verdict {
    HUFFMAN_GOOD,
    HUFFMAN_BAD,  /* it holds the end of a string in its middle, or what fills up is none */
    HUFFMAN_FULL, /* `out` is at its limit or out of memory; what fitted was appended */
};

/* One string. Embedded; all zero is its beginning. */
struct huffman {
    uint64_t bits;  /* that came and are no whole symbol yet, leftmost first */
    unsigned count; /* of them */
};

/* Appends what these bytes of the string hold. Behind anything but HUFFMAN_GOOD it is over. */
enum huffman_verdict huffman_feed(struct huffman *huffman, struct span packed,
                                  struct buf *out) MUST_CHECK;

/* The string is over: what is left must be fewer than eight bits, each 1. */
bool huffman_is_whole(const struct huffman *huffman);

#endif
