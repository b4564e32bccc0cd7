/* Addresses of a name and SRV records, off the loop. Numbers need no thread. */
#ifndef CULVERT_NET_RESOLVER_H
#define CULVERT_NET_RESOLVER_H

#include "culvert/base/ip.h"
#include "culvert/net/loop.h"

struct resolver;
struct jobs;
struct lookup; /* one question that runs */

enum { RESOLVER_ADDRESSES_MAX = 16, RESOLVER_TARGETS_MAX = 16, RESOLVER_NAME_MAX = 256 };

/* `jobs` is borrowed and outlives it. The caller owns the resolver; NULL: memory. */
struct resolver *resolver_new(struct loop *loop, struct jobs *jobs);
/* All lookups must be over or cancelled. */
void resolver_free(struct resolver *resolver);

/* One call, in a later turn, never after lookup_cancel. `addresses` is borrowed for the call, in
 * the system's order, at least one when `why` is NULL. */
typedef void resolved_fn(void *arg, const struct ip_address *addresses, size_t count,
                         const struct error *why);

/* Both families of `host` (a name, or a number with or without brackets) with `port`. NULL: `err`.
 */
struct lookup *resolver_addresses(struct resolver *resolver, const char *host, uint16_t port,
                                  resolved_fn *done, void *arg, struct error *err);

/* In place of a host: the servers that the machine itself asks for names, as they are configured at
 * that moment. Who takes names of strangers refuses this one. */
#define RESOLVER_NAME_SERVERS "the system's DNS servers"

struct srv_target {
    char name[RESOLVER_NAME_MAX];
    uint16_t port;
};

/* Ordered by priority, and by weight at random within one (RFC 2782); at least one when `why` is
 * NULL. */
typedef void resolved_srv_fn(void *arg, const struct srv_target *targets, size_t count,
                             const struct error *why);
struct lookup *resolver_srv(struct resolver *resolver, const char *name, resolved_srv_fn *done,
                            void *arg, struct error *err);

/* No callback any more; a thread that is still asking is forgotten. NULL is allowed, after the
 * callback it is not. */
void lookup_cancel(struct lookup *lookup);

/* For tests: answers from a table of the caller's (borrowed), "name" -> addresses, without threads.
 */
struct resolver_entry {
    const char *name;
    const char *address; /* a number; for the name of an SRV record "target:port". Several entries
                          * with one name are several answers, in the order of the table */
};
struct resolver *resolver_new_table(struct loop *loop, const struct resolver_entry *entries,
                                    size_t count);

/* Is `host` an address already, perhaps in the brackets of a URL? Nobody has to be asked then. */
bool resolver_is_number(const char *host, uint16_t port, struct ip_address *address);

#endif
