/* Visitors that speak HTTP/2. */
#include "culvert/edge/public_server.h"
#include "culvert/http/h1_server.h"
#include "support/fake_connector.h"
#include "support/h2_visitor.h"

#include "harness.h"

static const char one_rule[] = "ingress:\n"
                               "  - service: http://127.0.0.1:3000\n";

/* A visitor between an edge and a connector played by hand. */
struct scene {
    struct both_ends ends;
    struct fake_connector fake;
    struct h2_visitor visitor;
};

static void scene_open(struct scene *scene, const struct fake_reply *reply)
{
    both_ends_open(&scene->ends);
    struct fake_connector_options options = fake_connector_of(&scene->ends, 0);
    fake_connector_dial(&scene->fake, &scene->ends, &options);
    fake_connector_follow(&scene->fake, reply, 1);
    CHECK(fake_connector_is_taken(&scene->fake));
    h2_visitor_open(&scene->visitor, &scene->ends);
}

static void scene_close(struct scene *scene)
{
    h2_visitor_close(&scene->visitor);
    fake_connector_close(&scene->fake);
    both_ends_close(&scene->ends);
}

static void ask_for(struct ask *ask, const char *method, const char *target)
{
    ask_init(ask, method, target);
    buf_clear(&ask->head.authority);
    CHECK(buf_put_span(&ask->head.authority, SPAN("app.example.com")));
}

static void settle_all(struct scene *scene)
{
    CHECK(settle(scene->ends.loop));
}

static const struct fake_reply silence = {.kind = FAKE_REPLY_SILENCE};

TEST(an_h2_request_crosses_both_ends)
{
    static const struct fake_script script = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Origin: yes\r\n"
                               "Trailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n")}}};
    struct both_ends ends;
    struct h2_visitor visitor;
    struct ask ask;
    struct span value = SPAN_NONE;
    both_ends_open(&ends);
    fake_origin_follow(&ends.origin, &script, 1);
    both_ends_connect(&ends, one_rule);
    CHECK(both_ends_registered(&ends, 4));
    h2_visitor_open(&visitor, &ends);
    ask_for(&ask, "GET", "/path?q");
    ask_field(&ask, "cookie", "a=1");
    ask_field(&ask, "cookie", "b=2");
    ask_field(&ask, "te", "trailers");
    CHECK(ask_send(&ask, &visitor.opener));
    CHECK(h2_visitor_hears(&visitor, &ask));
    CHECK(ask.done && !ask.failed);
    CHECK_SIZE(ask.status, 200);
    CHECK_SPAN(buf_span(&ask.text), SPAN("hello"));
    CHECK(headers_find(&ask.got.fields, SPAN("x-origin"), &value));
    CHECK(headers_find(&ask.trailers, SPAN("x-sum"), &value) && span_equal(value, SPAN("42")));
    REQUIRE(ends.origin.request_count == 1);
    const char *head = buf_text(&ends.origin.requests[0].head);
    CHECK(strstr(head, "GET /path?q HTTP/1.1\r\nHost: app.example.com\r\n") == head);
    CHECK(strcasestr(head, "\r\nCookie: a=1; b=2\r\n") != NULL);
    ask_release(&ask);
    h2_visitor_close(&visitor);
    CHECK(both_ends_stop(&ends));
    both_ends_close(&ends);
}

