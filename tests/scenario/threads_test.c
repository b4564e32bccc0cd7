/* Workers with threads, under everything that reaches across them at the same time: requests,
 * reloads, lost connections, scrapes and a stop. ThreadSanitizer is the judge in its own preset. */
#include "support/thread_ends.h"

#include "harness.h"

enum {
    VISITORS = 4,
    ROUNDS = 12,          /* of a reload and a lost connection */
    GOOD_EACH_ROUND = 40, /* answers between two rounds */
};

struct bustle {
    struct thread_ends ends;
    struct thread_visitor visitors[VISITORS];
    struct thread_visitor scraper;
};

static void serve_more(struct bustle *bustle)
{
    thread_visitors_serve(bustle->visitors, VISITORS, &bustle->ends, GOOD_EACH_ROUND);
}

static bool is_scraped(void *arg)
{
    struct bustle *bustle = arg;
    return atomic_load(&bustle->scraper.good) > 0;
}

static void begin(struct bustle *bustle)
{
    struct thread_ends *ends = &bustle->ends;
    struct ip_address metrics;
    thread_ends_start(ends, "");
    thread_ends_registered(ends, 4);
    connector_metrics_address(ends->connector, &metrics);
    for (size_t i = 0; i < VISITORS; i++)
        thread_visitor_start(&bustle->visitors[i], &ends->at.http, "app.example.com",
                             "/healthcheck");
    thread_visitor_start(&bustle->scraper, &metrics, "localhost", "/metrics");
}

static void end(struct bustle *bustle)
{
    thread_visitor_end(&bustle->scraper, &bustle->ends);
    for (size_t i = 0; i < VISITORS; i++)
        thread_visitor_end(&bustle->visitors[i], &bustle->ends);
    thread_ends_close(&bustle->ends);
}

TEST(workers_serve_while_rules_change_and_connections_break)
{
    struct bustle bustle;
    thread_ends_open(&bustle.ends);
    begin(&bustle);
    for (int i = 0; i < ROUNDS; i++) {
        serve_more(&bustle);
        thread_ends_reload(&bustle.ends, i % 2 == 0 ? "http_status:204" : "");
        CHECK_SIZE(thread_ends_break(&bustle.ends, 1), 1);
        serve_more(&bustle);
    }
    thread_ends_until(&bustle.ends, is_scraped, &bustle);
    thread_ends_registered(&bustle.ends, 4);
    end(&bustle);
}

TEST(a_stop_in_the_middle_of_everything_ends_well)
{
    struct bustle bustle;
    thread_ends_open(&bustle.ends);
    begin(&bustle);
    serve_more(&bustle);
    (void)thread_ends_break(&bustle.ends, 2);
    thread_ends_reload(&bustle.ends, "http_status:204");
    connector_stop(bustle.ends.connector);
    end(&bustle);
    CHECK(bustle.ends.over);
}

TEST(a_start_that_is_given_up_at_once_ends_well)
{
    for (int i = 0; i < 5; i++) {
        struct thread_ends ends;
        thread_ends_open(&ends);
        thread_ends_start(&ends, "");
        thread_ends_close(&ends);
        CHECK(ends.over);
    }
}
