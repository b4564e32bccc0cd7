/* The edge stops: what is in hand is finished, within the grace; then it is over. */
#include "support/fake_connector.h"

#include "harness.h"

static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
static const struct fake_reply silence = {.kind = FAKE_REPLY_SILENCE};

#define GET "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"

struct scene {
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
};

static void scene_open(struct scene *scene, const struct fake_reply *reply, const char *request)
{
    both_ends_open(&scene->ends);
    struct fake_connector_options options = fake_connector_of(&scene->ends, 0);
    fake_connector_dial(&scene->fake, &scene->ends, &options);
    fake_connector_follow(&scene->fake, reply, 1);
    CHECK(fake_connector_is_taken(&scene->fake));
    visitor_open(&scene->visitor, &scene->ends);
    visitor_say(&scene->visitor, span_of(request));
    CHECK(settle(scene->ends.loop));
}

static void scene_close(struct scene *scene)
{
    visitor_close(&scene->visitor);
    fake_connector_close(&scene->fake);
    both_ends_close(&scene->ends);
}

static void stop(struct scene *scene)
{
    edge_stop(scene->ends.edge);
    CHECK(settle(scene->ends.loop));
}

TEST(an_edge_with_nothing_in_hand_is_over_at_once)
{
    static const char *const states[] = {
        "", /* connected, nothing said */
        GET /* answered and kept alive */
    };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct scene scene;
        scene_open(&scene, &fine, states[i]);
        CHECK(!scene.visitor.ended);
        stop(&scene);
        CHECK_CASE(scene.ends.edge_over, "state %zu", i);
        CHECK_CASE(scene.visitor.ended, "state %zu", i);
        CHECK(!scene.fake.heard_goaway);
        edge_stop(scene.ends.edge);
        CHECK(settle(scene.ends.loop));
        scene_close(&scene);
    }
}

TEST(an_edge_that_stops_takes_no_new_connections)
{
    static const char *const places[] = {"127.0.0.1:7844", "127.0.0.1:8080", "127.0.0.1:8443"};
    struct scene scene;
    scene_open(&scene, &silence, GET);
    stop(&scene);
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        CHECK_CASE(memory_sockets_dial(&scene.ends.memory, places[i]) == -1, "%s", places[i]);
    scene_close(&scene);
}

TEST(a_request_in_hand_is_finished_and_then_the_edge_is_over)
{
    struct scene scene;
    scene_open(&scene, &silence, GET);
    stop(&scene);
    both_ends_pass(&scene.ends, EDGE_GRACE_MS - 1000);
    CHECK(!scene.ends.edge_over && !scene.visitor.ended && !scene.fake.over);
    fake_call_reset(&scene.fake.calls[0]); /* even a failure is answered */
    CHECK(visitor_hears(&scene.visitor, "HTTP/1.1 502 "));
    CHECK(settle(scene.ends.loop));
    CHECK(scene.visitor.ended && scene.ends.edge_over);
    scene_close(&scene);
}

TEST(an_answer_in_hand_is_finished_and_the_next_request_is_not_taken)
{
    struct scene scene;
    scene_open(&scene, &begun, GET GET);
    CHECK(visitor_hears(&scene.visitor, "begun"));
    stop(&scene);
    CHECK(!scene.ends.edge_over);
    fake_call_say(&scene.fake.calls[0], "and done");
    fake_call_end(&scene.fake.calls[0]);
    CHECK(visitor_sees_end(&scene.visitor));
    CHECK(span_ends(buf_span(&scene.visitor.got), SPAN("and done\r\n0\r\n\r\n")));
    CHECK_SIZE(scene.fake.call_count, 1);
    CHECK(settle(scene.ends.loop));
    CHECK(scene.ends.edge_over);
    scene_close(&scene);
}

