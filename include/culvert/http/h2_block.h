/* A header block (RFC 7541 6) that nghttp2 cannot unpack as it is: behind a string above 64 KiB it
 * gives the connection up, RFC 7541 knows no such bound. The block is written anew with a short
 * string in the place of each long one, so that the dynamic tables of both ends stay the same. Long
 * values are kept, and stand by for the fields that they belong to; long names are not. */
#ifndef CULVERT_HTTP_H2_BLOCK_H
#define CULVERT_HTTP_H2_BLOCK_H

#include "culvert/base/buf.h"

struct h2_block;

enum {
    H2_BLOCK_STRING_MAX = 64 * 1024,     /* as it travels; what nghttp2 unpacks */
    H2_BLOCK_KEPT_MAX = 3 * 1024 * 1024, /* of one block, long strings left out */
    H2_BLOCK_LONG_MAX = 32,              /* values that are kept */
};

/* The caller owns it. `values_max`: bytes of all values that are kept. NULL: memory. */
struct h2_block *h2_block_new(size_t values_max);

/* The next bytes of it. False: it is no header block, too long, or memory is short. */
bool h2_block_feed(struct h2_block *block, struct span bytes) MUST_CHECK;

/* It may end here: no field is unfinished. */
bool h2_block_is_whole(const struct h2_block *block);

/* What nghttp2 gets. Borrowed until the next call. */
struct span h2_block_bytes(const struct h2_block *block);

/* A name was too long, or the values are more than may be kept: nobody may see what is left. */
bool h2_block_is_cut(const struct h2_block *block);

/* The value that was taken out of the `index`th field, counted from 0 in the order in which nghttp2
 * unpacks them; SPAN_NONE: none was. Borrowed. */
struct span h2_block_value(const struct h2_block *block, size_t index);

/* Lets go of h2_block_bytes; the values stay. */
void h2_block_forget_bytes(struct h2_block *block);

void h2_block_free(struct h2_block *block);

#endif
