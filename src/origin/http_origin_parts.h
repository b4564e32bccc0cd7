/* What an origin that speaks HTTP/2 shares with the HTTP/1.1 origin that stands beside it. */
#ifndef CULVERT_SRC_ORIGIN_HTTP_ORIGIN_PARTS_H
#define CULVERT_SRC_ORIGIN_HTTP_ORIGIN_PARTS_H

#include "culvert/origin/http_origin.h"
#include "culvert/origin/line.h"

/* Its options; texts live as long as the origin. */
const struct http_origin_options *http_origin_options(const struct http_origin *origin);

/* The line in which its requests wait. */
struct origin_line *http_origin_line(struct http_origin *origin);

/* Where it is dialed, with `tls` in place of its own context. Texts as of the options. */
struct dial_target http_origin_target(const struct http_origin *origin, struct tls_context *tls);

/* The name that TLS asks for: the rule's, or that of the Host of a rewritten head; "" without TLS.
 * The caller frees it. NULL: `err`, kind INVALID when the head names no host. */
char *http_origin_server_name(const struct http_origin *origin, const struct request_head *head,
                              struct error *err);

/* As http_origin_opener, for heads that were rewritten already. */
struct opener *http_origin_opener_as_is(struct http_origin *origin);

/* Does it do no harm to send it twice? */
bool http_origin_may_repeat(const struct request_head *head);

/* Would an announced body astonish the origin, and may there be none? `head` is as before. */
bool http_origin_doubts_body(struct request_head *head);

#endif
