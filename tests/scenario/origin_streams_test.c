/* Answers of any content type stream at once: one byte a second at the origin is one byte a second
 * at the visitor, whatever frames the body. */
#include "support/h2_visitor.h"

#include "harness.h"

enum { BYTES = 4, SECOND_MS = 1000 };

static const char one_rule[] = "ingress:\n"
                               "  - service: http://127.0.0.1:3000\n";

/* How the origin frames a body of BYTES marks. */
static const struct {
    const char *start, *fields;
    struct span byte, last; /* the last one may end the body */
    bool closes;
} framings[] = {
    {"HTTP/1.1 200 OK", "Content-Length: 4\r\n", SPAN_INIT("~"), SPAN_INIT("~"), false},
    {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", SPAN_INIT("1\r\n~\r\n"),
     SPAN_INIT("1\r\n~\r\n0\r\n\r\n"), false},
    {"HTTP/1.1 200 OK", "", SPAN_INIT("~"), SPAN_INIT("~"), true},
    {"HTTP/1.0 200 OK", "", SPAN_INIT("~"), SPAN_INIT("~"), true},
};

static const char *const types[] = {
    "text/html",         "application/json", "application/octet-stream",
    "text/event-stream", "image/png",        NULL,
};

enum { FRAMINGS = ARRAY_LEN(framings), TYPES = ARRAY_LEN(types) };

/* One answer of each type at the same time, framed in one way. */
struct scene {
    struct both_ends ends;
    struct buf heads[TYPES];
    struct fake_script scripts[TYPES];
};

static void scene_open(struct scene *scene, size_t framing)
{
    for (size_t i = 0; i < TYPES; i++) {
        struct fake_step *step = scene->scripts[i].steps;
        scene->heads[i] = (struct buf)BUF_LIMIT(1024);
        CHECK(buf_printf(&scene->heads[i], "%s\r\n%s%s%s%s\r\n", framings[framing].start,
                         framings[framing].fields, types[i] ? "Content-Type: " : "",
                         types[i] ? types[i] : "", types[i] ? "\r\n" : ""));
        *step++ = (struct fake_step){FAKE_SEND, buf_span(&scene->heads[i]), 0, 0};
        for (int k = 1; k <= BYTES; k++) {
            *step++ = (struct fake_step){FAKE_SLEEP, SPAN_NONE, SECOND_MS, 0};
            *step++ = (struct fake_step){
                FAKE_SEND, k < BYTES ? framings[framing].byte : framings[framing].last, 0, 0};
        }
        *step =
            (struct fake_step){framings[framing].closes ? FAKE_CLOSE : FAKE_END, SPAN_NONE, 0, 0};
    }
    both_ends_open(&scene->ends);
    fake_origin_follow(&scene->ends.origin, scene->scripts, TYPES);
    both_ends_connect(&scene->ends, one_rule);
    CHECK(both_ends_registered(&scene->ends, 4));
}

static void scene_close(struct scene *scene)
{
    CHECK(both_ends_stop(&scene->ends));
    both_ends_close(&scene->ends);
    for (size_t i = 0; i < TYPES; i++)
        buf_release(&scene->heads[i]);
}

static size_t marks_in(struct span text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '~';
    return count;
}

static void check_marks(struct span got, size_t framing, size_t type, size_t want)
{
    CHECK_CASE(marks_in(got) == want, "%s, \"%s\", %s: %zu bytes after %zu seconds",
               framings[framing].start, framings[framing].fields,
               types[type] ? types[type] : "no type", marks_in(got), want);
}

/* ---- visitors ---- */

static void check_h1(struct visitor_wire *visitors, size_t framing, size_t want)
{
    for (size_t i = 0; i < TYPES; i++) {
        CHECK(strstr(buf_text(&visitors[i].got), "HTTP/1.1 200 OK\r\n") != NULL);
        CHECK(strstr(buf_text(&visitors[i].got), "\r\n\r\n") != NULL);
        check_marks(buf_span(&visitors[i].got), framing, i, want);
    }
}

static void play_h1(size_t framing)
{
    struct scene scene;
    struct visitor_wire visitors[TYPES];
    scene_open(&scene, framing);
    for (size_t i = 0; i < TYPES; i++) {
        visitor_open(&visitors[i], &scene.ends);
        visitor_say(&visitors[i], SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
        both_ends_pass(&scene.ends, 0);
    }
    check_h1(visitors, framing, 0);
    for (size_t k = 1; k <= BYTES; k++) {
        both_ends_pass(&scene.ends, SECOND_MS - 1);
        check_h1(visitors, framing, k - 1);
        both_ends_pass(&scene.ends, 1);
        check_h1(visitors, framing, k);
    }
    for (size_t i = 0; i < TYPES; i++) {
        struct span got = buf_span(&visitors[i].got);
        CHECK(span_ends(got, *framings[framing].fields == 'C' ? SPAN("~") : SPAN("\r\n0\r\n\r\n")));
        CHECK(!visitors[i].ended);
        visitor_close(&visitors[i]);
    }
    scene_close(&scene);
}

static void check_h2(struct ask *asks, size_t framing, size_t want)
{
    for (size_t i = 0; i < TYPES; i++) {
        CHECK_SIZE(asks[i].status, 200);
        check_marks(buf_span(&asks[i].text), framing, i, want);
    }
}

static void play_h2(size_t framing)
{
    struct scene scene;
    struct h2_visitor visitor;
    struct ask asks[TYPES];
    scene_open(&scene, framing);
    h2_visitor_open(&visitor, &scene.ends);
    for (size_t i = 0; i < TYPES; i++) {
        ask_init(&asks[i], "GET", "/");
        buf_clear(&asks[i].head.authority);
        CHECK(buf_put_span(&asks[i].head.authority, SPAN("app.example.com")));
        CHECK(ask_send(&asks[i], &visitor.opener));
        both_ends_pass(&scene.ends, 0);
    }
    check_h2(asks, framing, 0);
    for (size_t k = 1; k <= BYTES; k++) {
        both_ends_pass(&scene.ends, SECOND_MS - 1);
        check_h2(asks, framing, k - 1);
        both_ends_pass(&scene.ends, 1);
        check_h2(asks, framing, k);
    }
    for (size_t i = 0; i < TYPES; i++) {
        CHECK(asks[i].done && !asks[i].failed);
        ask_release(&asks[i]);
    }
    h2_visitor_close(&visitor);
    scene_close(&scene);
}

TEST(a_byte_a_second_at_the_origin_is_a_byte_a_second_at_a_visitor)
{
    for (size_t i = 0; i < FRAMINGS; i++)
        play_h1(i);
}

TEST(a_byte_a_second_at_the_origin_is_a_byte_a_second_at_a_visitor_over_h2)
{
    for (size_t i = 0; i < FRAMINGS; i++)
        play_h2(i);
}
