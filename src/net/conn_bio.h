/* The way from OpenSSL to the socket seam. */
#ifndef CULVERT_NET_CONN_BIO_H
#define CULVERT_NET_CONN_BIO_H

#include "culvert/net/conn.h"
#include "culvert/net/sockets.h"

#include "outqueue.h"

#include <openssl/bio.h>

/* Embedded in a connection and outlives its BIO; all zero is unused.
 *
 * OpenSSL asks for the five bytes of a record's head, then for the record, and writes each record
 * that it sealed. Between the begin and the end of a turn's reading or writing, many records take
 * one system call instead: one read is handed out in pieces, and sealed records are gathered. The
 * buffers for it are lent for that time only. */
struct conn_bio {
    BIO_METHOD *method;
    const struct sockets *sockets;
    int fd;
    const enum conn_cut *cut; /* as soon as it is set nothing is read any more; NULL: never */
    uint64_t written;         /* bytes that the kernel took */
    struct outqueue rest;     /* sealed, and not taken by the kernel yet; they go first */

    unsigned char *ahead; /* NULL: no reading is on */
    size_t ahead_size, ahead_at, ahead_len;
    bool asked; /* the one read was done */

    unsigned char *gathered; /* NULL: no writing is on */
    size_t gathered_size, gathered_len;
};

/* A source and sink over `fd` (borrowed), freed with its session. NULL: memory. */
BIO *conn_bio_new(struct conn_bio *seam, const struct sockets *sockets, int fd);
void conn_bio_release(struct conn_bio *seam);

/* What the session reads until the end comes from one read into `buffer`, and all of it must be
 * read by then. The end tells whether the read filled the buffer: more may wait in the kernel. */
void conn_bio_begin_reading(struct conn_bio *seam, unsigned char *buffer, size_t size);
bool conn_bio_end_reading(struct conn_bio *seam);

/* What the session writes until the end lies in `buffer`, in records. */
void conn_bio_begin_writing(struct conn_bio *seam, unsigned char *buffer, size_t size);
size_t conn_bio_room(const struct conn_bio *seam);
/* The bytes that were gathered: the caller sends them, or has them kept in `rest`. */
struct span conn_bio_end_writing(struct conn_bio *seam);

#endif
