/* A well-behaved visitor of a real edge: asks again and again over one connection, looks at each
 * answer, and counts whatever a visitor would complain about. */
#ifndef CULVERT_TESTS_SUPPORT_STEADY_VISITOR_H
#define CULVERT_TESTS_SUPPORT_STEADY_VISITOR_H

#include "culvert/http/h1_client.h"
#include "culvert/http/h2_session.h"
#include "support/ask.h"

struct steady_visitor_options {
    struct ip_address at;
    const char *authority;   /* what it asks for; the name that TLS verifies */
    const char *other;       /* what every second pair of requests asks for; NULL: the same */
    struct tls_context *tls; /* NULL: in clear; its ALPN must fit */
    bool h2;
    uint64_t pause_ms; /* between two requests */
};

struct steady_visitor {
    struct loop *loop;
    struct steady_visitor_options options;
    struct conn *conn; /* until it is open */
    struct h1_client *h1;
    struct h2_session *h2;
    struct opener opener; /* asks over the connection */
    struct ask ask;
    bool asks;
    bool stops;   /* finishes the request in hand and asks no more */
    bool stopped; /* and has done so */
    uint64_t asked_ms;
    struct timer pause, limit;
    /* What came of it: */
    uint64_t served, failed, connections;
    uint64_t slowest_ms; /* of those that were served */
    struct error why;    /* of the first failure */
};

/* Begins at once. `visitor` must not move. */
void steady_visitor_begin(struct steady_visitor *visitor, struct loop *loop,
                          const struct steady_visitor_options *options);

/* Asks nothing more; `stopped` is true when the last answer has come. */
void steady_visitor_stop(struct steady_visitor *visitor);

/* Closes; the loop must turn once more before it is freed. */
void steady_visitor_end(struct steady_visitor *visitor);

#endif
