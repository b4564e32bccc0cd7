/* The head of a request from a visitor, read strictly: what two implementations could read
 * differently is refused (RFC 9112 with every "recipient MAY" decided for refusal). */
#ifndef CULVERT_HTTP_H1_REQUEST_H
#define CULVERT_HTTP_H1_REQUEST_H

#include "culvert/http/h1_parse.h"

/* What to answer before closing. */
struct h1_refusal {
    int status;    /* 400, 414, 417, 431, 501, 505; 500 when memory ran out */
    char text[96]; /* what was wrong; never holds bytes of the request */
};

/* Reads on with all `bytes` since the head began; time is linear however they come. `head`
 * (initialised) and `framing` are the same for all calls of a message and are complete at H1_DONE:
 *  - authority is Host's, or that of an absolute target, which must then agree; "" in HTTP/1.0 only
 *  - scheme is that of an absolute target, else ""
 *  - fields have no Host, no Expect and no hop-by-hop field; TE: trailers stays; at most one
 *    Content-Length, equal to head->length
 *  - is_websocket: Upgrade and Connection ask for a WebSocket, with GET and without a body
 *  - one empty line before the request line is passed over
 * H1_BAD: `why` says what to answer; head and framing are then of no use. */
enum h1_verdict h1_parse_request(struct h1_parser *parser, struct span bytes,
                                 struct request_head *head, struct h1_framing *framing,
                                 struct h1_refusal *why) MUST_CHECK;

#endif
