/* DNS answers as bytes (RFC 1035, RFC 2782). No I/O. */
#ifndef CULVERT_NET_DNS_MESSAGE_H
#define CULVERT_NET_DNS_MESSAGE_H

#include "culvert/base/span.h"

enum { DNS_NAME_SIZE = 256 }; /* 253 characters, a last dot and a NUL (RFC 1035 2.3.4) */

struct dns_srv {
    uint16_t priority, weight, port;
    char target[DNS_NAME_SIZE]; /* without the last dot */
};

/* The SRV records in the answer section, at most `max`; what is beyond is not looked at, and a
 * target "." (no such service) is left out. False: `err` has kind PROTOCOL; a response code that is
 * not NOERROR is one too. */
bool dns_parse_srv(struct span message, struct dns_srv *records, size_t max, size_t *count,
                   struct error *err) MUST_CHECK;

/* By priority; within one, by weight at random (RFC 2782). `draw` returns a number in [0, below).
 */
void dns_order_srv(struct dns_srv *records, size_t count, uint64_t (*draw)(uint64_t below));

#endif
