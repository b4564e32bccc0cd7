/* One byte connection: TCP, unix or a pair in memory, in clear or under TLS. Reads through a gate,
 * gathers output until the end of the loop turn.
 *
 * Life: conn_new -> (conn_start_tls -> on_open) -> bytes both ways -> on_end / on_lost ->
 * conn_close. After conn_close no callback runs; the memory goes at the end of the turn. */
#ifndef CULVERT_NET_CONN_H
#define CULVERT_NET_CONN_H

#include "culvert/base/ip.h"
#include "culvert/net/gate.h"
#include "culvert/net/loop.h"
#include "culvert/net/tls.h"

struct channel;
struct conn;

enum {
    CONN_OUT_LOW = 32 * 1024,       /* on_room is told here */
    CONN_OUT_ROOM = 128 * 1024,     /* conn_room counts down from here */
    CONN_OUT_BULK = 256 * 1024,     /* or from here, see conn_set_bulk */
    CONN_OUT_MAX = 4 * 1024 * 1024, /* above it, it is lost: control frames have no room check */
    CONN_PENDING_MAX = 1280 * 1024, /* unread bytes a consumer may leave: a head of 1 MiB */
    CONN_LINGER_MS = 2000,
    CONN_UNSENT_MS = 60 * 1000, /* then the kernel forgets what a closed one did not deliver */
    CONN_DRAIN_MIN = 4 * 1024,  /* bytes that a peer takes in each stall limit while more wait */
};

/* Which limit of ours ended it. */
enum conn_cut {
    CONN_CUT_NONE,          /* none: the peer ended it, or its owner */
    CONN_CUT_HANDSHAKE,     /* the TLS handshake took too long */
    CONN_CUT_PACE,          /* the peer took less than CONN_DRAIN_MIN in a stall limit */
    CONN_CUT_QUEUE,         /* more than CONN_OUT_MAX waited for it */
    CONN_CUT_HELLO,         /* a TLS handshake of too many bytes */
    CONN_CUT_RENEGOTIATION, /* of TLS 1.2 */
    CONN_CUT_MESSAGES,      /* TLS records without data */
    CONN_CUTS
};

struct conn_events {
    void (*on_open)(void *arg); /* the TLS handshake is done; never without conn_start_tls */
    /* Returns how many bytes were taken. The rest is kept and given again, in front of new bytes,
     * when more arrive or when the gate opens. */
    size_t (*on_bytes)(void *arg, const unsigned char *data, size_t len);
    void (*on_end)(void *arg);  /* the peer ended its side, behind all bytes; we may write on */
    void (*on_room)(void *arg); /* output fell to CONN_OUT_LOW after it had been above it */
    void (*on_lost)(void *arg, const struct error *why); /* nothing goes any more; conn_close it */
    size_t (*wants)(void *arg); /* or NULL: the most to read; it may shut the gate: then nothing */
};

/* Takes `fd` in every case (closed on failure). Events are borrowed. NULL: `err`. */
struct conn *conn_new(struct loop *loop, int fd, const struct conn_events *events, void *arg,
                      struct error *err);

/* Gives unread bytes to the consumer again, in a task: it is ready for what it left. */
void conn_again(struct conn *conn);
/* Ends the connection (on_lost, kind TIMEOUT) when bytes wait for the kernel and the peer takes
 * fewer than CONN_DRAIN_MIN in conn_patience_ms, also while it lingers. 0: no limit (default). */
void conn_set_stall_limit(struct conn *conn, uint64_t stall_ms);

/* Another consumer from now on (unread bytes are given to it at the end of this turn). */
void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg);

/* Begins the handshake as the context says. on_open or on_lost follows, on_lost with kind TIMEOUT
 * after `timeout_ms` (0: none). False: also when bytes in clear wait, which TLS did not bring. */
bool conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name,
                    uint64_t timeout_ms, struct error *err) MUST_CHECK;

struct gate *conn_gate(struct conn *conn); /* what its reading goes through, borrowed */
/* Larger steps from now on: for few connections that carry much, whose peers are known. */
void conn_set_bulk(struct conn *conn);
/* Bytes that may be put before the consumer should wait for on_room; 0: the peer shut its ears. */
size_t conn_room(const struct conn *conn);
/* Queues bytes until the turn ends. False: over CONN_OUT_MAX or memory; on_lost follows later. From
 * a channel: up to *len of its first bytes, which leave it; *len: how many. */
bool conn_put(struct conn *conn, const void *data, size_t len);
bool conn_put_from(struct conn *conn, struct channel *bytes, size_t *len);

/* Ends our side once everything queued is out (close_notify, FIN). */
void conn_end(struct conn *conn);
/* Bytes that wait for the kernel; all it got but for a handshake; all that were acknowledged. */
size_t conn_queued(const struct conn *conn);
uint64_t conn_sent(const struct conn *conn);
uint64_t conn_taken(const struct conn *conn);
bool conn_is_behind(const struct conn *conn);       /* some is still to be acknowledged */
uint64_t conn_patience_ms(const struct conn *conn); /* `stall_ms` and more, see pace.h */

/* Closes now, frees at the end of the turn, drops what is queued. Twice is fine; NULL too. */
void conn_close(struct conn *conn);
/* Gives up so that the peer notices (RST, no close_notify): what was said is not whole. No callback
 * runs any more; conn_close is still due. */
void conn_reset(struct conn *conn);

/* Sends what is queued as long as the peer takes it (at the pace of the stall limit, else within
 * CONN_LINGER_MS), ends our side, then closes when the peer does, or takes next to nothing of the
 * kernel's rest in CONN_LINGER_MS; no callback runs any more. So a last answer is not lost to a
 * reset (RFC 9112 9.6). */
void conn_close_lingering(struct conn *conn);
/* The same for who did harm: nothing of it is read, and CONN_LINGER_MS is all it gets. */
void conn_close_deaf(struct conn *conn);

/* `gone` is told once, when the descriptor is closed, perhaps long after a lingering close; it must
 * only note it. NULL takes it away. */
void conn_on_gone(struct conn *conn, void (*gone)(void *arg, enum conn_cut cut), void *arg);

/* Did the peer end its side, or is it gone? For who does not read: only readers are told so. */
bool conn_peer_left(const struct conn *conn);
bool conn_is_reset(const struct conn *conn); /* is it gone, or takes nothing any more? */

bool conn_is_tls(const struct conn *conn);
/* For servers: is its certificate for this host name (lower case) or address, exactly or by a first
 * label (RFC 9525 6.3)? True in clear, and when no name was asked for, which every browser does. */
bool conn_serves_name(const struct conn *conn, struct span name);
/* What ALPN agreed on: "h2", "http/1.1" or "". */
struct span conn_protocol(const struct conn *conn);
void conn_local_address(const struct conn *conn, struct ip_address *address);
void conn_peer_address(const struct conn *conn, struct ip_address *address);
struct loop *conn_loop(const struct conn *conn);

#endif
