/* What a peer makes a server's TLS session do besides carrying data: bytes of its handshake,
 * renegotiation, and records that carry nothing (key updates, alerts, empty ones). OpenSSL bounds
 * these in a row at most. */
#ifndef CULVERT_NET_TLS_GUARD_H
#define CULVERT_NET_TLS_GUARD_H

#include "culvert/net/conn.h"

enum {
    TLS_HELLO_MAX = 16 * 1024, /* bytes of a handshake; with post-quantum keys 2 KiB are usual */
    /* Records without data: so many, and one more for each TLS_MESSAGE_BYTES of data. */
    TLS_MESSAGES_MAX = 32,
    TLS_MESSAGE_BYTES = 64 * 1024,
};

/* Embedded in a connection; all zero is unused. */
struct tls_guard {
    enum conn_cut cut; /* NONE: nothing to object to */
    bool is_open;      /* the handshake is done */
    uint64_t handshake_bytes;
    uint64_t idle_records; /* that brought no data, less those that are allowed for it */
    uint64_t data_bytes;   /* that do not count for one of them yet */
};

/* Watches the session as long as it lives; `guard` must outlive it. */
void tls_guard_watch(struct tls_guard *guard, struct ssl_st *session);

/* The handshake is done. */
void tls_guard_open(struct tls_guard *guard);

/* A record brought `len` bytes of data. */
void tls_guard_data(struct tls_guard *guard, size_t len);

/* Says in `err` what `cut` means (kind LIMIT). False. */
bool tls_guard_error(const struct tls_guard *guard, struct error *err);

#endif
