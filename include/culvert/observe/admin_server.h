/* /metrics, /ready, /healthcheck and /config on a listener of their own. */
#ifndef CULVERT_OBSERVE_ADMIN_SERVER_H
#define CULVERT_OBSERVE_ADMIN_SERVER_H

#include "culvert/base/buf.h"
#include "culvert/net/listener.h"
#include "culvert/observe/scraper.h"

struct admin_server;

enum {
    ADMIN_TEXT_MAX = 4 * 1024 * 1024, /* of one answer */
    ADMIN_CONNECTIONS_MAX = 64,
};

struct admin_sources {
    /* What /metrics shows the sum of; borrowed. A worker that does not answer makes it 503. */
    struct scraper *scraper;
    /* Appends the JSON of /ready and says its status; `min`: connections that must be ready. */
    bool (*ready)(void *arg, size_t min, struct buf *out, int *status);
    /* Appends the JSON of /config. NULL: there is no such page. */
    bool (*config)(void *arg, struct buf *out);
    void *arg;
};

/* Listens at once. The caller owns it; `sources` is copied. NULL: `err` names the address. */
struct admin_server *admin_server_new(struct loop *loop, const struct ip_address *at,
                                      const struct admin_sources *sources, struct error *err);

/* Where it listens. */
void admin_server_address(const struct admin_server *server, struct ip_address *at);

/* Closes all, before the scraper; the memory goes at the end of the turn. NULL is allowed. */
void admin_server_close(struct admin_server *server);

#endif
