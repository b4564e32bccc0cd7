/* Further places of one service, and how all of them are looked after: the keys addresses and
 * healthCheck of an origin request. */
#ifndef CULVERT_CONFIG_ORIGIN_ADDRESSES_H
#define CULVERT_CONFIG_ORIGIN_ADDRESSES_H

#include "culvert/config/value.h"

enum { ORIGIN_ADDRESSES_MAX = 64 }; /* of one service, besides its own */

struct origin_address {
    char *text;    /* as written: "192.0.2.2:8080" */
    char *host;    /* a name, or an address without brackets */
    uint16_t port; /* 0: the service's */
};

/* All zero is empty. */
struct origin_addresses {
    struct origin_address *all;
    size_t count;
};

/* A list of HOST or HOST:PORT, into what is replaced. False: `err` names the place. */
bool origin_addresses_read(struct value list, struct origin_addresses *to,
                           struct error *err) MUST_CHECK;
bool origin_addresses_copy(struct origin_addresses *to, const struct origin_addresses *from,
                           struct error *err) MUST_CHECK;
void origin_addresses_release(struct origin_addresses *addresses);

/* As JSON, the caller's. NULL: memory. */
struct doc *origin_addresses_to_doc(const struct origin_addresses *addresses);

enum {
    HEALTH_INTERVAL_MIN_MS = 1000, /* more often is load, not care */
    HEALTH_STREAK_MAX = 100,       /* findings of one kind in a row that are waited for */
};

/* Active checks of each address of a service. */
struct health_check {
    bool is_on;                             /* the block stood there */
    char *path;                             /* is asked for; NULL: a TCP connection is enough */
    int64_t interval_ns;                    /* 10 s */
    int64_t timeout_ns;                     /* 5 s, of one check */
    int64_t healthy_after, unhealthy_after; /* findings in a row: 2, 3 */
    int64_t status;                         /* that is wanted; 0: any of 200 ... 399 */
};

/* A map, into what is replaced. False: `err` names the place. */
bool health_check_read(struct value block, struct health_check *to, struct notes *notes,
                       struct error *err) MUST_CHECK;
bool health_check_copy(struct health_check *to, const struct health_check *from,
                       struct error *err) MUST_CHECK;
void health_check_release(struct health_check *check);
struct doc *health_check_to_doc(const struct health_check *check);

#endif