/* The first bytes tell HTTP/2 from HTTP/1.1, in pieces of any size. */
TEST(a_visitor_is_told_apart_by_its_first_bytes)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    static const struct {
        struct span says;
        const char *hears; /* how the edge's first words begin; NULL: a SETTINGS frame */
    } cases[] = {
        {{preface, sizeof preface}, NULL},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n"), "HTTP/1.1 404 "},
        {SPAN_INIT("PUT / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n"), "HTTP/1.1 404 "},
        {SPAN_INIT("PRI * HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n"), "HTTP/1.1 4"},
        {SPAN_INIT("PRI * HTTP/2.0\r\nHost: x\r\n\r\n"), "HTTP/1.1 "},
        {SPAN_INIT("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), "HTTP/1.1 "},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct visitor_wire wire;
        const char *hears = cases[i / 2].hears;
        both_ends_open(&ends);
        visitor_open(&wire, &ends);
        struct span rest = cases[i / 2].says;
        while (rest.len > 0) {
            struct span piece = span_first(rest, i % 2 ? 1 : rest.len);
            if (!wire.ended)
                visitor_say(&wire, piece);
            CHECK(settle(ends.loop));
            rest = span_skip(rest, piece.len);
        }
        struct span got = buf_span(&wire.got);
        CHECK_CASE(hears ? span_starts(got, span_of(hears)) : got.len > 9 && got.data[3] == 4,
                   "case %zu: %.*s", i / 2, SPAN_ARG(got));
        visitor_close(&wire);
        both_ends_close(&ends);
    }
}

TEST(a_visitor_that_says_nothing_or_not_enough_is_closed)
{
    static const char *const words[] = {"", "P", "PRI * HTTP/2.0\r\n\r\nSM", "GE"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct both_ends ends;
        struct visitor_wire wire;
        both_ends_open(&ends);
        visitor_open(&wire, &ends);
        visitor_say(&wire, span_of(words[i]));
        both_ends_pass(&ends, PUBLIC_PREFACE_MS - 1);
        CHECK_CASE(!wire.ended, "%s: closed early", words[i]);
        both_ends_pass(&ends, H1_HEAD_LIMIT_MS);
        CHECK_CASE(wire.ended, "%s: stays", words[i]);
        visitor_close(&wire);
        both_ends_close(&ends);
    }
}

TEST(many_h2_requests_share_a_connection_and_each_gets_its_own_answer)
{
    enum { MANY = 40 };
    static const struct fake_reply reply = {.kind = FAKE_REPLY_BEGUN};
    struct scene scene;
    struct ask asks[MANY];
    scene_open(&scene, &reply);
    for (size_t i = 0; i < MANY; i++) {
        char target[16];
        (void)snprintf(target, sizeof target, "/%zu", i);
        ask_for(&asks[i], "GET", target);
        CHECK(ask_send(&asks[i], &scene.visitor.opener));
    }
    CHECK(fake_connector_is_asked(&scene.fake, MANY));
    for (size_t i = MANY; i-- > 0;) {
        fake_call_say(&scene.fake.calls[i], buf_text(&scene.fake.calls[i].head.target));
        fake_call_end(&scene.fake.calls[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        CHECK(h2_visitor_hears(&scene.visitor, &asks[i]));
        CHECK_SPAN(buf_span(&asks[i].text), buf_span(&asks[i].head.target));
        ask_release(&asks[i]);
    }
    scene_close(&scene);
}

TEST(an_h2_upload_arrives_whole_with_its_trailers)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine", .waits = true};
    struct scene scene;
    struct ask ask;
    scene_open(&scene, &fine);
    ask_for(&ask, "POST", "/in");
    ask_announce(&ask, LENGTH_UNKNOWN);
    CHECK(headers_add(&ask.body.trailers, SPAN("x-sum"), SPAN("42"), NULL));
    CHECK(headers_add(&ask.body.trailers, SPAN("cf-connecting-ip"), SPAN("forged"), NULL));
    CHECK(ask_send(&ask, &scene.visitor.opener));
    ask_put(&ask, SPAN("first "));
    CHECK(fake_connector_is_asked(&scene.fake, 1));
    settle_all(&scene);
    CHECK_SPAN(buf_span(&scene.fake.calls[0].body), SPAN("first "));
    CHECK(!scene.fake.calls[0].whole);
    ask_put(&ask, SPAN("second"));
    ask_end(&ask);
    CHECK(h2_visitor_hears(&scene.visitor, &ask));
    CHECK_SPAN(buf_span(&scene.fake.calls[0].body), SPAN("first second"));
    CHECK_SIZE(scene.fake.calls[0].trailers.count, 1);
    CHECK_SIZE(ask.status, 200);
    ask_release(&ask);
    scene_close(&scene);
}

TEST(who_waits_with_an_h2_body_is_told_to_go_on)
{
    struct scene scene;
    struct ask ask;
    scene_open(&scene, &silence);
    ask_for(&ask, "POST", "/in");
    ask_announce(&ask, 4);
    ask_field(&ask, "expect", "100-continue");
    CHECK(ask_send(&ask, &scene.visitor.opener));
    settle_all(&scene);
    CHECK_SIZE(ask.informs, 1);
    CHECK_SIZE(ask.inform_status, 100);
    ask_release(&ask);
    scene_close(&scene);
}

TEST(a_visitors_reset_cancels_at_the_origin)
{
    static const struct fake_script never = {{{FAKE_END}}};
    struct both_ends ends;
    struct h2_visitor visitor;
    struct ask stuck, other;
    both_ends_open(&ends);
    fake_origin_follow(&ends.origin, &never, 1);
    both_ends_connect(&ends, one_rule);
    CHECK(both_ends_registered(&ends, 4));
    h2_visitor_open(&visitor, &ends);
    ask_for(&stuck, "GET", "/stuck");
    ask_for(&other, "GET", "/other");
    CHECK(ask_send(&stuck, &visitor.opener));
    CHECK(ask_send(&other, &visitor.opener));
    CHECK(settle(ends.loop));
    CHECK_SIZE(ends.origin.request_count, 2);
    ask_close(&stuck);
    CHECK(settle(ends.loop));
    CHECK(ends.origin.connections[0].peer_closed);
    CHECK(!ends.origin.connections[1].peer_closed);
    CHECK(!visitor.over);
    ask_close(&other);
    ask_release(&stuck);
    ask_release(&other);
    h2_visitor_close(&visitor);
    CHECK(both_ends_stop(&ends));
    both_ends_close(&ends);
}

TEST(an_h2_visitor_that_leaves_cancels_all_it_asked_for)
{
    struct scene scene;
    struct ask asks[3];
    scene_open(&scene, &silence);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        ask_for(&asks[i], "GET", "/");
        CHECK(ask_send(&asks[i], &scene.visitor.opener));
    }
    CHECK(fake_connector_is_asked(&scene.fake, 3));
    h2_visitor_close(&scene.visitor);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        CHECK(scene.fake.calls[i].aborted);
        ask_release(&asks[i]);
    }
    CHECK(!scene.fake.over);
    scene_close(&scene);
}

