/* Both ends and an origin in one loop: a turned clock, sockets in memory, no TLS. The store is real
 * and its thread too, so waiting means turning the loop until a condition holds. */
#ifndef CULVERT_TESTS_SUPPORT_BOTH_ENDS_H
#define CULVERT_TESTS_SUPPORT_BOTH_ENDS_H

#include "support/ends.h"
#include "support/fake_origin.h"
#include "support/turned_clock.h"

enum { VISITOR_BYTES_MAX = 4 * 1024 * 1024 };

struct both_ends {
    struct turned_clock clock;
    struct log log; /* to stdout when TEST_LOG is set */
    struct memory_sockets memory;
    struct loop *loop;
    struct resolver *resolver;
    struct jobs *jobs;
    struct ends_store store; /* its tunnel answers for *.wild.example.com too */
    struct edge_contact contact;
    struct edge_options edge_options;
    struct edge *edge;
    bool edge_over;
    struct snapshot *snapshot;
    struct connector_options options;
    struct connector *connector;
    bool over;                 /* the connector ended */
    struct error why;          /* kind NONE: gracefully */
    struct fake_origin origin; /* at 127.0.0.1:3000 */
};

/* Starts the edge (127.0.0.1:7844, http 8080, https 8443 in clear, metrics 2001) and the origin. */
void both_ends_open(struct both_ends *ends);
/* The same with so many workers, all in the one loop. */
void both_ends_open_workers(struct both_ends *ends, size_t workers);
/* The same as an edge in production, not for development. */
void both_ends_open_production(struct both_ends *ends);
/* The same as the first, with other limits on visitors. */
void both_ends_open_limited(struct both_ends *ends, const struct edge_visitor_limits *limits);

/* Starts the connector with the rules of a configuration file's text. */
void both_ends_connect(struct both_ends *ends, const char *yaml);

/* Turns until `count` connections are registered at the edge and at the connector; false: they
 * never were, whatever time passed. */
bool both_ends_registered(struct both_ends *ends, size_t count);

/* How many are registered now, as the metrics of the edge say. */
size_t both_ends_count(struct both_ends *ends);

/* Turns until `holds`, letting time pass when nothing else happens. False: it never did. */
bool both_ends_until(struct both_ends *ends, bool (*holds)(void *arg), void *arg);

/* Lets `ms` of turned time pass. */
void both_ends_pass(struct both_ends *ends, uint64_t ms);

/* What a series says that is served at `at`: "127.0.0.1:2001" is the edge, ":20241" the connector.
 * Aborts when there is no such series. */
double both_ends_metric(struct both_ends *ends, const char *at, const char *series);

/* Stops the connector and waits for its end. */
bool both_ends_stop(struct both_ends *ends);
void both_ends_close(struct both_ends *ends);

/* A visitor's raw connection to the http listener, or to another place. */
struct visitor_wire {
    struct both_ends *ends;
    struct conn *conn;
    struct buf got;
    bool ended; /* the edge ended its side, or reset */
    bool reset;
    const char *wanted; /* both_ends_says waits for it */
};

void visitor_open(struct visitor_wire *visitor, struct both_ends *ends);
void visitor_open_at(struct visitor_wire *visitor, struct both_ends *ends, const char *at);
void visitor_say(struct visitor_wire *visitor, struct span bytes);
/* Turns until what was received holds `text` (or the connection ended). */
bool visitor_hears(struct visitor_wire *visitor, const char *text);
bool visitor_sees_end(struct visitor_wire *visitor);
void visitor_close(struct visitor_wire *visitor);

#endif
