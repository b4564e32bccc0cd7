/* Both ends with real threads, sockets, TLS and time: for what only happens when workers run at the
 * same time. The heads of both ends turn on the test's loop, their other workers on their own, and
 * visitors are threads that know nothing of the rest. */
#ifndef CULVERT_TESTS_SUPPORT_THREAD_ENDS_H
#define CULVERT_TESTS_SUPPORT_THREAD_ENDS_H

#include "culvert/edge/authority.h"
#include "support/split_ends.h"

#include <pthread.h>
#include <stdatomic.h>

struct thread_ends {
    struct ends_store store;     /* tunnel 1, app.example.com */
    struct authority *authority; /* of the edge */
    struct tls_context *tls;     /* the connector's, which trusts it */
    struct log log;              /* to stdout when TEST_LOG is set */
    struct loop_options threads;
    struct loop *loop;
    struct jobs *store_jobs, *jobs;
    struct resolver *resolver;
    struct edge_contact contact;
    struct edge_options edge_options; /* change them before thread_ends_start */
    struct edge *edge;
    struct edge_listening at;
    struct snapshot *snapshot;
    const char *yaml;                 /* rules in place of a service; NULL: none */
    struct connector_options options; /* likewise; the edge's address is filled in */
    struct connector *connector;
    bool over; /* the connector ended */
};

void thread_ends_open(struct thread_ends *ends);

/* Starts edge and connector. The rule: requests go to `service`, "": the edge's own /healthcheck
 * and its like, an HTTP origin that is at hand. Aborts when that fails. */
void thread_ends_start(struct thread_ends *ends, const char *service);

/* From now on this is the service, likewise. */
void thread_ends_reload(struct thread_ends *ends, const char *service);

/* Turns the loop until `holds`. */
void thread_ends_until(struct thread_ends *ends, bool (*holds)(void *arg), void *arg);
/* Until so many HA connections are registered. */
void thread_ends_registered(struct thread_ends *ends, size_t count);

/* Breaks the TCP connections of that many HA connections, as a network would. Returns how many. */
size_t thread_ends_break(struct thread_ends *ends, size_t count);

/* Stops the connector and waits for its end; frees everything. */
void thread_ends_close(struct thread_ends *ends);

/* Asks for a page again and again, over one connection as long as it holds. */
struct thread_visitor {
    pthread_t thread;
    struct ip_address at;
    const char *host, *path;
    const char *text;     /* the whole request; NULL: a GET of the above */
    atomic_size_t good;   /* answers 2xx */
    atomic_size_t bad;    /* other answers */
    atomic_size_t broken; /* connections that ended inside of an answer */
    atomic_bool shall_end, has_ended;
};

void thread_visitor_start(struct thread_visitor *visitor, const struct ip_address *at,
                          const char *host, const char *path);
/* The same with a request in full. */
void thread_visitor_start_saying(struct thread_visitor *visitor, const struct ip_address *at,
                                 const char *text);
/* Turns the loop until all of them together got so many good answers more. */
void thread_visitors_serve(const struct thread_visitor *visitors, size_t count,
                           struct thread_ends *ends, size_t more);
/* Turns the loop until it has ended. */
void thread_visitor_end(struct thread_visitor *visitor, struct thread_ends *ends);

#endif
