/* Heads that cannot be sent cost their own stream, never the connection. */
#include "support/h2_scene.h"
#include "support/h2_wire.h"

#include "harness.h"

enum { LIST_MAX = 256 * 1024 };

struct scene {
    struct h2_scene two;
    struct buf value;
};

static void scene_prepare(struct scene *scene)
{
    h2_scene_prepare(&scene->two);
    scene->two.client.options.head_max = LIST_MAX;
    scene->two.server.options.head_max = LIST_MAX;
    scene->value = (struct buf)BUF_LIMIT(HEADERS_BYTES_MAX);
}

static void scene_end(struct scene *scene)
{
    buf_release(&scene->value);
    h2_scene_end(&scene->two);
}

/* Bytes that packing makes longer, so that they travel as they are. */
static struct span value_of(struct scene *scene, size_t len)
{
    buf_clear(&scene->value);
    char *room = buf_room(&scene->value, len);
    CHECK(room != NULL);
    memset(room, '~', len);
    buf_added(&scene->value, len);
    return buf_span(&scene->value);
}

/* Does the connection carry one more request? */
static bool is_well(struct scene *scene)
{
    struct ask ask;
    size_t before = scene->two.desk.count;
    ask_init(&ask, "GET", "/after");
    bool sent = ask_send(&ask, &scene->two.opener);
    turned_loop_settle(&scene->two.turned);
    bool arrived = sent && scene->two.desk.count == before + 1;
    ask_release(&ask);
    turned_loop_settle(&scene->two.turned);
    return arrived && scene->two.client.closed + scene->two.server.closed == 0;
}

static void answer_at(struct scene *scene, size_t index, struct span value, size_t count)
{
    struct desk_request *request = &scene->two.desk.requests[index];
    struct response_head head;
    struct error err = {0};
    response_head_init(&head);
    head.status = 200;
    head.ends_here = true;
    for (size_t i = 0; i < count; i++)
        CHECK(headers_add(&head.fields, SPAN("x-big"), value, NULL));
    bool ok = inbound_answer(request->in, &head, NULL, &err);
    response_head_release(&head);
    CHECK(ok || err.kind == ERROR_PROTOCOL || err.kind == ERROR_LIMIT);
    if (!ok) /* something shorter may be said instead */
        desk_answer(request, 502, "sorry");
}

/* A session with a raw server, which says how long its heads may be, or nothing of it. */
static void open_raw(struct scene *scene, struct raw_peer *peer, uint32_t told)
{
    enum { MAX_HEADER_LIST_SIZE = 6 };
    struct buf hello = BUF_LIMIT(1024);
    h2_end_open(&scene->two.client, &scene->two.turned, raw_peer_open(peer));
    wire_put_settings(&hello, told > 0 ? MAX_HEADER_LIST_SIZE : 0, told);
    wire_put_ack(&hello);
    CHECK_SIZE(raw_peer_put(peer, buf_span(&hello)), hello.len);
    turned_loop_settle(&scene->two.turned);
    buf_release(&hello);
}

