/* Heads of requests and answers (RFC 9110), the same whichever version carried them. */
#ifndef CULVERT_HTTP_MESSAGE_H
#define CULVERT_HTTP_MESSAGE_H

#include "culvert/http/headers.h"

enum {
    TARGET_MAX = 64 * 1024, /* path and query */
    METHOD_MAX = 64,
    AUTHORITY_MAX = 1024,
    ANSWER_HEAD_MAX = 1024 * 1024, /* of an origin's answer, as it came */
    LENGTH_UNKNOWN = -1,
};

/* Texts are owned, NUL-ended and may be ""; never NULL after request_head_init. */
struct request_head {
    struct buf method;
    struct buf scheme;     /* "http", "https" or "" */
    struct buf authority;  /* Host or :authority as the visitor sent it, with port */
    struct buf target;     /* path and query, raw, begins with "/" or is "*" */
    struct headers fields; /* without host; hop-by-hop fields are already gone */
    int64_t length;        /* of the body; LENGTH_UNKNOWN; 0 with ends_here: none */
    bool ends_here;        /* no body follows */
    bool is_for_proxy;     /* the target is whole, "http://host:port/path" (RFC 9112 3.2.2) */
    bool is_http10;        /* the visitor speaks HTTP/1.0 */
    bool is_websocket;     /* it asks for a WebSocket (RFC 6455 4.1). Its body is what follows the
                            * handshake: nothing of it goes on before an answer 101, and never as a
                            * body of HTTP */
    bool wants_continue;   /* Expect: 100-continue, taken out of the fields; the server that hands
                            * the request out says 100 itself if nobody has answered yet */
};

void request_head_init(struct request_head *head);
void request_head_release(struct request_head *head);

/* A deep copy into an initialised head. */
bool request_head_copy(struct request_head *to, const struct request_head *from,
                       struct error *err) MUST_CHECK;

/* Method compares exactly: request_is(head, SPAN("HEAD")). */
bool request_is(const struct request_head *head, struct span method);

/* Its content type is one of gRPC's: a call that may say nothing for long, either way. */
bool request_is_grpc(const struct request_head *head);

/* GET, HEAD, OPTIONS, TRACE (RFC 9110 9.2.1); these, PUT and DELETE (9.2.2). */
bool request_is_safe(const struct request_head *head);
bool request_is_idempotent(const struct request_head *head);

/* The target up to "?". Borrowed. */
struct span request_path(const struct request_head *head);

/* Is each "%" of the path followed by two hexadecimal digits (RFC 3986 2.1)? */
bool request_path_is_whole(const struct request_head *head);

/* The failure of a request whose body ended before the length that its head says. */
bool request_set_short(struct error *err);

/* Appends the target as an origin gets it: whatever may not stand in one is escaped, and so are in
 * the path the printable bytes that RFC 3986 does not know; in the query those stay as the
 * visitor's browser wrote them, and escapes stay everywhere. False: no room. */
bool target_escape(struct span target, struct buf *out) MUST_CHECK;

struct response_head {
    int status; /* 100 ... 999; of an origin 0 ... 99 as well, which nobody can be given */
    struct headers fields; /* hop-by-hop fields are already gone, but those of a 101 */
    int64_t length;        /* LENGTH_UNKNOWN: none was given */
    bool ends_here;        /* no body follows: HEAD, 204, 304, length 0 */
    bool is_due;           /* of an interim one: whoever asked is told, though it may not have said
                            * that it takes such */
    bool is_unasked;       /* 101 to a request that asked for no upgrade: none becomes of it, what
                            * came right behind it is the body */
    bool is_upgrade;       /* the exchange's: from here on bytes go both ways, each way with an end
                            * of its own; true for 101 and what stands for it in a tunnel */
};

void response_head_init(struct response_head *head);
void response_head_release(struct response_head *head);

/* 1xx but 101: another answer will follow. */
bool response_is_interim(const struct response_head *head);

/* "OK" for 200; "" for numbers without a name. Static text. */
const char *status_reason(int status);

/* A host name or address as `Host` and `:authority` carry it: letters, digits, "-", ".", "_", or an
 * IPv6 address in brackets; then perhaps ":" and a port of 1 ... 65535. No user, no escapes, not
 * empty (RFC 9110 4.2.3 and 7.2, narrowed to what can be routed). */
bool authority_is_valid(struct span authority);

/* Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding, TE, Trailer, Upgrade and what
 * Connection names: removed (RFC 9110 7.6.1). TE: trailers is kept when `keep_te`. */
void headers_remove_hop_by_hop(struct headers *fields, bool keep_te);

/* The same, but Connection and Upgrade stay: they are what a 101 says. */
void headers_remove_hop_by_hop_of_switch(struct headers *fields);

/* The one rule for Content-Length: all lines and list members equal, digits only, fits 63 bits
 * (RFC 9112 6.3). *length is LENGTH_UNKNOWN when absent. False: refused, `err` says why. */
bool headers_content_length(const struct headers *fields, int64_t *length,
                            struct error *err) MUST_CHECK;

#endif
