/* The head of an origin's answer, read with the lenience that keeps old origins working. What is
 * read leniently is written anew for the visitor, and the connection is not used again. */
#ifndef CULVERT_HTTP_H1_RESPONSE_H
#define CULVERT_HTTP_H1_RESPONSE_H

#include "culvert/http/h1_parse.h"

/* Begins an answer; `to_head`: the request was HEAD, so no body follows whatever the head says. */
void h1_response_reset(struct h1_parser *parser, const struct h1_limits *limits, bool to_head);

/* Reads on with all `bytes` since the head began, as h1_parse_request. Interim answers (1xx) are
 * read one by one: reset and go on behind `used`; the connection may be used again only if every
 * head of the answer said keep_alive. 101 is final: what follows is the other protocol, named in
 * framing->upgrade.
 *
 * Accepted and marked is_lenient (keep_alive is then false): lines that end in a bare LF, folded
 * lines (joined by one space), equal lengths repeated, a length beside chunked (chunked wins, the
 * length goes), chunked in HTTP/1.0. Accepted: no reason phrase, HTTP/1.0, no length at all.
 * Fields come without hop-by-hop ones, with one Content-Length when length is known; 1xx and 204
 * have none.
 *
 * H1_BAD: `err` has kind PROTOCOL, LIMIT or SYSTEM. */
enum h1_verdict h1_parse_response(struct h1_parser *parser, struct span bytes,
                                  struct response_head *head, struct h1_framing *framing,
                                  struct error *err) MUST_CHECK;

#endif
