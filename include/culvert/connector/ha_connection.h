/* One connection to the edge: from dialing over registration and serving to its drain. One object
 * an attempt; who tries again, and when, is the supervisor's matter. */
#ifndef CULVERT_CONNECTOR_HA_CONNECTION_H
#define CULVERT_CONNECTOR_HA_CONNECTION_H

#include "culvert/connector/edge_addresses.h"
#include "culvert/http/inbound.h"
#include "culvert/net/dial.h"
#include "culvert/observe/tunnel_metrics.h"
#include "culvert/rpc/registration.h"

struct ha_connection;

enum {
    HA_CONNECT_MS = 15 * 1000,
    HA_TLS_MS = 15 * 1000,
    HA_CONTROL_MS = 15 * 1000,  /* for the edge to open the control stream */
    HA_STREAMS_MAX = 10 * 1000, /* MAX_CONCURRENT_STREAMS that we announce */
    HA_HEAD_MAX = 1048896,      /* bytes of a request head: 1 MiB and 10 fields more, as is usual */
};

#define HA_SERVER_NAME "h2.cftunnel.com" /* what the edge's certificate must bear */

/* Borrowed by every connection of a worker. */
struct ha_shared {
    struct loop *loop;
    struct resolver *resolver;
    struct tls_context *tls;
    struct registration_params params; /* index, attempts and local_ip are filled in for each */
    struct span local_configuration;
    uint64_t rpc_timeout_ms;
    int family;                    /* of the edge's addresses; 0: both */
    const struct ip_address *from; /* local address; NULL: any */
    struct tunnel_metrics *metrics;
    struct budget *budget;
    /* Requests that are not about the connection itself; the callee owns `in`. */
    void (*on_request)(void *arg, struct inbound *in, size_t index);
    void *arg;
};

/* Why a connection serves no more. */
enum ha_end {
    HA_END_DIAL,      /* the edge was not reached: another address */
    HA_END_DUPLICATE, /* it has this connection already: another address */
    HA_END_REFUSED,   /* it may take it later; retry_after_ms */
    HA_END_REJECTED,  /* it never will */
    HA_END_UNKNOWN,   /* "Unauthorized": perhaps not yet */
    HA_END_FAILED,    /* lost or broken before it was registered */
    HA_END_LOST,      /* lost after it was registered */
    HA_END_REPLACE,   /* the edge sends no new requests here: replace it now, it drains by itself */
    HA_END_LEFT,      /* we unregistered; it drains by itself */
};

struct ha_ending {
    enum ha_end end;
    uint64_t retry_after_ms; /* with HA_END_REFUSED: what the edge asked for */
    bool was_registered;
    uint64_t age_ms; /* since the registration; 0: there was none */
    bool drains;     /* it finishes its streams, and on_closed follows */
    struct error why;
};

struct ha_connection_events {
    /* TLS is done and the edge, at `edge`, is expected to ask for the registration. */
    void (*on_connected)(void *arg, struct ha_connection *ha, const struct ip_address *edge);
    /* It serves; `details` is borrowed for the call. */
    void (*on_registered)(void *arg, struct ha_connection *ha,
                          const struct connection_details *details);
    /* Once. One that does not drain is closed already and only waits for ha_connection_close. */
    void (*on_end)(void *arg, struct ha_connection *ha, const struct ha_ending *ending);
    void (*on_closed)(void *arg, struct ha_connection *ha);
};

/* One attempt. */
struct ha_attempt {
    size_t index;
    unsigned number;             /* attempts since this index was last up */
    struct edge_address address; /* where */
};

/* Dials as the attempt says. Events come in later turns. NULL: `err`. */
struct ha_connection *ha_connection_start(const struct ha_shared *shared,
                                          const struct ha_attempt *attempt,
                                          const struct ha_connection_events *events, void *arg,
                                          struct error *err);

/* Graceful: unregisters, then finishes what is open; on_end(LEFT) follows (or another end), then
 * on_closed. `limit_ms` bounds the unregistering only. */
void ha_connection_leave(struct ha_connection *ha, uint64_t limit_ms);

/* Closes at once; open requests are told. The memory goes at the end of the turn. NULL is allowed.
 */
void ha_connection_close(struct ha_connection *ha);

#endif
