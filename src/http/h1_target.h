/* The target of a request line, split into scheme, authority, path and query (RFC 9112 3.2). */
#ifndef CULVERT_HTTP_H1_TARGET_H
#define CULVERT_HTTP_H1_TARGET_H

#include "culvert/http/message.h"

/* Fills scheme, authority and target of `head`, whose method is known. NULL: done; else what was
 * wrong, "" when memory ran out. */
const char *h1_read_target(struct span target, struct request_head *head) MUST_CHECK;

#endif
