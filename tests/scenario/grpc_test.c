/* What gRPC needs of both ends and an origin that speaks HTTP/2: streams both ways, for as long as
 * they like, trailers, and that everybody hears who left. */
#include "harness.h"
#include "support/h2_far.h"
#include "support/h2_visitor.h"

enum { HOUR_MS = 60 * 60 * 1000 };

struct scene {
    struct both_ends ends;
    struct h2_far far; /* at 127.0.0.1:5000 */
    struct h2_visitor visitor;
};

static void scene_open(struct scene *scene)
{
    both_ends_open(&scene->ends);
    h2_far_open(&scene->far, scene->ends.loop, &scene->ends.memory, "127.0.0.1:5000");
    both_ends_connect(&scene->ends, "ingress:\n"
                                    "  - service: h2c://127.0.0.1:5000\n");
    CHECK(both_ends_registered(&scene->ends, 4));
    h2_visitor_open(&scene->visitor, &scene->ends);
}

static void scene_close(struct scene *scene)
{
    h2_visitor_close(&scene->visitor);
    both_ends_close(&scene->ends);
}

/* A call; its messages follow. */
static void call(struct scene *scene, struct ask *ask, size_t number)
{
    ask_init(ask, "POST", "/package.Service/Method");
    buf_clear(&ask->head.authority);
    CHECK(buf_put_span(&ask->head.authority, SPAN("app.example.com")));
    ask_field(ask, "content-type", "application/grpc");
    ask_field(ask, "te", "trailers");
    ask_announce(ask, LENGTH_UNKNOWN);
    CHECK(ask_send(ask, &scene->visitor.opener));
    CHECK(settle(scene->ends.loop));
    REQUIRE(scene->far.desk.count == number + 1);
}

static void hear_all(struct scene *scene)
{
    CHECK(settle(scene->ends.loop));
}

static void release(struct scene *scene, struct ask *ask)
{
    ask_release(ask);
    hear_all(scene);
    h2_far_close(&scene->far);
}

TEST(a_call_goes_both_ways_at_once_and_ends_with_trailers)
{
    static struct scene scene;
    struct ask ask;
    struct span status = SPAN("");
    scene_open(&scene);
    call(&scene, &ask, 0);
    struct desk_request *request = &scene.far.desk.requests[0];
    struct span te = SPAN("");
    CHECK(headers_find(&request->head.fields, SPAN("te"), &te) && span_equal(te, SPAN("trailers")));
    ask_put(&ask, SPAN("1"));
    hear_all(&scene);
    CHECK_SPAN(buf_span(&request->body), SPAN("1"));
    desk_begin(request, 200, LENGTH_UNKNOWN);
    hear_all(&scene);
    CHECK_SIZE(ask.status, 200); /* the head does not wait for a message */
    for (int i = 0; i < 3; i++) {
        CHECK_SIZE(desk_put(request, SPAN("a")), 1);
        hear_all(&scene);
        ask_put(&ask, SPAN("q"));
        hear_all(&scene);
    }
    CHECK_SPAN(buf_span(&ask.text), SPAN("aaa"));
    CHECK_SPAN(buf_span(&request->body), SPAN("1qqq"));
    ask_end(&ask);
    hear_all(&scene);
    CHECK(request->body_ended);
    desk_trailer(request, "grpc-status", "0");
    desk_end(request);
    CHECK(h2_visitor_hears(&scene.visitor, &ask));
    CHECK(ask.done && headers_find(&ask.trailers, SPAN("grpc-status"), &status));
    CHECK_SPAN(status, SPAN("0"));
    release(&scene, &ask);
    scene_close(&scene);
}

TEST(an_error_of_trailers_only_is_one_head_at_the_visitor_too)
{
    static const struct header fields[] = {
        {SPAN_INIT("content-type"), SPAN_INIT("application/grpc")},
        {SPAN_INIT("grpc-status"), SPAN_INIT("9")},
        {SPAN_INIT("grpc-message"), SPAN_INIT("not%20now")},
        {SPAN_INIT(""), SPAN_INIT("")}};
    static struct scene scene;
    struct ask ask;
    struct span value = SPAN("");
    scene_open(&scene);
    scene.far.desk.fields = fields;
    call(&scene, &ask, 0);
    ask_end(&ask);
    desk_answer(&scene.far.desk.requests[0], 200, NULL);
    CHECK(h2_visitor_hears(&scene.visitor, &ask));
    CHECK(ask.done && ask.status == 200 && !ask.from);
    CHECK(headers_find(&ask.got.fields, SPAN("grpc-message"), &value));
    CHECK_SPAN(value, SPAN("not%20now"));
    release(&scene, &ask);
    scene_close(&scene);
}

