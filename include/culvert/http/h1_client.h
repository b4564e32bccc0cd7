/* An HTTP/1.1 client on one conn (RFC 9112): one request at a time, each an outbound; a verdict on
 * whether the connection may carry another one. */
#ifndef CULVERT_HTTP_H1_CLIENT_H
#define CULVERT_HTTP_H1_CLIENT_H

#include "culvert/http/outbound.h"
#include "culvert/net/conn.h"

struct h1_client;

/* Takes `conn` in every case. `budget` (borrowed, may be NULL) counts the bytes of answers that
 * wait. NULL: `err`. */
struct h1_client *h1_client_new(struct conn *conn, struct budget *budget, struct error *err);

/* Sends a request; see outbound.h. One that is_websocket asks for that upgrade (RFC 6455 4.1) and
 * may be answered 101, with Connection and Upgrade among the fields; then `body` follows, and the
 * loss of the connection is the end of both directions, with a fault. Any other 101 is_unasked.
 * Only on an idle client. on_failed has kind NETWORK when the connection ended before or within the
 * answer, PROTOCOL when the answer is malformed. NULL: `err` (kind INVALID: the head cannot be
 * written); the client is still idle. */
struct outbound *h1_client_send(struct h1_client *client, const struct request_head *head,
                                struct body *body, const struct outbound_events *events, void *arg,
                                struct error *err);

/* After outbound_close: may another request go over this connection? */
bool h1_client_is_reusable(const struct h1_client *client);

/* Of the request in hand: did any byte of an answer come; did any byte of it leave; was any byte of
 * its body taken? */
bool h1_client_heard_any(const struct h1_client *client);
bool h1_client_wrote_any(const struct h1_client *client);
bool h1_client_took_body(const struct h1_client *client);

/* While idle: called once when the connection is of no use any more (closed, or it spoke unasked).
 */
void h1_client_set_idle(struct h1_client *client, void (*gone)(void *arg), void *arg);

/* Closes the connection, behind what an upgrade said last, and with it an open request, whose
 * outbound_close may still come in this turn, not later; no callback follows. NULL is allowed. */
void h1_client_close(struct h1_client *client);

#endif
