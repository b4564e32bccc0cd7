/* An origin that speaks HTTP/1.1 over TCP, TLS or a unix socket. */
#ifndef CULVERT_ORIGIN_HTTP_ORIGIN_H
#define CULVERT_ORIGIN_HTTP_ORIGIN_H

#include "culvert/config/outgoing_proxy.h"
#include "culvert/net/dial.h"
#include "culvert/origin/rewrite.h"
#include "culvert/proxy/opener.h"

struct http_origin;

struct http_origin_options {
    const char *name; /* for messages: "http://localhost:3000" */
    const char *host; /* a name or an address; NULL with unix_path */
    uint16_t port;
    const char *unix_path;   /* "@name": abstract; NULL: TCP */
    struct tls_context *tls; /* NULL: in clear */
    const char *server_name; /* verified, and sent unless it is an address; NULL: the host of each
                              * request, as the origin gets it, without port */
    uint64_t connect_ms;     /* 0: only the kernel's limit */
    uint64_t tls_ms;         /* 0: none */
    int keepalive_seconds;   /* as in dial.h */
    bool one_by_one;         /* as in dial.h */
    bool needs_length;       /* bodies are sent with their length, gathered if need be */
    const struct outgoing_proxy *by; /* outlives the origin; NULL: straight. In clear it gets whole
                                      * targets, */
    bool by_connect;                 /* unless this is set; under TLS it is asked to connect us */
    enum proxy_version proxy;        /* each connection is one visitor's, whom it names first */
    size_t idle_limit;               /* connections kept for the next request; 0: none */
    uint64_t idle_ms;                /* for so long; 0: as long as the origin likes */
    struct resolver *resolver;
    struct budget *budget;          /* may be NULL */
    struct rewrite_options rewrite; /* its texts and tags outlive the origin */
};

/* Copies the texts but those of `rewrite`, keeps `tls` by a reference; `loop`, resolver and budget
 * are borrowed and outlive it. The caller owns it. NULL: `err` says why. */
struct http_origin *http_origin_new(struct loop *loop, const struct http_origin_options *options,
                                    struct error *err);

/* Its opener, which lives as long. An outbound waits for its turn (line.h), at the earliest at the
 * end of the loop's turn, takes a kept connection or dials, and sends; a
 * connection goes back to the pool when its answer was whole, wholly taken and allowed it.
 *
 * A request is sent once more, over a new connection, when a kept one ended before any byte of an
 * answer came, nothing of the body was taken, and it may be repeated: the method is safe (RFC 9110
 * 9.2.1) or an Idempotency-Key says so, or no byte of it had left.
 *
 * A request of a method that seldom has a body, with neither length nor end in sight, waits up to
 * HTTP_ORIGIN_BODY_WAIT_MS for the first byte or the end: many origins refuse a chunked GET.
 *
 * An origin that needs_length gets a body of unknown length when it is whole, with its length; one
 * that is too long for that fails with LIMIT and cause 411.
 *
 * on_failed names the origin and keeps the kind: TIMEOUT and NETWORK (dialing, the connection
 * ended), PROTOCOL (not an answer), INVALID (the head cannot be written), LIMIT (too many wait). */
struct opener *http_origin_opener(struct http_origin *origin);

enum { HTTP_ORIGIN_BODY_WAIT_MS = 200 };

/* How many connections rest in its pool. */
size_t http_origin_idle(const struct http_origin *origin);

/* Closes the kept connections. All outbounds of its opener must be closed by then. NULL is allowed.
 */
void http_origin_free(struct http_origin *origin);

#endif
