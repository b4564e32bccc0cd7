/* An edge whose workers are threads: visitors, connectors that come back, routes that are made and
 * scrapes at the same time. ThreadSanitizer is the judge in its own preset. */
#include "support/thread_ends.h"

#include "harness.h"

enum {
    WORKERS = 3,
    VISITORS = 6,
    ROUNDS = 8,
    GOOD_EACH_ROUND = 40,
};

struct bustle {
    struct thread_ends ends;
    struct thread_visitor visitors[VISITORS], scraper;
    char bearer[STORE_TOKEN_SIZE];
};

static void serve_more(struct bustle *bustle)
{
    thread_visitors_serve(bustle->visitors, VISITORS, &bustle->ends, GOOD_EACH_ROUND);
}

static bool is_answered(void *arg)
{
    struct thread_visitor *visitor = arg;
    return atomic_load(&visitor->good) + atomic_load(&visitor->bad) > 0;
}

/* Asks as long as it takes to be answered once. */
static size_t answered_well(struct bustle *bustle, struct thread_visitor *visitor)
{
    thread_ends_until(&bustle->ends, is_answered, visitor);
    thread_visitor_end(visitor, &bustle->ends);
    return atomic_load(&visitor->bad) == 0;
}

static void begin(struct bustle *bustle)
{
    struct thread_ends *ends = &bustle->ends;
    thread_ends_open(ends);
    const struct stored *stored = &ends->store.stored;
    const struct store_token_new token = {stored->account.id, SPAN("test"), 1, 0};
    CHECK(store_tokens_create(stored->db, &token, bustle->bearer, NULL) == STORE_OK);
    ends->edge_options.workers = WORKERS;
    ends->options.workers = 1;
    thread_ends_start(ends, "");
    thread_ends_registered(ends, 4);
    for (size_t i = 0; i < VISITORS; i++)
        thread_visitor_start(&bustle->visitors[i], &ends->at.http, "app.example.com",
                             "/healthcheck");
    thread_visitor_start(&bustle->scraper, &ends->at.metrics, "localhost", "/metrics");
}

static void end(struct bustle *bustle)
{
    thread_visitor_end(&bustle->scraper, &bustle->ends);
    for (size_t i = 0; i < VISITORS; i++)
        thread_visitor_end(&bustle->visitors[i], &bustle->ends);
    thread_ends_close(&bustle->ends);
}

/* A new name is routed; whoever asks for it then is served. */
static void route(struct bustle *bustle, int number)
{
    struct thread_ends *ends = &bustle->ends;
    struct thread_visitor api, visitor;
    char name[32], body[128], text[1024], tunnel[UUID_TEXT_SIZE];
    struct uuid id = stored_id(1);
    uuid_format(&id, tunnel);
    (void)snprintf(name, sizeof name, "r%d.example.com", number);
    (void)snprintf(body, sizeof body, "{\"type\":\"dns\",\"user_hostname\":\"%s\"}", name);
    (void)snprintf(text, sizeof text,
                   "PUT /client/v4/zones/%s/tunnels/%s/routes HTTP/1.1\r\nHost: edge.localhost\r\n"
                   "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
                   ends->store.stored.zone.id, tunnel, bustle->bearer, strlen(body), body);
    thread_visitor_start_saying(&api, &ends->at.http, text);
    CHECK_CASE(answered_well(bustle, &api), "%s was not routed", name);
    thread_visitor_start(&visitor, &ends->at.http, name, "/healthcheck");
    CHECK_CASE(answered_well(bustle, &visitor), "%s was not served", name);
}

TEST(workers_in_threads_serve_while_connectors_and_routes_come_and_go)
{
    struct bustle bustle;
    begin(&bustle);
    for (int i = 0; i < ROUNDS; i++) {
        serve_more(&bustle);
        thread_ends_registered(&bustle.ends, 4);
        route(&bustle, i);
        CHECK_SIZE(thread_ends_break(&bustle.ends, 1), 1);
        serve_more(&bustle);
    }
    CHECK(atomic_load(&bustle.scraper.good) > 0);
    CHECK_SIZE(atomic_load(&bustle.scraper.bad), 0);
    end(&bustle);
}

TEST(an_edge_in_threads_stops_in_the_middle_of_everything)
{
    struct bustle bustle;
    begin(&bustle);
    serve_more(&bustle);
    (void)thread_ends_break(&bustle.ends, 2);
    edge_stop(bustle.ends.edge);
    for (int i = 0; i < 20; i++)
        (void)loop_turn(bustle.ends.loop, 1);
    end(&bustle);
}
