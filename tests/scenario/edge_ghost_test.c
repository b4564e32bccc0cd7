/* A connector that is gone without a word: its machine lost its power, or the way there is cut.
 * What waits for it goes elsewhere, as soon as that is known and where it does no harm. */
#include "culvert/http/h2_life.h"
#include "support/fake_connector.h"

#include "harness.h"

#define ASK(method) method " / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 0\r\n\r\n"

/* The ghost registers first, so that it is the first one to be picked. */
struct scene {
    struct both_ends ends;
    struct fake_connector ghost, live;
    struct visitor_wire visitor;
};

static void begin_workers(struct scene *scene, bool has_live, size_t workers)
{
    static const struct fake_reply silence = {.kind = FAKE_REPLY_SILENCE};
    static const struct fake_reply answer = {.body = "from the live one"};
    struct fake_connector *both[] = {&scene->ghost, &scene->live};
    both_ends_open_workers(&scene->ends, workers);
    for (size_t i = 0; i < (has_live ? 2 : 1); i++) {
        struct fake_connector_options options = fake_connector_of(&scene->ends, 0);
        options.client_id = uuid_make();
        fake_connector_dial(both[i], &scene->ends, &options);
        CHECK(fake_connector_is_taken(both[i]));
        fake_connector_follow(both[i], i == 0 ? &silence : &answer, 1);
    }
}

static void begin(struct scene *scene, bool has_live)
{
    begin_workers(scene, has_live, 1);
}

static void end(struct scene *scene, bool has_live)
{
    visitor_close(&scene->visitor);
    fake_connector_close(&scene->ghost);
    if (has_live)
        fake_connector_close(&scene->live);
    both_ends_close(&scene->ends);
}

/* How long it took until the visitor heard it. */
static uint64_t ask(struct scene *scene, const char *request, const char *wanted)
{
    uint64_t asked_ms = loop_now_ms(scene->ends.loop);
    buf_clear(&scene->visitor.got);
    visitor_say(&scene->visitor, span_of(request));
    CHECK_CASE(visitor_hears(&scene->visitor, wanted), "%s: heard %.60s", wanted,
               buf_text(&scene->visitor.got));
    return loop_now_ms(scene->ends.loop) - asked_ms;
}

static bool is_about(uint64_t ms, uint64_t wanted_ms)
{
    return ms >= wanted_ms && ms <= wanted_ms + 200;
}

TEST(a_request_to_a_ghost_goes_to_another_connector_and_no_further_one_meets_it)
{
    static struct scene scene;
    begin(&scene, true);
    fake_connector_stop_reading(&scene.ghost);
    both_ends_pass(&scene.ends, 2 * H2_DOUBT_AFTER_MS);
    visitor_open(&scene.visitor, &scene.ends);
    uint64_t waited_ms = ask(&scene, ASK("GET"), "from the live one");
    CHECK_CASE(is_about(waited_ms, H2_DOUBT_MS), "it took %llu ms", (unsigned long long)waited_ms);
    for (size_t i = 0; i < 20; i++)
        CHECK(ask(&scene, ASK("GET"), "from the live one") < 200);
    CHECK_SIZE(scene.live.call_count, 21);
    CHECK_SIZE(both_ends_count(&scene.ends), 2);
    both_ends_pass(&scene.ends, H2_PING_LIMIT_MS);
    CHECK_SIZE(both_ends_count(&scene.ends), 1);
    end(&scene, true);
}

TEST(one_that_was_heard_a_moment_ago_is_doubted_when_a_request_waits)
{
    static struct scene scene;
    begin(&scene, true);
    both_ends_pass(&scene.ends, 1000);
    fake_connector_stop_reading(&scene.ghost);
    visitor_open(&scene.visitor, &scene.ends);
    uint64_t waited_ms = ask(&scene, ASK("GET"), "from the live one");
    CHECK_CASE(waited_ms <= H2_DOUBT_AFTER_MS + H2_DOUBT_MS + 200, "it took %llu ms",
               (unsigned long long)waited_ms);
    CHECK(waited_ms >= H2_DOUBT_MS);
    end(&scene, true);
}

/* Visitors come to both workers, one of which has the ghost and nothing else. */
TEST(a_request_to_a_ghost_goes_to_a_connector_of_another_worker)
{
    enum { VISITORS = 4 };
    static struct scene scene;
    size_t waited = 0;
    begin_workers(&scene, true, 2);
    fake_connector_stop_reading(&scene.ghost);
    both_ends_pass(&scene.ends, 2 * H2_DOUBT_AFTER_MS);
    for (size_t i = 0; i < VISITORS; i++) {
        visitor_open(&scene.visitor, &scene.ends);
        uint64_t ms = ask(&scene, ASK("GET"), "from the live one");
        CHECK_CASE(ms < 200 || is_about(ms, H2_DOUBT_MS), "it took %llu ms",
                   (unsigned long long)ms);
        waited += ms >= H2_DOUBT_MS;
        if (i + 1 < VISITORS)
            visitor_close(&scene.visitor);
    }
    CHECK(waited > 0);
    CHECK_SIZE(scene.live.call_count, VISITORS);
    end(&scene, true);
}

TEST(what_may_not_be_repeated_waits_until_the_connection_is_given_up)
{
    static struct scene scene;
    begin(&scene, true);
    fake_connector_stop_reading(&scene.ghost);
    both_ends_pass(&scene.ends, 2 * H2_DOUBT_AFTER_MS);
    visitor_open(&scene.visitor, &scene.ends);
    uint64_t waited_ms = ask(&scene, ASK("POST"), "HTTP/1.1 502 Bad Gateway");
    CHECK_CASE(is_about(waited_ms, H2_PING_LIMIT_MS), "it took %llu ms",
               (unsigned long long)waited_ms);
    CHECK_SIZE(scene.live.call_count, 0);
    end(&scene, true);
}

TEST(without_another_connector_a_way_that_was_cut_for_a_while_loses_nothing)
{
    static struct scene scene;
    begin(&scene, false);
    fake_connector_stop_reading(&scene.ghost);
    both_ends_pass(&scene.ends, 2 * H2_DOUBT_AFTER_MS);
    visitor_open(&scene.visitor, &scene.ends);
    visitor_say(&scene.visitor, SPAN(ASK("GET")));
    both_ends_pass(&scene.ends, H2_PING_LIMIT_MS - 1000);
    CHECK_SIZE(scene.visitor.got.len, 0);
    gate_release(conn_gate(h2_session_conn(scene.ghost.session)), HOLD_DRAIN);
    CHECK(fake_connector_is_asked(&scene.ghost, 1));
    CHECK_SIZE(scene.ghost.call_count, 1);
    both_ends_pass(&scene.ends, 10 * H2_PING_LIMIT_MS); /* it waits for its origin only */
    CHECK_SIZE(both_ends_count(&scene.ends), 1);
    CHECK_SIZE(scene.visitor.got.len, 0);
    end(&scene, false);
}
