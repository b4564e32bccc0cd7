/* The PROXY protocol (haproxy's proxy-protocol.txt, versions 1 and 2): what a connection begins
 * with, so that its server learns for whom it is. */
#ifndef CULVERT_NET_PROXY_HEADER_H
#define CULVERT_NET_PROXY_HEADER_H

#include "culvert/base/ip.h"

enum proxy_version { PROXY_NONE, PROXY_V1, PROXY_V2 };

enum { PROXY_HEADER_SIZE = 107 }; /* the longest that is made: version 1 with two IPv6 addresses */

/* "v1" or "v2"; "" for none. Static text. */
const char *proxy_version_name(enum proxy_version version);

/* False: neither. */
bool proxy_version_parse(struct span text, enum proxy_version *version) MUST_CHECK;

/* Writes the header; returns its length, 0 for PROXY_NONE. If the two addresses differ in family
 * the one of IPv4 is mapped into IPv6. An empty source: nobody is named (UNKNOWN; LOCAL). An empty
 * destination: the unspecified address and port 0, as of a unix socket. */
size_t proxy_header_write(enum proxy_version version, const struct ip_address *source,
                          const struct ip_address *destination,
                          unsigned char out[PROXY_HEADER_SIZE]);

#endif