TEST(a_cut_answer_is_a_reset_stream_and_its_neighbours_go_on)
{
    static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
    struct scene scene;
    struct ask cut, other;
    scene_open(&scene, &begun);
    ask_for(&cut, "GET", "/cut");
    ask_for(&other, "GET", "/other");
    CHECK(ask_send(&cut, &scene.visitor.opener));
    CHECK(ask_send(&other, &scene.visitor.opener));
    settle_all(&scene);
    CHECK_SPAN(buf_span(&cut.text), SPAN("begun"));
    fake_call_reset(&scene.fake.calls[0]);
    CHECK(h2_visitor_hears(&scene.visitor, &cut));
    CHECK(cut.failed && !cut.done);
    fake_call_end(&scene.fake.calls[1]);
    CHECK(h2_visitor_hears(&scene.visitor, &other));
    CHECK(other.done);
    ask_release(&cut);
    ask_release(&other);
    scene_close(&scene);
}

TEST(an_edge_that_stops_says_goaway_and_finishes_h2_requests_in_hand)
{
    static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
    struct scene scene;
    struct ask ask, late;
    scene_open(&scene, &begun);
    ask_for(&ask, "GET", "/");
    CHECK(ask_send(&ask, &scene.visitor.opener));
    settle_all(&scene);
    edge_stop(scene.ends.edge);
    settle_all(&scene);
    CHECK(scene.visitor.heard_goaway && !scene.visitor.over && !scene.ends.edge_over);
    ask_for(&late, "GET", "/late");
    CHECK(!ask_send(&late, &scene.visitor.opener));
    fake_call_say(&scene.fake.calls[0], " and done");
    fake_call_end(&scene.fake.calls[0]);
    CHECK(h2_visitor_hears(&scene.visitor, &ask));
    CHECK(ask.done);
    CHECK_SPAN(buf_span(&ask.text), SPAN("begun and done"));
    settle_all(&scene);
    CHECK(scene.visitor.over && scene.ends.edge_over);
    ask_release(&ask);
    ask_release(&late);
    scene_close(&scene);
}

TEST(pages_and_the_api_speak_h2_too)
{
    static const struct {
        const char *authority, *target;
        int status;
        const char *holds;
    } cases[] = {
        {"nobody.example.com", "/", 404, "No such host"},
        {"x.wild.example.com", "/", 200, "fine"},
        {"edge.localhost", "/client/v4/accounts/x/cfd_tunnel", 403, "Authentication error"},
        {"edge.localhost", "/", 404, "Culvert edge"},
        {"edge.localhost:8080", "/client/v4/zones/x", 404, "\"success\":false"},
    };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    struct scene scene;
    scene_open(&scene, &fine);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ask ask;
        ask_for(&ask, "GET", cases[i].target);
        buf_clear(&ask.head.authority);
        CHECK(buf_put_span(&ask.head.authority, span_of(cases[i].authority)));
        CHECK(ask_send(&ask, &scene.visitor.opener));
        CHECK_CASE(h2_visitor_hears(&scene.visitor, &ask), "%s: no answer", cases[i].authority);
        CHECK_CASE(ask.status == cases[i].status && strstr(buf_text(&ask.text), cases[i].holds),
                   "%s: %d %s", cases[i].authority, ask.status, buf_text(&ask.text));
        ask_release(&ask);
    }
    scene_close(&scene);
}

/* The code of a reset says nothing to us that could be believed. */
TEST(a_request_that_is_reset_with_any_code_is_let_go_once)
{
    static const struct {
        const char *authority, *target;
    } places[] = {
        {"app.example.com", "/"},
        {"nobody.example.com", "/"},
        {"edge.localhost", "/client/v4/accounts/x/cfd_tunnel"},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        for (unsigned char code = 0; code < 14; code++) {
            struct scene scene;
            struct ask ask;
            scene_open(&scene, &silence);
            ask_for(&ask, "POST", places[i].target);
            buf_clear(&ask.head.authority);
            CHECK(buf_put_span(&ask.head.authority, span_of(places[i].authority)));
            ask_announce(&ask, 1000);
            CHECK(ask_send(&ask, &scene.visitor.opener));
            ask_put(&ask, SPAN("part"));
            (void)loop_turn(scene.ends.loop, 0);
            h2_visitor_reset(&scene.visitor, 0, code);
            both_ends_pass(&scene.ends, 100);
            CHECK_CASE(
                both_ends_metric(&scene.ends, "127.0.0.1:2001", "culvert_edge_open_requests") == 0,
                "%s, code %u", places[i].authority, code);
            ask_release(&ask);
            scene_close(&scene);
        }
    }
}
