/* A WebSocket of a visitor whose worker holds no connection of the tunnel. */
#include "support/hop_scene.h"

#include "culvert/proxy/exchange.h"
#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/stream_kind.h"
#include "culvert/tunnel/user_headers.h"
#include "harness.h"

/* Connection: Upgrade, Upgrade: websocket, X: y */
static const struct header accepts[] = {
    {SPAN_INIT(RESPONSE_META_FIELD), SPAN_INIT("{\"src\":\"origin\"}")},
    {SPAN_INIT(USER_HEADERS_FIELD),
     SPAN_INIT("Q29ubmVjdGlvbg:VXBncmFkZQ;VXBncmFkZQ:d2Vic29ja2V0;eA:eQ")},
    {SPAN_INIT(""), SPAN_INIT("")},
};
static const struct header refuses[] = {
    {SPAN_INIT(RESPONSE_META_FIELD), SPAN_INIT("{\"src\":\"origin\"}")},
    {SPAN_INIT(USER_HEADERS_FIELD), SPAN_INIT("eA:eQ")},
    {SPAN_INIT(""), SPAN_INIT("")},
};
static const struct header garbles[] = {
    {SPAN_INIT(RESPONSE_META_FIELD), SPAN_INIT("{\"src\":\"origin\"}")},
    {SPAN_INIT(USER_HEADERS_FIELD), SPAN_INIT("no:*")},
    {SPAN_INIT(""), SPAN_INIT("")},
};

struct pair {
    struct hop_scene scene;
    struct hop_connector connector;
    struct hop_ask ask;
    struct desk_request *request;
};

/* The visitor is at worker 0; `at` is where the connection is. */
static void begin(struct pair *pair, size_t at, const struct header *fields)
{
    hop_scene_begin(&pair->scene);
    hop_connector_open(&pair->connector, &pair->scene, at);
    pair->connector.desk.fields = fields;
    pair->connector.desk.keeps = pair->connector.desk.upgrades = true;
    hop_ask_init(&pair->ask, "GET");
    ask_announce(&pair->ask.ask, LENGTH_UNKNOWN);
    pair->ask.ask.head.is_websocket = true;
    CHECK(hop_ask_send(&pair->ask, &pair->scene, 0));
    pair->request = hop_connector_last(&pair->connector);
    CHECK(pair->request != NULL);
}

static void accept_it(struct pair *pair)
{
    desk_begin(pair->request, 200, LENGTH_UNKNOWN);
    hop_scene_settle(&pair->scene);
    CHECK_SIZE(pair->ask.ask.status, 101);
}

static void end(struct pair *pair)
{
    ask_release(&pair->ask.ask);
    hop_scene_settle(&pair->scene);
    hop_connector_close(&pair->connector);
    hop_scene_end(&pair->scene);
}

TEST(a_websocket_crosses_a_hop_as_it_does_not)
{
    for (size_t at = 0; at < 2; at++) {
        struct pair pair;
        struct ask *ask = &pair.ask.ask;
        begin(&pair, at, accepts);
        CHECK(stream_kind_of(&pair.request->head) == STREAM_WEBSOCKET);
        accept_it(&pair);
        CHECK(headers_has(&ask->got.fields, SPAN("x")) && ask->got.fields.count == 1);
        ask_put(ask, SPAN("ping"));
        CHECK_SIZE(desk_put(pair.request, SPAN("pong")), 4);
        hop_scene_settle(&pair.scene);
        CHECK_SPAN(buf_span(&pair.request->body), SPAN("ping"));
        CHECK_SPAN(buf_span(&ask->text), SPAN("pong"));
        desk_end(pair.request);
        hop_scene_settle(&pair.scene);
        CHECK(ask->halves == 1 && ask->ends == 0 && pair.request->answered == 1);
        ask_put(ask, SPAN(" and more"));
        ask_end(ask);
        hop_scene_settle(&pair.scene);
        CHECK(ask->done && ask->ends == 1 && pair.request->body_ended);
        CHECK_SPAN(buf_span(&pair.request->body), SPAN("ping and more"));
        CHECK_SIZE(hops_serving(pair.scene.workers[1].edge.hops), 0);
        end(&pair);
    }
}

TEST(a_refused_websocket_is_an_ordinary_answer_behind_a_hop_too)
{
    for (size_t at = 0; at < 2; at++) {
        struct pair pair;
        begin(&pair, at, refuses);
        pair.connector.desk.upgrades = false;
        desk_answer(pair.request, 200, "no");
        hop_scene_settle(&pair.scene);
        CHECK(pair.ask.ask.done && pair.ask.ask.status == 200);
        CHECK_SPAN(buf_span(&pair.ask.ask.text), SPAN("no"));
        end(&pair);
    }
}

TEST(an_answer_that_cannot_be_unpacked_fails_a_websocket)
{
    for (size_t at = 0; at < 2; at++) {
        struct pair pair;
        begin(&pair, at, garbles);
        desk_begin(pair.request, 200, LENGTH_UNKNOWN);
        hop_scene_settle(&pair.scene);
        CHECK(pair.ask.ask.failed && pair.ask.ask.why.kind == ERROR_PROTOCOL);
        end(&pair);
    }
}

TEST(a_websocket_that_breaks_behind_a_hop_is_cut_on_this_side_of_it)
{
    struct pair pair;
    begin(&pair, 1, accepts);
    accept_it(&pair);
    hop_connector_die(&pair.connector);
    turned_loop_pass(&pair.scene.turned, EXCHANGE_LAST_WORDS_MS);
    CHECK(pair.ask.ask.failed && pair.request->aborted == 1);
    end(&pair);
    begin(&pair, 1, accepts);
    accept_it(&pair);
    desk_end(pair.request);
    hop_scene_settle(&pair.scene);
    ask_close(&pair.ask.ask); /* before the visitor's direction ended */
    hop_scene_settle(&pair.scene);
    CHECK(pair.request->answered == 1 && pair.request->aborted == 1);
    end(&pair);
    begin(&pair, 1, accepts);
    accept_it(&pair);
    ask_end(&pair.ask.ask);
    turned_loop_pass(&pair.scene.turned, 2 * EXCHANGE_HALF_CLOSED_MS);
    hop_scene_settle(&pair.scene);
    CHECK(pair.ask.ask.failed); /* the exchange of the other worker has its own patience */
    end(&pair);
}
