/* A guarded client, as the edge is toward connectors: before its peer is known it takes short heads
 * only, from then on long ones. */
#include "culvert/http/h2_guard.h"
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"
#include "support/must.h"

enum { FRAME = 16 * 1024, MANY_FRAMES = 40 };

struct scene {
    struct h2_scene two; /* the client of which is used */
    struct raw_peer peer;
    struct ask ask;
    struct buf out;
};

static void begin(struct scene *scene, bool is_known)
{
    h2_scene_prepare(&scene->two);
    scene->two.client.options.head_max = HEADERS_BYTES_MAX;
    scene->two.client.options.is_guarded = true;
    h2_end_open(&scene->two.client, &scene->two.turned, raw_peer_open(&scene->peer));
    scene->out = (struct buf)BUF_LIMIT(32 * 1024 * 1024);
    wire_put_settings(&scene->out, 0, 0);
    wire_put_ack(&scene->out);
    ask_init(&scene->ask, "GET", "/");
    CHECK(ask_send(&scene->ask, &scene->two.opener));
    turned_loop_settle(&scene->two.turned);
    if (is_known)
        h2_session_trust(scene->two.client.session);
}

/* An answer with a field of so many bytes, in frames of at most `frame`. */
static void answer(struct scene *scene, size_t len, size_t frame)
{
    struct buf block = BUF_LIMIT(32 * 1024 * 1024);
    struct buf value = BUF_LIMIT(32 * 1024 * 1024);
    char *room = buf_room(&value, len);
    must(room != NULL);
    memset(room, 'v', len);
    buf_added(&value, len);
    wire_put_field(&block, ":status", SPAN("200"));
    wire_put_field(&block, "x-long", buf_span(&value));
    struct span rest = buf_span(&block);
    for (uint8_t type = WIRE_HEADERS; rest.len > 0; type = WIRE_CONTINUATION) {
        struct span part = span_first(rest, frame);
        rest = span_skip(rest, part.len);
        uint8_t flags = (uint8_t)((type == WIRE_HEADERS ? WIRE_END_STREAM : 0) |
                                  (rest.len == 0 ? WIRE_END_HEADERS : 0));
        wire_put(&scene->out, &(struct wire_frame){type, flags, 1, part});
    }
    buf_release(&block);
    buf_release(&value);
    for (rest = buf_span(&scene->out); rest.len > 0 && scene->two.client.closed == 0;) {
        size_t n = raw_peer_put(&scene->peer, rest);
        rest = span_skip(rest, n);
        turned_loop_settle(&scene->two.turned);
    }
    turned_loop_settle(&scene->two.turned);
}

static void end(struct scene *scene)
{
    ask_release(&scene->ask);
    raw_peer_close(&scene->peer);
    buf_release(&scene->out);
    h2_scene_end(&scene->two);
}

TEST(heads_may_be_long_when_the_peer_is_known)
{
    static const struct {
        const char *what;
        bool is_known;
        size_t len, frame;
        int status; /* 0: the stream is lost */
        bool ends;  /* the session */
    } cases[] = {
        {"a usual head", false, 1000, FRAME, 200, false},
        {"a stranger's long one", false, H2_STRANGER_HEAD_MAX, FRAME, 0, false},
        {"one twice as long as his", false, 2 * H2_STRANGER_HEAD_MAX, FRAME, 0, true},
        {"his many frames", false, 1000, 1000 / MANY_FRAMES, 0, true},
        {"a long one of who is known", true, H2_STRANGER_HEAD_MAX, FRAME, 200, false},
        {"many frames", true, 1000, 1000 / MANY_FRAMES, 200, false},
        {"what no library unpacks", true, 70000, FRAME, 200, false},
        {"the longest", true, HEADERS_BYTES_MAX - 100, FRAME, 200, false},
        {"a longer one", true, HEADERS_BYTES_MAX, FRAME, 0, false},
        {"one of many megabytes", true, 14 * 1024 * 1024, FRAME, 0, false},
        {"one of too many", true, H2_LONG_BLOCK_MAX, FRAME, 0, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        begin(&scene, cases[i].is_known);
        answer(&scene, cases[i].len, cases[i].frame);
        CHECK_CASE(scene.ask.status == cases[i].status, "%s: %d %s", cases[i].what,
                   scene.ask.status, scene.ask.why.text);
        CHECK_CASE(scene.ask.failed == (cases[i].status == 0), "%s", cases[i].what);
        CHECK_CASE((scene.two.client.closed == 1) == cases[i].ends, "%s: the session %s",
                   cases[i].what, cases[i].ends ? "lives" : scene.two.client.why.text);
        if (cases[i].status == 200)
            CHECK_SIZE(headers_at(&scene.ask.got.fields, 0).value.len, cases[i].len);
        end(&scene);
    }
}
