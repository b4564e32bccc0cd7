/* Real processes under attack: the binary as an edge (one's own desk, --dev) with a connector to it
 * on ports that the system chose, an origin in the test's own loop, and well-behaved visitors that
 * ask all the time: HTTP/1.1 and HTTP/2, in clear and under TLS. A test adds attackers, waits for
 * conditions, and looks at the edge's metrics.
 *
 *     struct siege siege;
 *     REQUIRE(siege_open(&siege, NULL));
 *     ... attacker_begin(&attacker, siege.loop, &attack, &options) ...
 *     CHECK(siege_until(&siege, is_ended, &attacker));
 *     CHECK(siege_metric(&siege, "culvert_edge_abuse_total{limit=\"h2_resets\"}") >= 1);
 *     CHECK(siege_is_unhurt(&siege));
 *     siege_close(&siege); */
#ifndef CULVERT_TESTS_SUPPORT_SIEGE_H
#define CULVERT_TESTS_SUPPORT_SIEGE_H

#include "support/attacker.h"
#include "support/child.h"
#include "support/place.h"
#include "support/siege_origin.h"
#include "support/steady_visitor.h"

#define SIEGE_NAME "app.localhost" /* what the tunnel serves */

enum { SIEGE_VISITORS = 4 };

struct siege {
    struct test_place place;
    struct loop *loop;
    struct child edge, connector;
    struct siege_origin origin;
    struct ip_address tunnel, http, https, metrics;
    struct tls_context *tls_h1, *tls_h2; /* visitors' and attackers', the edge's CA trusted */
    struct steady_visitor visitors[SIEGE_VISITORS];
    bool has_visitors;
    struct attacker scraper; /* reads /metrics again and again */
    bool scrapes;
    uint64_t next_scrape_ms, scrapes_begun, scraped; /* the number of the last whole one */
    struct buf figures;                              /* its text */
    double channel_peak;                             /* of culvert_edge_channel_bytes */
};

/* Everything is up, and each visitor was served once, when it returns true. `edge_flags` (up to
 * NULL): more words for `edge run`; NULL: none. False: it said why; siege_close is still due. */
bool siege_open(struct siege *siege, const char *const *edge_flags);

/* Turns the loop once; nothing else lets attackers, visitors and the origin go on. */
void siege_turn(struct siege *siege);

/* Turns until `is_so` is true. False: it did not become true within a minute, or the edge ended. */
bool siege_until(struct siege *siege, bool (*is_so)(void *arg), void *arg);

/* Turns until each visitor has been served `count` times more. */
bool siege_serves(struct siege *siege, uint64_t count);

/* One more process of the binary's, with the siege's home; what it says goes to `log`. */
void siege_start(struct siege *siege, struct child *child, const char *log,
                 const char *const *words);

/* Asks such a process to end. False: it did not end well, what it said is shown. */
bool siege_stop(struct siege *siege, struct child *child, const char *name);

/* Runs a command of the binary's to its end. False: it failed, and what it said is shown. */
bool siege_command(struct siege *siege, const char *const *words);

/* A figure of the edge as of now, by its name and labels as /metrics writes them; -1: there is none
 * of that name. */
double siege_metric(struct siege *siege, const char *series);

/* The same as of the last look at the metrics: for conditions that are waited for. */
double siege_last(const struct siege *siege, const char *series);

/* What `culvert_edge_abuse_total` says of a limit; 0: nothing yet. */
double siege_abuse(struct siege *siege, const char *limit);

/* Where an attacker finds the visitors' side, in clear or under TLS. */
struct attacker_options siege_target(const struct siege *siege, bool tls);

/* Did no request of a well-behaved visitor fail, and did the bytes between two peers stay below
 * their limit? Says what is not so. */
bool siege_is_unhurt(struct siege *siege);

/* Stops the visitors and both processes; each must end well. False: it said why. */
bool siege_close(struct siege *siege);

#endif
