/* What crosses from one worker of the edge to another: heads, bodies, ends and resets, as if the
 * connection were in the first worker. */
#include "culvert/proxy/exchange.h"
#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/user_headers.h"
#include "support/hop_scene.h"
#include "support/pattern.h"

#include "harness.h"

/* A worker without a connection, and one with a connector behind it. */
struct pair {
    struct hop_scene scene;
    struct hop_connector connector;
    struct hop_ask ask;
};

static void begin(struct pair *pair, const char *method)
{
    hop_scene_begin(&pair->scene);
    hop_connector_open(&pair->connector, &pair->scene, 1);
    hop_ask_init(&pair->ask, method);
}

static struct desk_request *ask_over(struct pair *pair)
{
    CHECK(hop_ask_send(&pair->ask, &pair->scene, 0));
    return hop_connector_last(&pair->connector);
}

static void end(struct pair *pair)
{
    ask_release(&pair->ask.ask);
    hop_scene_settle(&pair->scene);
    hop_connector_close(&pair->connector);
    hop_scene_end(&pair->scene);
}

TEST(a_request_crosses_with_its_head_and_comes_back_with_its_answer)
{
    struct pair pair;
    begin(&pair, "GET");
    ask_field(&pair.ask.ask, "accept", "text/html");
    ask_field(&pair.ask.ask, "cookie", "a=b; c=d");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    CHECK_SPAN(buf_span(&request->head.authority), SPAN("app.test"));
    CHECK_SPAN(buf_span(&request->head.target), SPAN("/"));
    CHECK_SIZE(request->head.fields.count, 2);
    CHECK(request->head.ends_here && request->body_ended);
    desk_answer(request, 200, "hello");
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.status == 200);
    CHECK_SPAN(buf_span(&pair.ask.ask.text), SPAN("hello"));
    CHECK_SIZE(pair.ask.ask.got.length, 5);
    CHECK_SIZE(pair.ask.ask.got.fields.count, 1); /* the packed one */
    CHECK(headers_has(&pair.ask.ask.got.fields, SPAN("x")));
    CHECK(metric_value(pair.scene.workers[0].streams) == 1);
    CHECK(metric_value(pair.scene.workers[0].sessions) == 1);
    CHECK_SIZE(hops_serving(pair.scene.workers[1].edge.hops), 0);
    end(&pair);
}

TEST(an_answer_with_a_head_of_a_mebibyte_crosses)
{
    struct pair pair;
    struct headers fields = {0};
    struct buf packed = BUF_LIMIT(USER_HEADERS_MAX);
    char *value = calloc(1, ANSWER_HEAD_MAX);
    REQUIRE(value != NULL);
    memset(value, '~', ANSWER_HEAD_MAX);
    begin(&pair, "GET");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    CHECK(headers_add(&fields, SPAN("x"), span_make(value, ANSWER_HEAD_MAX - 100), NULL) &&
          user_headers_pack(&fields, &packed, NULL));
    const struct header answer[] = {
        {SPAN(RESPONSE_META_FIELD), SPAN("{\"src\":\"origin\"}")},
        {SPAN(USER_HEADERS_FIELD), buf_span(&packed)},
        {SPAN(""), SPAN("")},
    };
    pair.connector.desk.fields = answer;
    desk_answer(request, 200, "hello");
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.status == 200);
    CHECK_SIZE(headers_at(&pair.ask.ask.got.fields, 0).value.len, ANSWER_HEAD_MAX - 100);
    CHECK(metric_value(pair.scene.workers[0].streams) == 1);
    end(&pair);
    headers_release(&fields);
    buf_release(&packed);
    free(value);
}

TEST(what_a_visitor_says_to_the_hop_neither_steers_it_nor_arrives)
{
    struct pair pair;
    begin(&pair, "GET");
    ask_field(&pair.ask.ask, "culvert-hop", "own https -");
    ask_field(&pair.ask.ask, "Culvert-Hop",
              "tunnel 01234567-89ab-cdef-0123-456789abcdef 00000000-0000-0000-0000-000000000000");
    ask_field(&pair.ask.ask, "culvert-hop-failed", "6 0 nonsense");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    CHECK(!headers_has(&request->head.fields, SPAN("culvert-hop")));
    CHECK_SIZE(pair.scene.workers[0].own.count, 0);
    desk_answer(request, 204, NULL);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.status == 204);
    end(&pair);
}

TEST(an_answer_to_head_has_a_length_and_no_body)
{
    struct pair pair;
    begin(&pair, "HEAD");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    desk_begin(request, 200, 1234);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.got.length == 1234 && !pair.ask.ask.from);
    end(&pair);
}

