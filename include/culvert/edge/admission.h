/* Whom a side of the edge lets in, that of visitors or that of connectors: how many connections are
 * open in total and from each address, and which address wastes them. No I/O: who accepts asks
 * here, and tells what became of each connection. All of one edge ask in one place, on one loop.
 *
 * Loopback is a proxy of the operator's own, for many visitors: only the totals hold for it, unless
 * a number for each address was given. */
#ifndef CULVERT_EDGE_ADMISSION_H
#define CULVERT_EDGE_ADMISSION_H

#include "culvert/base/ip.h"
#include "culvert/base/list.h"
#include "culvert/http/abuse.h"

struct admission;
struct admission_address;

enum {
    ADMISSION_CONNECTIONS_MAX = 20 * 1000, /* in total */
    ADMISSION_ADDRESS_MAX = 1000, /* from one address; a large household or office shares one */
    ADMISSION_WINDOW_MS = 60 * 1000,
    ADMISSION_WASTED_MAX = 1200,     /* from one address, ended without a request, in its window */
    ADMISSION_FLOOD_COST = 20,       /* so many wasted is one that was cut off for a flood */
    ADMISSION_REMEMBERED_MAX = 4096, /* addresses with nothing open that wasted some */
};

/* 0: the number above. Each full ADMISSION_ADDRESS_MAX of what one address may have open allows it
 * ADMISSION_WASTED_MAX. */
struct admission_options {
    size_t connections;
    size_t connections_per_address;
};

/* One connection, embedded in what its owner keeps of it. */
struct visit {
    struct admission_address *address;
    bool asked;   /* set by the owner: a request came, or a registration */
    bool excused; /* likewise: it was the edge that could not serve it */
    bool flooded; /* likewise: it was cut off for a flood (abuse_is_flood) */
};

/* The caller owns it. NULL: memory. */
struct admission *admission_new(const struct admission_options *options);
void admission_free(struct admission *admission); /* no connection may be open; NULL is allowed */

/* May a connection from this address be open? ABUSE_NONE: it is counted, admission_closed is due.
 * Else the limit that refuses it, and nothing is due. */
enum abuse admission_open(struct admission *admission, struct visit *visit,
                          const struct ip_address *from, uint64_t now_ms) MUST_CHECK;

/* Its descriptor is closed. */
void admission_closed(struct admission *admission, struct visit *visit, uint64_t now_ms);

/* Are there more than the options allow? An idle one has to go. */
bool admission_is_over(const struct admission *admission);

size_t admission_count(const struct admission *admission);
/* Addresses that are known now. */
size_t admission_addresses(const struct admission *admission);

#endif