TEST(a_call_may_be_silent_for_an_hour_before_and_within_its_answer)
{
    static struct scene scene;
    struct ask ask;
    scene_open(&scene);
    call(&scene, &ask, 0);
    struct desk_request *request = &scene.far.desk.requests[0];
    both_ends_pass(&scene.ends, HOUR_MS);
    ask_put(&ask, SPAN("late"));
    hear_all(&scene);
    CHECK_SPAN(buf_span(&request->body), SPAN("late"));
    desk_begin(request, 200, LENGTH_UNKNOWN);
    both_ends_pass(&scene.ends, HOUR_MS);
    CHECK_SIZE(desk_put(request, SPAN("later")), 5);
    hear_all(&scene);
    CHECK_SPAN(buf_span(&ask.text), SPAN("later"));
    both_ends_pass(&scene.ends, HOUR_MS);
    desk_trailer(request, "grpc-status", "0");
    desk_end(request);
    ask_end(&ask);
    CHECK(h2_visitor_hears(&scene.visitor, &ask));
    CHECK(ask.done && !ask.failed);
    CHECK_SIZE(scene.far.count, 1); /* over one session of the origin's, all the time */
    release(&scene, &ask);
    scene_close(&scene);
}

TEST(who_leaves_is_heard_of_at_the_origin_and_the_other_way_round)
{
    static struct scene scene;
    struct ask first, second;
    scene_open(&scene);
    call(&scene, &first, 0);
    call(&scene, &second, 1);
    CHECK_SIZE(scene.far.count, 1);
    ask_close(&first);
    hear_all(&scene);
    CHECK_SIZE(scene.far.desk.requests[0].aborted, 1);
    CHECK_SIZE(scene.far.desk.requests[1].aborted, 0);
    desk_begin(&scene.far.desk.requests[1], 200, LENGTH_UNKNOWN);
    hear_all(&scene);
    desk_reset(&scene.far.desk.requests[1]);
    CHECK(h2_visitor_hears(&scene.visitor, &second));
    CHECK(second.failed && second.status == 200);
    ask_release(&first);
    release(&scene, &second);
    scene_close(&scene);
}

TEST(an_origin_that_does_not_read_holds_its_own_call_only)
{
    static struct scene scene;
    struct ask stuck, free_one;
    static unsigned char bytes[CHANNEL_LIMIT];
    size_t put = 0;
    scene_open(&scene);
    scene.far.desk.holds = true;
    call(&scene, &stuck, 0);
    for (size_t last = 1; last > 0; put += last) {
        last = channel_put(stuck.body.bytes, bytes, sizeof bytes);
        hear_all(&scene);
        both_ends_pass(&scene.ends, 100);
    }
    CHECK(put < 2 * 1024 * 1024); /* windows and channels, and no more */
    scene.far.desk.holds = false;
    call(&scene, &free_one, 1);
    ask_put(&free_one, SPAN("passes"));
    hear_all(&scene);
    CHECK_SPAN(buf_span(&scene.far.desk.requests[1].body), SPAN("passes"));
    ask_release(&stuck);
    release(&scene, &free_one);
    scene_close(&scene);
}

TEST(many_calls_at_once_share_a_session)
{
    enum { CALLS = 60 };
    static struct scene scene;
    static struct ask asks[CALLS];
    scene_open(&scene);
    for (size_t i = 0; i < CALLS; i++)
        call(&scene, &asks[i], i);
    CHECK_SIZE(scene.far.count, 1);
    for (size_t i = 0; i < CALLS; i++) {
        ask_end(&asks[i]);
        desk_answer(&scene.far.desk.requests[i], 200, "hi");
        CHECK(h2_visitor_hears(&scene.visitor, &asks[i]));
        CHECK(asks[i].done);
    }
    for (size_t i = 0; i < CALLS; i++)
        ask_release(&asks[i]);
    hear_all(&scene);
    h2_far_close(&scene.far);
    scene_close(&scene);
}
