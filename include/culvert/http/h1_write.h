/* Heads and chunks as bytes of HTTP/1.1 (RFC 9112). What is written can be read back in one way
 * only: CR, LF, NUL and other control bytes are refused, framing is this file's business alone. */
#ifndef CULVERT_HTTP_H1_WRITE_H
#define CULVERT_HTTP_H1_WRITE_H

#include "culvert/http/h1_parse.h"

enum h1_connection {
    H1_CONNECTION_SILENT,     /* HTTP/1.1 persists unasked */
    H1_CONNECTION_KEEP_ALIVE, /* said aloud: for HTTP/1.0 and for origins that like to hear it */
    H1_CONNECTION_CLOSE,
    H1_CONNECTION_UPGRADE, /* to the protocol in `upgrade` */
};

/* What the writer adds to the fields of a head. */
struct h1_shape {
    enum h1_body_kind body; /* LENGTH, CHUNKED: announced; NONE, UNTIL_CLOSE: nothing is written */
    int64_t length;         /* with LENGTH; may be 0 */
    bool first_alone;       /* with CHUNKED: the first byte is a chunk, as origins see it of others
                             * who wait for it before they send the head */
    enum h1_connection connection;
    struct span upgrade;
};

/* How a request's body is announced to an origin: its length if known, else chunked; without a body
 * "Content-Length: 0", or nothing for GET, HEAD, OPTIONS, TRACE, DELETE, PROPFIND and SEARCH. And
 * the upgrade that it asks for. */
struct h1_shape h1_request_shape(const struct request_head *head);

/* How an answer's body is announced to a visitor: its length if known (also of the body that HEAD
 * and 304 leave out), else chunked, or by closing for HTTP/1.0. 1xx and 204 have none. */
struct h1_shape h1_response_shape(const struct response_head *head, bool to_head, bool to_http10);

/* Append a whole head. Host comes first, then the framing, then the fields in their order with
 * their names in customary spelling; fields that the shape decides on (Host, Content-Length,
 * Transfer-Encoding, Connection, Keep-Alive, Proxy-Connection, Upgrade) are passed over. In the
 * target, bytes that may not stand there are percent-escaped, all others go as they are. False:
 * kind INVALID for what may not be written, LIMIT when `out` is full or memory ran out; `out` is
 * then as before. */
bool h1_write_request(struct buf *out, const struct request_head *head,
                      const struct h1_shape *shape, struct error *err) MUST_CHECK;
bool h1_write_response(struct buf *out, const struct response_head *head,
                       const struct h1_shape *shape, struct error *err) MUST_CHECK;

/* A chunk is its head, `size` > 0 bytes, and CR LF. The head is written into `room` and needs no
 * memory: a begun body cannot do without. 16 digits and a line end. */
enum { H1_CHUNK_HEAD_MAX = 18 };
struct span h1_chunk_head(size_t size, char room[H1_CHUNK_HEAD_MAX]);

/* The end of a chunked body; `trailers` may be NULL. Trailers that may not come so late are passed
 * over. */
bool h1_write_last_chunk(struct buf *out, const struct headers *trailers,
                         struct error *err) MUST_CHECK;

#endif
