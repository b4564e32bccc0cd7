/* Where a client of a bastion wants to go: the value of Cf-Access-Jump-Destination. */
#ifndef CULVERT_ORIGIN_JUMP_H
#define CULVERT_ORIGIN_JUMP_H

#include "culvert/base/span.h"

#define JUMP_FIELD "Cf-Access-Jump-Destination"

/* "host:port", with anything behind a slash, or a URL, whose host and port count. An empty host is
 * this machine ("127.0.0.1"). *host is borrowed, an address without its brackets. False: kind
 * INVALID, no port or no such form. */
bool jump_parse(struct span text, struct span *host, uint16_t *port, struct error *err) MUST_CHECK;

#endif
