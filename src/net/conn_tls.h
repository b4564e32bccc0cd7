/* The TLS side of a connection: the handshake, and bytes through the session. */
#ifndef CULVERT_NET_CONN_TLS_H
#define CULVERT_NET_CONN_TLS_H

#include "conn_internal.h"

/* Goes on with the handshake; on_open when it is done. */
void conn_tls_shake_hands(struct conn *conn);

/* Writes what is queued, as far as the kernel takes it. */
void conn_tls_write(struct conn *conn);

/* Reads once, decrypts all of it and gives it to the consumer in one call. False when there is
 * nothing more for now. */
bool conn_tls_read(struct conn *conn);

/* Says close_notify; the answer is not waited for. False: the kernel has no room for it yet. */
bool conn_tls_end(struct conn *conn);

/* The session and what belongs to it. NULL is allowed. */
void conn_tls_free(struct conn_tls *tls);

#endif
