/* Takes strings out of header blocks that nghttp2's unpacker could not go on behind (it gives the
 * connection up above 64 KiB, RFC 7541 knows no such bound): only their stream is refused then.
 *
 * No string of a block that lies in one frame is that long: such blocks pass as they are. One that
 * goes on in CONTINUATION is taken in whole, and written anew with short strings in the place of
 * the long ones, so that the dynamic tables of both ends stay the same. */
#ifndef CULVERT_SRC_HTTP_H2_SIEVE_H
#define CULVERT_SRC_HTTP_H2_SIEVE_H

#include "culvert/base/buf.h"

enum {
    SIEVE_STRING_MAX = 64 * 1024,      /* as it travels; what the library unpacks */
    SIEVE_KEPT_MAX = 512 * 1024,       /* of one block, long strings left out */
    SIEVE_BLOCK_MAX = 8 * 1024 * 1024, /* of one block, as it travels */
    SIEVE_FRAMES_MAX = 512,            /* of one block: as many full ones hold it */
};

struct sieve_block; /* one that is being taken in */

/* Embedded in a session. */
struct h2_sieve {
    size_t left;               /* bytes to the next frame */
    struct sieve_block *block; /* NULL: none */
    struct buf frames;         /* a block that was written anew, for the library */
    size_t given;              /* of them */
    uint32_t shortened;        /* the stream whose last block lost strings; 0: none */
};

void h2_sieve_init(struct h2_sieve *sieve, bool is_server);
void h2_sieve_release(struct h2_sieve *sieve);

/* What the library gets next of these unread bytes: a part of them, or what was written anew
 * (*anew). Empty: more must come, or h2_sieve_take takes them. */
struct span h2_sieve_next(const struct h2_sieve *sieve, struct span bytes, bool *anew);

/* The library took so many bytes of what h2_sieve_next gave. */
void h2_sieve_given(struct h2_sieve *sieve, struct span bytes, size_t len, bool anew);

/* Takes bytes of a block in; 0: they are none, or not enough to know. *broken: the block is too
 * long or none of HPACK, or memory is short: the session must end. */
size_t h2_sieve_take(struct h2_sieve *sieve, struct span bytes, bool *broken);

#endif
