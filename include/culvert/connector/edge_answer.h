/* The answer as the edge wants it: the visitor's fields packed into one, and a word on who
 * answered. */
#ifndef CULVERT_CONNECTOR_EDGE_ANSWER_H
#define CULVERT_CONNECTOR_EDGE_ANSWER_H

#include "culvert/http/inbound.h"
#include "culvert/net/loop.h"
#include "culvert/tunnel/response_meta.h"

/* Rewrites a final head of an origin in place. False: the fields do not fit (kind LIMIT). */
bool edge_answer_adapt(struct response_head *head, struct error *err) MUST_CHECK;

/* Answers `in` without a body, as made by the connector or in the origin's name; `in` stays the
 * caller's. `to_head`: the request was HEAD, which is told no length; nor is one in the origin's
 * name. Returns the status, 0 when it could only be reset. */
int edge_answer_status(struct inbound *in, int status, enum response_source source, bool to_head);

/* The same before any exchange: takes `in` over and lets go of it when the answer left. */
void edge_answer_refuse(struct inbound *in, int status, enum response_source source);

#endif
