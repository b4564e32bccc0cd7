/* Heads that cannot be sent cost their own stream, never the connection. */
#include "support/h2_scene.h"

#include "harness.h"

enum { LIST_MAX = 256 * 1024 };

struct scene {
    struct h2_scene two;
    struct buf value;
};

static void scene_begin(struct scene *scene)
{
    h2_scene_prepare(&scene->two);
    scene->two.client.options.head_max = LIST_MAX;
    scene->two.server.options.head_max = LIST_MAX;
    h2_scene_open(&scene->two);
    scene->value = (struct buf)BUF_LIMIT(LIST_MAX);
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

TEST(a_request_with_a_field_that_nobody_could_unpack_is_not_sent)
{
    for (size_t more = 0; more < 2; more++) {
        struct scene scene;
        struct ask ask;
        scene_begin(&scene);
        ask_init(&ask, "GET", "/");
        struct span value = value_of(&scene, H2_FIELD_MAX + more);
        CHECK(headers_add(&ask.head.fields, SPAN("x-big"), value, NULL));
        bool sent = ask_send(&ask, &scene.two.opener);
        turned_loop_settle(&scene.two.turned);
        CHECK(sent == (more == 0));
        CHECK_SIZE(scene.two.desk.count, sent ? 1 : 0);
        CHECK(sent || ask.why.kind == ERROR_INVALID);
        if (sent)
            CHECK(headers_has(&scene.two.desk.requests[0].head.fields, SPAN("x-big")));
        ask_release(&ask);
        CHECK(is_well(&scene));
        scene_end(&scene);
    }
}

static void answer_with(struct scene *scene, struct span value, size_t count)
{
    struct inbound *in = scene->two.desk.requests[0].in;
    struct response_head head;
    struct error err = {0};
    response_head_init(&head);
    head.status = 200;
    head.ends_here = true;
    for (size_t i = 0; i < count; i++)
        CHECK(headers_add(&head.fields, SPAN("x-big"), value, NULL));
    bool ok = inbound_answer(in, &head, NULL, &err);
    response_head_release(&head);
    CHECK(ok == (value.len <= H2_FIELD_MAX));
    CHECK(ok || err.kind == ERROR_PROTOCOL);
    if (!ok) /* something shorter may be said instead */
        desk_answer(&scene->two.desk.requests[0], 502, "sorry");
}

TEST(an_answer_with_such_a_field_may_be_replaced_by_another_one)
{
    for (size_t more = 0; more < 2; more++) {
        struct scene scene;
        struct ask ask;
        scene_begin(&scene);
        ask_init(&ask, "GET", "/");
        REQUIRE(ask_send(&ask, &scene.two.opener));
        turned_loop_settle(&scene.two.turned);
        REQUIRE(scene.two.desk.count == 1);
        answer_with(&scene, value_of(&scene, H2_FIELD_MAX + more), 1);
        turned_loop_settle(&scene.two.turned);
        CHECK_SIZE(ask.status, more == 0 ? 200 : 502);
        ask_release(&ask);
        CHECK(is_well(&scene));
        scene_end(&scene);
    }
}

TEST(an_answer_whose_fields_are_too_many_bytes_together_resets_its_stream)
{
    struct scene scene;
    struct ask ask;
    scene_begin(&scene);
    ask_init(&ask, "GET", "/");
    REQUIRE(ask_send(&ask, &scene.two.opener));
    turned_loop_settle(&scene.two.turned);
    REQUIRE(scene.two.desk.count == 1);
    answer_with(&scene, value_of(&scene, 52420), 5);
    turned_loop_settle(&scene.two.turned);
    CHECK(ask.failed && ask.status == 0);
    ask_release(&ask);
    CHECK(is_well(&scene));
    scene_end(&scene);
}

TEST(a_trailer_that_nobody_could_unpack_cuts_its_answer)
{
    struct scene scene;
    struct ask ask;
    scene_begin(&scene);
    ask_init(&ask, "GET", "/");
    REQUIRE(ask_send(&ask, &scene.two.opener));
    turned_loop_settle(&scene.two.turned);
    REQUIRE(scene.two.desk.count == 1);
    (void)value_of(&scene, H2_FIELD_MAX + 1);
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
