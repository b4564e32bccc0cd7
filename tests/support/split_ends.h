/* Both ends and the world around them (visitors, origins), each on its own loop and its own
 * sockets, so that what strikes one of them spares the others. A turned clock, sockets in memory,
 * no TLS, one thread besides the store's. */
#ifndef CULVERT_TESTS_SUPPORT_SPLIT_ENDS_H
#define CULVERT_TESTS_SUPPORT_SPLIT_ENDS_H

#include "support/ends.h"
#include "support/fake_origin.h"
#include "support/faulty_sockets.h"
#include "support/turned_clock.h"

enum split_party { SPLIT_EDGE, SPLIT_CONNECTOR, SPLIT_WORLD, SPLIT_PARTIES };

struct split_ends {
    struct ends_store *store;  /* outlives the play */
    enum split_party sufferer; /* memory is scarce for this one only */
    struct turned_clock clock;
    struct log log; /* to stdout when TEST_LOG is set */
    struct memory_sockets memory;
    struct faulty_sockets faulty[SPLIT_WORLD];
    struct loop *loops[SPLIT_PARTIES];
    struct resolver *resolver;
    struct jobs *jobs;
    struct edge_contact contact;
    struct edge_options edge_options;
    struct edge *edge;
    bool edge_over;
    struct snapshot *snapshot;
    struct key_fetcher *key_fetcher; /* the connector's, borrowed; NULL: its own */
    struct connector_options options;
    struct connector *connector;
    bool connector_over;
    struct error why; /* of the connector's end */
};

/* Prepares all but the two ends. */
void split_ends_open(struct split_ends *ends, struct ends_store *store, const char *yaml);

/* Start the ends: the edge at 7844 and http 8080, the connector with one HA connection. False: the
 * start failed; `err` says why. */
bool split_ends_start_edge(struct split_ends *ends, struct error *err);
bool split_ends_start_connector(struct split_ends *ends, struct error *err);

/* Gives the connector the same rules anew. False: it goes on with the old ones; `err` says why. */
bool split_ends_reload(struct split_ends *ends, struct error *err);

/* Turns until `holds`; lets at most `limit_ms` of turned time pass. False: it never did. */
bool split_ends_until(struct split_ends *ends, bool (*holds)(void *arg), void *arg,
                      uint64_t limit_ms);

/* Waits until the connector is registered. */
bool split_ends_registered(struct split_ends *ends, uint64_t limit_ms);

/* Asks an end to stop, and waits for it. */
bool split_ends_stop_connector(struct split_ends *ends, uint64_t limit_ms);
bool split_ends_stop_edge(struct split_ends *ends, uint64_t limit_ms);

/* Frees an end, before or at the close. */
void split_ends_free_connector(struct split_ends *ends);
void split_ends_free_edge(struct split_ends *ends);

/* What lives on the world's loop must be closed. */
void split_ends_close(struct split_ends *ends);

#endif
