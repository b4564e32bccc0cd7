/* Where the edge may be dialed, and which place a connection tries next. Names are resolved at each
 * dial; here they are only chosen. */
#ifndef CULVERT_CONNECTOR_EDGE_ADDRESSES_H
#define CULVERT_CONNECTOR_EDGE_ADDRESSES_H

#include "culvert/base/span.h"

enum {
    EDGE_ADDRESSES_MAX = 16,
    EDGE_NAME_MAX = 256,
    EDGE_INDEXES_MAX = 16, /* HA connections */
    EDGE_PORT = 7844,      /* when an address names none */
};

struct edge_address {
    char host[EDGE_NAME_MAX]; /* a name, or a number without brackets */
    uint16_t port;
};

/* Embedded; all zero is empty. */
struct edge_addresses {
    struct edge_address at[EDGE_ADDRESSES_MAX];
    size_t count;
    size_t rotation[EDGE_INDEXES_MAX]; /* how often each connection moved on */
    size_t failures;                   /* moves since the list was filled or one worked */
};

/* Adds "host:port", "[v6]:port" or "host". False: `err`: not such a text, or the list is full. */
bool edge_addresses_add(struct edge_addresses *list, struct span text,
                        struct error *err) MUST_CHECK;

/* Where connection `index` dials now: neighbours start at different places. NULL: the list is
 * empty. */
const struct edge_address *edge_addresses_for(const struct edge_addresses *list, size_t index);

/* Its place could not be reached, or refused the connection as a duplicate: it tries another one.
 */
void edge_addresses_rotate(struct edge_addresses *list, size_t index);

/* The place is good. */
void edge_addresses_worked(struct edge_addresses *list);

/* Every place failed at least once since one worked: it is time to look the list up again. */
bool edge_addresses_exhausted(const struct edge_addresses *list);

#endif