TEST(what_is_not_finished_when_the_grace_is_over_is_cut)
{
    static const struct {
        const char *name;
        const struct fake_reply *reply;
        const char *hears;
    } cases[] = {
        {"no answer yet", &silence, "HTTP/1.1 502 "},
        {"half an answer", &begun, "begun"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_open(&scene, cases[i].reply, GET);
        stop(&scene);
        both_ends_pass(&scene.ends, EDGE_GRACE_MS - 1);
        CHECK_CASE(!scene.ends.edge_over && !scene.visitor.ended, "%s: cut early", cases[i].name);
        both_ends_pass(&scene.ends, 2);
        CHECK_CASE(scene.ends.edge_over, "%s: not over", cases[i].name);
        CHECK_CASE(scene.visitor.ended && strstr(buf_text(&scene.visitor.got), cases[i].hears),
                   "%s: %s", cases[i].name, buf_text(&scene.visitor.got));
        CHECK_CASE(!strstr(buf_text(&scene.visitor.got), "\r\n0\r\n"), "%s: looks whole",
                   cases[i].name);
        scene_close(&scene);
    }
}

TEST(a_visitor_that_reads_nothing_does_not_hold_the_edge_beyond_the_grace)
{
    enum { BIG = 1000 * 1000 };
    static char big[BIG + 1];
    const struct fake_reply much = {.kind = FAKE_REPLY_BEGUN, .body = big};
    memset(big, 'x', BIG);
    struct scene scene;
    scene_open(&scene, &much, "");
    gate_hold(conn_gate(scene.visitor.conn), HOLD_DRAIN);
    visitor_say(&scene.visitor, SPAN(GET));
    CHECK(settle(scene.ends.loop));
    stop(&scene);
    both_ends_pass(&scene.ends, EDGE_GRACE_MS - 1);
    CHECK(!scene.ends.edge_over);
    both_ends_pass(&scene.ends, 2000);
    CHECK(scene.ends.edge_over);
    scene_close(&scene);
}

TEST(a_call_to_the_api_in_hand_is_answered)
{
    struct scene scene;
    scene_open(&scene, &silence,
               "POST /client/v4/accounts/x/cfd_tunnel HTTP/1.1\r\nHost: edge.localhost\r\n"
               "Content-Length: 2\r\n\r\n{");
    stop(&scene);
    CHECK(!scene.ends.edge_over);
    visitor_say(&scene.visitor, SPAN("}"));
    CHECK(visitor_hears(&scene.visitor, "Authentication error"));
    CHECK(visitor_sees_end(&scene.visitor));
    CHECK(settle(scene.ends.loop));
    CHECK(scene.ends.edge_over);
    scene_close(&scene);
}

TEST(a_head_that_was_begun_is_served_or_times_out)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (int goes_on = 0; goes_on < 2; goes_on++) {
        struct scene scene;
        scene_open(&scene, &fine, "GET / HTTP/1.1\r\n");
        stop(&scene);
        CHECK(!scene.ends.edge_over);
        if (goes_on)
            visitor_say(&scene.visitor, SPAN("Host: app.example.com\r\n\r\n"));
        else
            both_ends_pass(&scene.ends, EDGE_GRACE_MS / 2);
        CHECK(visitor_hears(&scene.visitor, goes_on ? "fine" : "HTTP/1.1 408 "));
        CHECK(visitor_sees_end(&scene.visitor));
        CHECK(settle(scene.ends.loop));
        CHECK(scene.ends.edge_over);
        scene_close(&scene);
    }
}

TEST(an_edge_that_stops_is_not_ready)
{
    struct scene scene;
    struct visitor_wire asks;
    scene_open(&scene, &silence, GET);
    stop(&scene);
    visitor_open_at(&asks, &scene.ends, "127.0.0.1:2001");
    visitor_say(&asks, SPAN("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    CHECK(visitor_hears(&asks, "\"draining\":true"));
    CHECK(span_starts(buf_span(&asks.got), SPAN("HTTP/1.1 503 ")));
    visitor_close(&asks);
    scene_close(&scene);
}
