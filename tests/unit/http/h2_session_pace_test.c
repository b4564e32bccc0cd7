/* How much an HTTP/2 session takes on in one turn of the loop. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_wire.h"
#include "support/turned_loop.h"

struct scene {
    struct turned_loop turned;
    struct raw_peer peer; /* speaks as a client */
    struct h2_session *session;
    size_t came, closed;
};

static void on_answered(void *arg)
{
    (void)arg;
}

static void on_aborted(void *arg, const struct error *why)
{
    (void)why;
    inbound_close(arg);
}

static const struct inbound_events inbound_events = {on_answered, on_aborted};

static void on_request(void *arg, struct inbound *in)
{
    struct scene *scene = arg;
    scene->came++;
    inbound_set_events(in, &inbound_events, in);
}

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg, const struct error *why)
{
    struct scene *scene = arg;
    (void)why;
    scene->closed++;
}

static const struct h2_session_events events = {on_request, on_goaway, on_idle, on_closed};
static const struct conn_events nobody;

static void begin(struct scene *scene)
{
    static const struct h2_options options = {
        .is_server = true, .streams_max = 100, .head_max = 64 * 1024};
    struct error err = {0};
    memset(scene, 0, sizeof *scene);
    turned_loop_init(&scene->turned);
    struct conn *conn =
        conn_new(scene->turned.loop, raw_peer_open(&scene->peer), &nobody, NULL, &err);
    REQUIRE(conn != NULL);
    scene->session = h2_session_new(conn, &options, &events, scene, &err);
    REQUIRE(scene->session != NULL);
}

static void end(struct scene *scene)
{
    h2_session_close(scene->session);
    raw_peer_close(&scene->peer);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
}

/* GET https://a/ on stream `id`, and its RST_STREAM CANCEL. */
static void put_request_and_reset(struct buf *out, uint32_t id)
{
    const unsigned char stream[] = {(unsigned char)(id >> 24), (unsigned char)(id >> 16),
                                    (unsigned char)(id >> 8), (unsigned char)id};
    REQUIRE(buf_put(out, "\0\0\6\1\5", 5) && buf_put(out, stream, 4) &&
            buf_put(out,
                    "\x82\x87\x84\x01\x01"
                    "a",
                    6) &&
            buf_put(out, "\0\0\4\3\0", 5) && buf_put(out, stream, 4) &&
            buf_put(out, "\0\0\0\x08", 4));
}

TEST(requests_that_are_reset_at_once_come_no_faster_than_they_are_cleaned_up)
{
    enum { REQUESTS = 4 * H2_NEW_PER_TURN };
    struct scene scene;
    struct buf bytes = BUF_LIMIT(1024 * 1024);
    begin(&scene);
    turned_loop_settle(&scene.turned);
    REQUIRE(buf_put(&bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
    for (uint32_t i = 0; i < REQUESTS; i++)
        put_request_and_reset(&bytes, 2 * i + 1);
    REQUIRE(bytes.len < LOOP_SCRATCH); /* all of it is one read */
    REQUIRE(raw_peer_put(&scene.peer, buf_span(&bytes)) == bytes.len);
    for (size_t before = 0; scene.came < REQUESTS; before = scene.came) {
        (void)loop_turn(scene.turned.loop, 0);
        REQUIRE(scene.came - before <= H2_NEW_PER_TURN);
        REQUIRE(scene.closed == 0);
    }
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.came, REQUESTS);
    CHECK_SIZE(h2_session_streams(scene.session), 0);
    CHECK_SIZE(scene.closed, 0);
    buf_release(&bytes);
    end(&scene);
}

/* The first field of the last one that a turn takes is where it rests. */
TEST(a_head_whose_last_field_is_where_the_turn_rests_is_judged_without_more_bytes)
{
    enum { LAST = 2 * H2_NEW_PER_TURN - 1 };
    struct scene scene;
    struct buf bytes = BUF_LIMIT(1024 * 1024);
    begin(&scene);
    REQUIRE(buf_put(&bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
    for (uint32_t id = 1; id < LAST; id += 2)
        put_request_and_reset(&bytes, id);
    wire_put(&bytes, &(struct wire_frame){.type = WIRE_HEADERS,
                                          .flags = WIRE_END_HEADERS | WIRE_END_STREAM,
                                          .stream = LAST,
                                          .payload = SPAN("\x82")}); /* a method and no more */
    REQUIRE(raw_peer_put(&scene.peer, buf_span(&bytes)) == bytes.len);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.came, H2_NEW_PER_TURN - 1);
    CHECK_SIZE(h2_session_streams(scene.session), 0);
    raw_peer_pull(&scene.peer);
    CHECK_SIZE(wire_count(buf_span(&scene.peer.got), WIRE_RST_STREAM, LAST, NULL), 1);
    CHECK_SIZE(scene.closed, 0);
    buf_release(&bytes);
    end(&scene);
}

/* Each visitor that leaves is one reset of its edge. */
TEST(a_hundred_thousand_resets_end_no_session_without_a_guard)
{
    enum { BATCH = 1000, BATCHES = 100 };
    struct scene scene;
    struct buf bytes = BUF_LIMIT(1024 * 1024);
    begin(&scene);
    REQUIRE(buf_put(&bytes, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33));
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        for (uint32_t i = 0; i < BATCH; i++)
            put_request_and_reset(&bytes, 2 * (batch * BATCH + i) + 1);
        REQUIRE(raw_peer_put(&scene.peer, buf_span(&bytes)) == bytes.len);
        buf_clear(&bytes);
        turned_loop_settle(&scene.turned);
        REQUIRE(h2_session_streams(scene.session) == 0);
    }
    CHECK_SIZE(scene.came, BATCHES * BATCH);
    CHECK_SIZE(scene.closed, 0);
    buf_release(&bytes);
    end(&scene);
}