TEST(an_interim_answer_crosses_before_the_final_one)
{
    struct pair pair;
    struct response_head hints;
    begin(&pair, "GET");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    response_head_init(&hints);
    hints.status = 103;
    hints.length = LENGTH_UNKNOWN;
    inbound_inform(request->in, &hints);
    response_head_release(&hints);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.informs == 1 && pair.ask.ask.inform_status == 103);
    CHECK(pair.ask.ask.status == 0);
    desk_answer(request, 200, "late");
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.status == 200);
    end(&pair);
}

TEST(trailers_cross_both_ways)
{
    struct pair pair;
    begin(&pair, "POST");
    ask_announce(&pair.ask.ask, LENGTH_UNKNOWN);
    ask_field(&pair.ask.ask, "te", "trailers");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    ask_put(&pair.ask.ask, SPAN("question"));
    CHECK(headers_add(&pair.ask.ask.body.trailers, SPAN("x-sum"), SPAN("7"), NULL));
    CHECK(headers_add(&pair.ask.ask.body.trailers, SPAN("culvert-hop"), SPAN("own https -"), NULL));
    ask_end(&pair.ask.ask);
    hop_scene_settle(&pair.scene);
    CHECK(request->body_ended);
    CHECK_SPAN(buf_span(&request->body), SPAN("question"));
    CHECK(headers_has(&request->trailers, SPAN("x-sum")));
    desk_begin(request, 200, LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(request, SPAN("answer")), 6);
    desk_trailer(request, "x-total", "13");
    desk_end(request);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && headers_has(&pair.ask.ask.trailers, SPAN("x-total")));
    CHECK_SPAN(buf_span(&pair.ask.ask.text), SPAN("answer"));
    end(&pair);
}

/* ---- large bodies ---- */

enum {
    LARGE = 8 * 1024 * 1024,
    /* What may lie on the way of a stream: its window in three channels, the queue of a conn and
     * the kernel's buffers of a socket pair, both twice. */
    ON_THE_WAY = 3 * H2_STREAM_WINDOW + 2 * (CONN_OUT_ROOM + 512 * 1024),
};

/* Answers with the pattern as far as it is taken; returns how many bytes are out by now. */
static size_t pour(struct desk_request *request, struct hop_scene *scene, size_t at)
{
    static unsigned char piece[32 * 1024];
    size_t taken = 1;
    while (at < LARGE && taken > 0) {
        size_t want = LARGE - at < sizeof piece ? LARGE - at : sizeof piece;
        pattern_fill(piece, want, at);
        taken = desk_put(request, span_make(piece, want));
        at += taken;
        hop_scene_settle(scene);
    }
    if (at == LARGE && !channel_is_ended(request->answer.bytes))
        desk_end(request);
    return at;
}

TEST(a_visitor_who_does_not_read_stops_the_connector_and_gets_all_when_he_does)
{
    struct pair pair;
    begin(&pair, "GET");
    pair.ask.ask.holds = true;
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    desk_begin(request, 200, LARGE);
    size_t out = pour(request, &pair.scene, 0);
    CHECK(out < ON_THE_WAY);
    CHECK(pair.scene.workers[0].edge.budget.used <= H2_STREAM_WINDOW);
    CHECK(pair.scene.workers[1].edge.budget.used <= H2_STREAM_WINDOW);
    pair.ask.ask.holds = false;
    for (size_t before = 0; out < LARGE && out > before;) {
        before = out;
        ask_take(&pair.ask.ask);
        hop_scene_settle(&pair.scene);
        out = pour(request, &pair.scene, out);
    }
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done);
    CHECK_SIZE(pair.ask.ask.text.len, LARGE);
    CHECK(pattern_fits(pair.ask.ask.text.data, pair.ask.ask.text.len, 0));
    end(&pair);
}

TEST(a_connector_that_does_not_read_stops_the_visitor_and_gets_all_when_it_does)
{
    static unsigned char piece[32 * 1024];
    struct pair pair;
    begin(&pair, "PUT");
    ask_announce(&pair.ask.ask, LARGE);
    pair.connector.desk.holds = true;
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    size_t stopped = 0;
    for (size_t at = 0, taken = 1; at < LARGE; at += taken) {
        pattern_fill(piece, sizeof piece, at);
        taken = channel_put(pair.ask.ask.body.bytes, piece, sizeof piece);
        hop_scene_settle(&pair.scene);
        if (taken > 0)
            continue;
        stopped = stopped == 0 ? at : stopped;
        REQUIRE(pair.connector.desk.holds);
        pair.connector.desk.holds = false;
        desk_read(request);
        hop_scene_settle(&pair.scene);
    }
    ask_end(&pair.ask.ask);
    hop_scene_settle(&pair.scene);
    CHECK(stopped > 0 && stopped < ON_THE_WAY);
    CHECK(request->body_ended);
    CHECK_SIZE(request->body.len, LARGE);
    CHECK(pattern_fits(request->body.data, request->body.len, 0));
    desk_answer(request, 201, NULL);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.status == 201);
    end(&pair);
}