TEST(a_request_is_sent_if_its_peer_has_room_for_it)
{
    static const struct {
        uint32_t told; /* by the peer; 0: nothing */
        bool any;      /* sends_long_fields */
        size_t len;    /* of a field */
        bool sent;
    } cases[] = {
        {0, false, H2_FIELD_MAX, true},
        {0, false, H2_FIELD_MAX + 1, false},
        {0, true, H2_FIELD_MAX + 1, true},
        {0, true, HEADERS_BYTES_MAX - 10, true},
        {LIST_MAX, false, H2_FIELD_MAX + 1, true},
        {LIST_MAX, false, LIST_MAX - 400, true},
        {LIST_MAX, false, LIST_MAX - 40, false},
        {LIST_MAX, true, LIST_MAX, false},
        {32 * 1024, false, 32 * 1024 - 400, true},
        {32 * 1024, false, 32 * 1024 - 40, false},
        {32 * 1024, true, 32 * 1024 - 40, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct raw_peer peer;
        struct ask ask;
        scene_prepare(&scene);
        scene.two.client.options.sends_long_fields = cases[i].any;
        open_raw(&scene, &peer, cases[i].told);
        ask_init(&ask, "GET", "/");
        CHECK(headers_add(&ask.head.fields, SPAN("x-big"), value_of(&scene, cases[i].len), NULL));
        bool sent = ask_send(&ask, &scene.two.opener);
        CHECK_CASE(sent == cases[i].sent, "case %zu: %s", i, ask.why.text);
        CHECK(sent || ask.why.kind == ERROR_INVALID);
        struct span heard = raw_peer_hear(&peer, &scene.two.turned);
        CHECK_SIZE(wire_count(heard, WIRE_HEADERS, 1, NULL), sent ? 1 : 0);
        CHECK_SIZE(scene.two.client.closed, 0);
        ask_release(&ask);
        raw_peer_close(&peer);
        scene_end(&scene);
    }
}

/* A visitor's word is not taken: behind it may be an nghttp2 that says more than it unpacks. */
TEST(an_answer_that_its_peer_has_no_room_for_may_be_replaced_by_another_one)
{
    static const struct {
        bool is_visitor;
        uint32_t told;
        size_t len, count; /* of fields */
        int status;
    } cases[] = {
        {true, LIST_MAX, H2_FIELD_MAX, 1, 200},
        {true, LIST_MAX, H2_FIELD_MAX + 1, 1, 502},
        {true, LIST_MAX, 52420, 5, 502},
        {true, 1024 * 1024, 52420, 5, 502},
        {true, 1024 * 1024, 52420, 4, 200},
        {true, 32 * 1024, 32 * 1024, 1, 502},
        {false, LIST_MAX, H2_FIELD_MAX + 1, 1, 200},
        {false, LIST_MAX, LIST_MAX - 300, 1, 200},
        {false, LIST_MAX, LIST_MAX, 1, 502},
        {false, LIST_MAX, 52420, 5, 502},
        {false, 1024 * 1024, 52420, 5, 200},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct ask ask;
        scene_prepare(&scene);
        scene.two.client.options.head_max = cases[i].told;
        scene.two.server.options.is_guarded = cases[i].is_visitor;
        h2_scene_open(&scene.two);
        ask_init(&ask, "GET", "/");
        REQUIRE(ask_send(&ask, &scene.two.opener));
        turned_loop_settle(&scene.two.turned);
        REQUIRE(scene.two.desk.count == 1);
        answer_at(&scene, 0, value_of(&scene, cases[i].len), cases[i].count);
        turned_loop_settle(&scene.two.turned);
        CHECK_CASE(ask.status == cases[i].status, "case %zu: %d %s", i, ask.status, ask.why.text);
        if (ask.status == 200)
            CHECK_SIZE(headers_at(&ask.got.fields, 0).value.len, cases[i].len);
        ask_release(&ask);
        CHECK(is_well(&scene));
        scene_end(&scene);
    }
}

TEST(a_trailer_that_its_peer_has_no_room_for_cuts_its_answer)
{
    struct scene scene;
    struct ask ask;
    scene_prepare(&scene);
    h2_scene_open(&scene.two);
    ask_init(&ask, "GET", "/");
    REQUIRE(ask_send(&ask, &scene.two.opener));
    turned_loop_settle(&scene.two.turned);
    REQUIRE(scene.two.desk.count == 1);
    (void)value_of(&scene, LIST_MAX);
    desk_begin(&scene.two.desk.requests[0], 200, LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(&scene.two.desk.requests[0], SPAN("body")), 4);
    desk_trailer(&scene.two.desk.requests[0], "x-sum", buf_text(&scene.value));
    desk_end(&scene.two.desk.requests[0]);
    turned_loop_settle(&scene.two.turned);
    CHECK_SIZE(ask.status, 200);
    CHECK(ask.failed && !ask.done);
    ask_release(&ask);
    CHECK(is_well(&scene));
    scene_end(&scene);
}

/* ---- long heads of one session together ---- */

enum { LONG = 1000 * 1000, MANY = H2_LONG_HEADS_MAX / LONG };

static void open_long(struct scene *scene)
{
    scene_prepare(scene);
    scene->two.client.options.head_max = HEADERS_BYTES_MAX;
    scene->two.server.options.head_max = HEADERS_BYTES_MAX;
    h2_scene_open(&scene->two);
}

TEST(requests_with_long_heads_are_refused_when_too_many_are_open)
{
    struct scene scene;
    static struct ask asks[MANY + 1];
    open_long(&scene);
    for (size_t i = 0; i <= MANY; i++) {
        ask_init(&asks[i], "GET", "/");
        CHECK(headers_add(&asks[i].head.fields, SPAN("x"), value_of(&scene, LONG), NULL));
        CHECK(ask_send(&asks[i], &scene.two.opener));
        turned_loop_settle(&scene.two.turned);
    }
    CHECK_SIZE(scene.two.desk.count, MANY);
    CHECK(asks[MANY].failed && asks[MANY].why.kind == ERROR_LIMIT); /* it may go elsewhere */
    CHECK(is_well(&scene));                                         /* others pass */
    desk_answer(&scene.two.desk.requests[0], 204, NULL);
    turned_loop_settle(&scene.two.turned);
    ask_release(&asks[MANY]);
    ask_init(&asks[MANY], "GET", "/");
    CHECK(headers_add(&asks[MANY].head.fields, SPAN("x"), value_of(&scene, LONG), NULL));
    CHECK(ask_send(&asks[MANY], &scene.two.opener));
    turned_loop_settle(&scene.two.turned);
    CHECK(!asks[MANY].failed);
    for (size_t i = 0; i <= MANY; i++)
        ask_release(&asks[i]);
    turned_loop_settle(&scene.two.turned);
    scene_end(&scene);
}

TEST(long_heads_that_wait_to_be_sent_are_bounded_together)
{
    struct scene scene;
    static struct ask asks[MANY + 1];
    open_long(&scene);
    for (size_t i = 0; i <= MANY; i++) {
        ask_init(&asks[i], "GET", "/");
        CHECK(ask_send(&asks[i], &scene.two.opener));
    }
    turned_loop_settle(&scene.two.turned);
    REQUIRE(scene.two.desk.count == MANY + 1);
    for (size_t i = 0; i <= MANY; i++) /* nothing is sent before the turn ends */
        answer_at(&scene, i, value_of(&scene, LONG), 1);
    turned_loop_settle(&scene.two.turned);
    for (size_t i = 0; i <= MANY; i++)
        CHECK_CASE(asks[i].status == (i < MANY ? 200 : 502), "%zu: %d", i, asks[i].status);
    for (size_t i = 0; i <= MANY; i++)
        ask_release(&asks[i]);
    CHECK(is_well(&scene));
    struct ask ask;
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &scene.two.opener));
    turned_loop_settle(&scene.two.turned);
    answer_at(&scene, scene.two.desk.count - 1, value_of(&scene, LONG), 1);
    turned_loop_settle(&scene.two.turned);
    CHECK_SIZE(ask.status, 200);
    ask_release(&ask);
    turned_loop_settle(&scene.two.turned);
    scene_end(&scene);
}
