/* Takes strings out of header blocks that nghttp2's unpacker could not go on behind, and gives the
 * values back when their fields come out of it: see h2_block.h.
 *
 * No string of a block that lies in one frame is that long: such blocks pass as they are. One that
 * goes on in CONTINUATION is taken in whole, and written anew. */
#ifndef CULVERT_SRC_HTTP_H2_SIEVE_H
#define CULVERT_SRC_HTTP_H2_SIEVE_H

#include "culvert/http/h2_block.h"
#include "culvert/http/h2_guard.h"

struct sieve_block; /* one that is being taken in */

/* Embedded in a session. */
struct h2_sieve {
    size_t values_max;         /* bytes of long values that are kept of one block */
    size_t left;               /* bytes to the next frame */
    struct sieve_block *block; /* NULL: none */
    struct buf frames;         /* a block that was written anew, for the library */
    size_t given;              /* of them */
    struct h2_block *fields;   /* of it, the long values; NULL: none is being given */
    size_t told;               /* fields that the library unpacked out of it */
    uint32_t shortened;        /* the stream whose last block lost strings; 0: none */
};

void h2_sieve_init(struct h2_sieve *sieve, bool is_server, size_t values_max);
void h2_sieve_release(struct h2_sieve *sieve);

/* What the library gets next of these unread bytes: a part of them, or what was written anew
 * (*anew). Empty: more must come, or h2_sieve_take takes them. */
struct span h2_sieve_next(const struct h2_sieve *sieve, struct span bytes, bool *anew);

/* The library took so many bytes of what h2_sieve_next gave. */
void h2_sieve_given(struct h2_sieve *sieve, struct span bytes, size_t len, bool anew);

/* Takes bytes of a block in; 0: they are none, or not enough to know. *broken: the block is too
 * long or none of HPACK, or memory is short: the session must end. */
size_t h2_sieve_take(struct h2_sieve *sieve, struct span bytes, bool *broken);

/* The library unpacked the next field. Returns the value that was taken out of it; SPAN_NONE: none
 * was. Borrowed until the library has returned. */
struct span h2_sieve_next_long(struct h2_sieve *sieve);

#endif