TEST(a_stream_that_stands_still_holds_up_no_other_one_of_its_hop)
{
    struct pair pair;
    struct hop_ask quick;
    begin(&pair, "GET");
    pair.ask.ask.holds = true;
    struct desk_request *slow = ask_over(&pair);
    REQUIRE(slow != NULL);
    desk_begin(slow, 200, LENGTH_UNKNOWN);
    (void)pour(slow, &pair.scene, 0);
    hop_ask_init(&quick, "GET");
    CHECK(hop_ask_send(&quick, &pair.scene, 0));
    desk_answer(hop_connector_last(&pair.connector), 200, "quick");
    hop_scene_settle(&pair.scene);
    CHECK(quick.ask.done);
    CHECK(metric_value(pair.scene.workers[0].sessions) == 1);
    ask_release(&quick.ask);
    end(&pair);
}

TEST(sockets_that_take_a_few_bytes_at_a_time_carry_all)
{
    static unsigned char bytes[20000];
    struct pair pair;
    begin(&pair, "PUT");
    pair.scene.turned.memory.write_most = 7;
    pair.scene.turned.memory.read_most = 11;
    pattern_fill(bytes, sizeof bytes, 0);
    ask_announce(&pair.ask.ask, sizeof bytes);
    ask_put(&pair.ask.ask, span_make(bytes, sizeof bytes));
    ask_end(&pair.ask.ask);
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    CHECK(request->body_ended && pattern_fits(request->body.data, sizeof bytes, 0));
    desk_begin(request, 200, sizeof bytes);
    CHECK_SIZE(desk_put(request, span_make(bytes, sizeof bytes)), sizeof bytes);
    desk_end(request);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.done && pair.ask.ask.text.len == sizeof bytes);
    CHECK(pattern_fits(pair.ask.ask.text.data, sizeof bytes, 0));
    end(&pair);
}

/* ---- ends that are none ---- */

TEST(a_visitor_who_leaves_frees_the_connector_at_each_stage)
{
    for (int stage = 0; stage < 3; stage++) {
        struct pair pair;
        begin(&pair, "POST");
        ask_announce(&pair.ask.ask, LENGTH_UNKNOWN);
        struct desk_request *request = ask_over(&pair);
        REQUIRE(request != NULL);
        ask_put(&pair.ask.ask, SPAN("half"));
        if (stage > 0)
            desk_begin(request, 200, LENGTH_UNKNOWN);
        hop_scene_settle(&pair.scene);
        if (stage > 1)
            CHECK_SIZE(desk_put(request, SPAN("half")), 4);
        hop_scene_settle(&pair.scene);
        CHECK_SIZE(hops_serving(pair.scene.workers[1].edge.hops), 1);
        ask_close(&pair.ask.ask);
        hop_scene_settle(&pair.scene);
        CHECK_CASE(request->aborted == 1, "stage %d", stage);
        CHECK_SIZE(hops_serving(pair.scene.workers[1].edge.hops), 0);
        end(&pair);
    }
}

TEST(a_connector_that_resets_is_a_failure_at_each_stage)
{
    for (int stage = 0; stage < 3; stage++) {
        struct pair pair;
        begin(&pair, "POST");
        ask_announce(&pair.ask.ask, LENGTH_UNKNOWN);
        struct desk_request *request = ask_over(&pair);
        REQUIRE(request != NULL);
        ask_put(&pair.ask.ask, SPAN("half"));
        if (stage > 0)
            desk_begin(request, 200, LENGTH_UNKNOWN);
        if (stage > 1)
            CHECK_SIZE(desk_put(request, SPAN("half")), 4);
        hop_scene_settle(&pair.scene);
        CHECK(pair.ask.ask.status == (stage > 0 ? 200 : 0));
        desk_reset(request);
        desk_close(request);
        hop_scene_settle(&pair.scene);
        turned_loop_pass(&pair.scene.turned, EXCHANGE_LAST_WORDS_MS);
        CHECK_CASE(pair.ask.ask.failed && pair.ask.ask.why.kind == ERROR_NETWORK, "stage %d: %s",
                   stage, pair.ask.ask.why.text);
        CHECK(pair.ask.ask.ends == 1);
        end(&pair);
    }
}

