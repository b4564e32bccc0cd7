/* A connector between a fake edge and a fake origin, on a turned clock. */
#ifndef CULVERT_TESTS_SUPPORT_LONE_CONNECTOR_H
#define CULVERT_TESTS_SUPPORT_LONE_CONNECTOR_H

#include "support/ask.h"
#include "support/ends.h"
#include "support/fake_edge.h"
#include "support/fake_origin.h"
#include "support/turned_clock.h"

struct lone_connector {
    struct turned_clock clock;
    struct memory_sockets memory;
    struct loop *loop;
    struct log log;
    struct resolver *resolver;
    struct tls_context *tls;         /* for the edge, borrowed; NULL: in clear */
    struct key_fetcher *key_fetcher; /* borrowed; NULL: the connector's own */
    struct jobs *jobs;               /* borrowed; NULL: what blocks is done on the loop */
    struct fake_edge edge;           /* at 127.0.0.1:7844 */
    struct fake_origin origin;       /* at 127.0.0.1:3000: every request's place */
    struct credentials *credentials;
    struct snapshot *snapshot;
    struct connector_options options; /* change them before lone_connector_start */
    struct connector *connector;
    uint64_t started_ms;
    bool over;
    struct error why; /* kind NONE: gracefully */
};

void lone_connector_open(struct lone_connector *lone);
void lone_connector_start(struct lone_connector *lone);

/* From now on this is the service for every request. */
void lone_connector_reload(struct lone_connector *lone, const char *service);

/* Lets `ms` of turned time pass. */
void lone_connector_pass(struct lone_connector *lone, uint64_t ms);

/* What the connector's own server says to GET `path`; the caller releases it. */
struct buf lone_connector_admin(struct lone_connector *lone, const char *path);

/* Milliseconds from the start until the edge's `connection` came. */
uint64_t lone_connector_came(const struct lone_connector *lone, size_t connection);

void lone_connector_close(struct lone_connector *lone);

#endif
