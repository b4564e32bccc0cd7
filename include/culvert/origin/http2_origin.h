/* An origin that speaks HTTP/2 (RFC 9113): over TLS if it chooses so, in clear because the rule
 * says so. Its requests share sessions. */
#ifndef CULVERT_ORIGIN_HTTP2_ORIGIN_H
#define CULVERT_ORIGIN_HTTP2_ORIGIN_H

#include "culvert/origin/http_origin.h"

struct http2_origin;

struct http2_origin_options {
    struct http_origin_options http; /* `tls` is for what speaks HTTP/1.1 */
    struct tls_context *tls;         /* the same with h2 offered; NULL: HTTP/2 in clear */
};

/* As http_origin_new. */
struct http2_origin *http2_origin_new(struct loop *loop, const struct http2_origin_options *options,
                                      struct error *err);

/* Its opener, which lives as long. An outbound waits for a session (h2_pool.h) and is a stream of
 * it. One whose server chose HTTP/1.1 is a request of http_origin.h, and so is what asks for a
 * WebSocket: its connection is another one, which offers no h2.
 *
 * A stream is opened anew, in a session that is newer, when the server refused it without a look at
 * it, up to HTTP2_ORIGIN_REFUSALS_MAX times; and once when a session that was used before is lost
 * before any answer and the method is safe (RFC 9110 9.2.1). In either case only if nothing
 * of the body was taken, or there is a copy: of one of at most HTTP2_ORIGIN_COPY_MAX that was whole
 * when the stream was opened.
 *
 * on_failed names the origin and keeps the kind: as in http_origin.h, and LIMIT for a stream that
 * was refused. */
struct opener *http2_origin_opener(struct http2_origin *origin);

enum {
    HTTP2_ORIGIN_COPY_MAX = 16 * 1024, /* one block of a channel */
    HTTP2_ORIGIN_REFUSALS_MAX = 16,    /* an origin that ends sessions refuses, but not for ever */
};

/* How many sessions are open. */
size_t http2_origin_sessions(const struct http2_origin *origin);

/* Closes the sessions. All outbounds of its opener must be closed by then. NULL is allowed. */
void http2_origin_free(struct http2_origin *origin);

#endif