TEST(a_connection_that_dies_inside_a_body_is_never_a_short_body)
{
    struct pair pair;
    begin(&pair, "GET");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    desk_begin(request, 200, LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(request, SPAN("half")), 4);
    hop_scene_settle(&pair.scene);
    hop_connector_die(&pair.connector);
    turned_loop_pass(&pair.scene.turned, EXCHANGE_LAST_WORDS_MS);
    CHECK(pair.ask.ask.failed && !pair.ask.ask.done);
    CHECK(!channel_is_ended(pair.ask.ask.from->bytes));
    end(&pair);
}

TEST(a_hop_that_is_lost_inside_a_body_is_told_both_ways_and_opened_anew)
{
    struct pair pair;
    struct hop_ask again;
    begin(&pair, "GET");
    struct desk_request *request = ask_over(&pair);
    REQUIRE(request != NULL);
    desk_begin(request, 200, LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(request, SPAN("half")), 4);
    hop_scene_settle(&pair.scene);
    hop_scene_break(&pair.scene);
    CHECK(pair.ask.ask.failed && pair.ask.ask.why.kind == ERROR_NETWORK);
    CHECK(!channel_is_ended(pair.ask.ask.from->bytes));
    CHECK_SIZE(request->aborted, 1);
    CHECK(metric_value(pair.scene.workers[0].sessions) == 0);
    hop_ask_init(&again, "GET");
    CHECK(hop_ask_send(&again, &pair.scene, 0));
    desk_answer(hop_connector_last(&pair.connector), 200, "again");
    hop_scene_settle(&pair.scene);
    CHECK(again.ask.done && metric_value(pair.scene.workers[0].sessions) == 1);
    ask_release(&again.ask);
    end(&pair);
}

/* ---- requests to the edge itself ---- */

TEST(a_request_to_the_edge_itself_crosses_as_the_visitor_sent_it)
{
    struct hop_scene scene;
    struct hop_ask ask;
    struct hop_opener opener;
    struct hop_word word = {.kind = HOP_OWN, .visitor = {.over_tls = true}};
    CHECK(ip_parse_with_port(SPAN("192.0.2.7:4711"), &word.visitor.address));
    hop_scene_begin(&scene);
    hop_ask_init(&ask, "POST");
    ask_field(&ask.ask, "authorization", "Bearer x");
    ask_field(&ask.ask, "culvert-hop", "own http 192.0.2.8:1");
    ask_announce(&ask.ask, 4);
    hop_opener_init(&opener, scene.workers[2].edge.hops, 0, &word);
    CHECK(ask_send(&ask.ask, &opener.opener));
    ask_put(&ask.ask, SPAN("{  }"));
    ask_end(&ask.ask);
    hop_scene_settle(&scene);
    struct hop_worker *head = &scene.workers[0];
    REQUIRE(head->own.count == 1);
    CHECK(ip_equal(&head->own_visitor.address, &word.visitor.address) &&
          head->own_visitor.over_tls);
    CHECK_SIZE(head->own.requests[0].head.fields.count, 1);
    CHECK_SPAN(buf_span(&head->own.requests[0].body), SPAN("{  }"));
    desk_answer(&head->own.requests[0], 200, "done");
    hop_scene_settle(&scene);
    CHECK(ask.ask.done);
    CHECK_SPAN(buf_span(&ask.ask.text), SPAN("done"));
    CHECK(headers_has(&ask.ask.got.fields, SPAN("x-desk"))); /* nothing is unpacked */
    ask_release(&ask.ask);
    hop_scene_end(&scene);
}

TEST(a_worker_that_is_not_the_head_serves_no_request_to_the_edge_itself)
{
    struct hop_scene scene;
    struct hop_ask ask;
    struct hop_opener opener;
    const struct hop_word word = {.kind = HOP_OWN};
    hop_scene_begin(&scene);
    hop_ask_init(&ask, "GET");
    hop_opener_init(&opener, scene.workers[2].edge.hops, 1, &word);
    CHECK(ask_send(&ask.ask, &opener.opener));
    hop_scene_settle(&scene);
    CHECK(ask.ask.failed);
    CHECK_SIZE(scene.workers[1].own.count, 0);
    ask_release(&ask.ask);
    hop_scene_end(&scene);
}
