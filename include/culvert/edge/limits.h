/* How often connectors of one address failed to show that a tunnel is theirs. An address that fails
 * too often is shut out for the rest of its minute: each try costs us a handshake and a look into
 * the store. */
#ifndef CULVERT_EDGE_LIMITS_H
#define CULVERT_EDGE_LIMITS_H

#include "culvert/base/ip.h"

struct limits;

enum {
    LIMITS_WINDOW_MS = 60 * 1000, /* a minute begins with an address's first failure */
    /* Two connectors with a wrong secret, four connections each, backing off as they should, fail
     * about 50 times in their first minute. */
    LIMITS_FAILURES_MAX = 60,
    LIMITS_ADDRESSES_MAX = 4096, /* half a megabyte; the one that failed longest ago is forgotten */
};

/* The caller owns it. NULL: memory. */
struct limits *limits_new(void);
void limits_free(struct limits *limits); /* NULL is allowed */

/* A connector at `from` was refused for its secret or an unknown tunnel. All of an IPv6 network of
 * 64 bits is one address. Returns whether this failure shuts it out. */
bool limits_failed(struct limits *limits, const struct ip_address *from, uint64_t now_ms);

/* Is the address shut out at this time? */
bool limits_is_shut(const struct limits *limits, const struct ip_address *from, uint64_t now_ms);

/* Addresses that are remembered now. */
size_t limits_count(const struct limits *limits);

#endif
