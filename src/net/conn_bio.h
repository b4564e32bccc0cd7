/* The way from OpenSSL to the socket seam. */
#ifndef CULVERT_NET_CONN_BIO_H
#define CULVERT_NET_CONN_BIO_H

#include "culvert/net/conn.h"
#include "culvert/net/sockets.h"

#include <openssl/bio.h>

/* Embedded in a connection and outlives its BIO; all zero is unused. */
struct conn_bio {
    BIO_METHOD *method;
    const struct sockets *sockets;
    int fd;
    const enum conn_cut *cut; /* as soon as it is set nothing is read any more; NULL: never */
    uint64_t written;         /* bytes that the kernel took */
};

/* A source and sink over `fd` (borrowed), freed with its session. NULL: memory. */
BIO *conn_bio_new(struct conn_bio *seam, const struct sockets *sockets, int fd);
void conn_bio_release(struct conn_bio *seam);

#endif
