/* A string as nghttp2 packs it: what a decoder of ours is held against. */
#ifndef CULVERT_TESTS_SUPPORT_PACKED_STRING_H
#define CULVERT_TESTS_SUPPORT_PACKED_STRING_H

#include "culvert/base/buf.h"

/* Appends `text` in Huffman's code (RFC 7541 5.2), with what fills up its last byte. */
void packed_string_put(struct buf *to, struct span text);

#endif
