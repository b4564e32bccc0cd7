/* What the field's program does with an origin that speaks HTTP/2 and nothing else, recorded from
 * it, holds for us, but for the wanted deviations in this file. */
#include "culvert/tunnel/user_headers.h"
#include "harness.h"
#include "support/h2_far.h"
#include "support/origin_play.h"
#include "support/vectors.h"

#include <stdlib.h>

enum { TEXT_MAX = 64 * 1024, TOLERANCE_MS = 60 };

static const struct {
    const char *name, *why;
} wanted[] = {
    {"origin resets the stream mid body", "21: heads leave at once, so the reset comes behind one"},
    {"matchSNItoHost switches HTTP/2 off", "17: it does not, sessions are kept by name"},
};

static bool deviates(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strcmp(wanted[i].name, name) == 0)
            return true;
    return false;
}

/* ---- the origin of the recordings ---- */

struct stage {
    struct origin_play play;
    struct h2_far far; /* at 127.0.0.1:28030 */
    struct tls_context *tls;
    struct timer later; /* the second half of an answer */
};

static const struct header usual[] = {{SPAN_INIT("set-cookie"), SPAN_INIT("a=1")},
                                      {SPAN_INIT("set-cookie"), SPAN_INIT("b=2")},
                                      {SPAN_INIT("x-a"), SPAN_INIT("1")},
                                      {SPAN_INIT(""), SPAN_INIT("")}};
static const struct header grpc[] = {{SPAN_INIT("content-type"), SPAN_INIT("application/grpc")},
                                     {SPAN_INIT(""), SPAN_INIT("")}};

static void say(struct desk_request *request, const char *text)
{
    CHECK_SIZE(desk_put(request, span_of(text)), strlen(text));
}

static void answer_with(struct desk_request *request, const struct header *fields, const char *text)
{
    request->desk->fields = fields;
    desk_begin(request, 200, LENGTH_UNKNOWN);
    say(request, text);
}

static void hint(struct desk_request *request)
{
    struct response_head head;
    response_head_init(&head);
    head.status = 103;
    inbound_inform(request->in, &head);
    response_head_release(&head);
}

static void act(struct desk_request *request, char letter)
{
    struct stage *stage = request->desk->arg;
    const char *path = buf_text(&request->head.target);
    if ((letter != 'q' && letter != 'f') || !request->body_ended || request->answer.bytes)
        return;
    if (strcmp(path, "/trailers") == 0) {
        answer_with(request, grpc, "x");
        REQUIRE(timer_start(&stage->later, 200));
    } else if (strcmp(path, "/rst") == 0) {
        answer_with(request, NULL, "part");
        REQUIRE(timer_start(&stage->later, 100));
    } else if (strcmp(path, "/early") == 0) {
        hint(request);
        answer_with(request, NULL, "ok");
        desk_end(request);
    } else {
        answer_with(request, usual, "ok:");
        say(request, buf_text(&request->body));
        desk_end(request);
    }
}

static void go_on(void *arg)
{
    struct stage *stage = arg;
    struct desk_request *request = &stage->far.desk.requests[0];
    if (strcmp(buf_text(&request->head.target), "/rst") == 0) {
        desk_reset(request);
        return;
    }
    say(request, "y");
    desk_trailer(request, "grpc-status", "0");
    desk_end(request);
}

static void open_stage(struct stage *stage, const struct play_certificates *certificates)
{
    const struct tls_server_options options = {
        .choose = tls_fixture_choose, .arg = certificates->self.identity, .http2_alpn = true};
    origin_play_open(&stage->play, certificates, "http2-origin");
    h2_far_open(&stage->far, stage->play.loop, &stage->play.memory, "127.0.0.1:28030");
    timer_init(&stage->later, stage->play.loop, go_on, stage);
    stage->tls = tls_server_new(&options, NULL);
    REQUIRE(stage->tls != NULL);
    stage->far.tls = stage->tls;
    stage->far.desk.is_plain = true;
    stage->far.desk.act = act;
    stage->far.desk.arg = stage;
}

static void close_stage(struct stage *stage)
{
    timer_stop(&stage->later);
    h2_far_close(&stage->far);
    tls_context_unref(stage->tls);
    origin_play_close(&stage->play);
}

/* ---- the edge asks ---- */

static const char *text_of(const struct doc *object, const char *key, const char *otherwise)
{
    struct span text;
    return doc_as_text(doc_get(object, key), &text) ? text.data : otherwise;
}

static void add(struct headers *fields, const char *name, const char *value)
{
    REQUIRE(headers_add(fields, span_of(name), span_of(value), NULL));
}

static void add_pairs(struct headers *fields, const struct doc *list)
{
    for (size_t i = 0; i < doc_count(list); i++) {
        struct span name = SPAN("");
        struct span value = SPAN("");
        CHECK(doc_as_text(doc_at(doc_at(list, i), 0), &name) &&
              doc_as_text(doc_at(doc_at(list, i), 1), &value));
        REQUIRE(headers_add(fields, name, value, NULL));
    }
}

static int64_t number_of(const struct doc *object, const char *key)
{
    int64_t number = 0;
    return doc_as_int(doc_get(object, key), &number) ? number : 0;
}

static void send_body(struct origin_play *play, const struct doc *says, bool ends)
{
    const struct doc *body = doc_get(says, "body");
    for (size_t i = 0; i < doc_count(body); i++) {
        const struct doc *part = doc_at(body, i);
        REQUIRE(turned_clock_run(&play->clock, play->loop, (uint64_t)number_of(part, "delay_ms")));
        raw_edge_put(&play->edge, play->answer, span_of(text_of(part, "data", "")),
                     ends && i + 1 == doc_count(body));
    }
}

static void ask(struct origin_play *play, const struct doc *test)
{
    const struct doc *says = doc_get(test, "edge_sends");
    const struct doc *trailers = doc_get(says, "trailers");
    struct headers fields;
    bool more = doc_get(says, "body") || doc_get(says, "no_end");
    headers_init(&fields);
    add(&fields, ":method", text_of(says, "method", "GET"));
    add(&fields, ":scheme", "https");
    add(&fields, ":authority", text_of(test, "host", ""));
    add(&fields, ":path", text_of(test, "path", ""));
    add_pairs(&fields, doc_get(says, "hdrs"));
    play->asked_ms = loop_now_ms(play->loop);
    play->answer = raw_edge_ask(&play->edge, &fields, !more);
    send_body(play, says, !trailers);
    if (trailers) {
        headers_clear(&fields);
        add_pairs(&fields, trailers);
        raw_edge_trailers(&play->edge, play->answer, &fields);
    }
    headers_release(&fields);
    origin_play_await(play, play->answer);
}

/* ---- what the origin saw ---- */

/* Is the recorded field there? Ours is never accept-encoding (19). */
static bool was_sent(const struct desk_request *request, const char *name, struct span want)
{
    const struct request_head *head = &request->head;
    const struct {
        const char *name;
        const struct buf *is;
    } pseudo[] = {{":method", &head->method},
                  {":scheme", &head->scheme},
                  {":authority", &head->authority},
                  {":path", &head->target}};
    struct span got = SPAN("");
    for (size_t i = 0; i < ARRAY_LEN(pseudo); i++)
        if (strcmp(pseudo[i].name, name) == 0)
            return span_equal(buf_span(pseudo[i].is), want);
    if (strcmp(name, "content-length") == 0)
        return head->length >= 0 && (int64_t)strtoll(want.data, NULL, 10) == head->length;
    return headers_find(&head->fields, span_of(name), &got) &&
           (span_starts(want, SPAN("{")) || span_equal(got, want));
}

static void check_fields(const char *name, const struct desk_request *request,
                         const struct doc *fields)
{
    static const char *const names[] = {
        ":method", ":scheme", ":authority",   ":path",          "user-agent",
        "te",      "trailer", "content-type", "content-length", "cf-warp-tag-id"};
    size_t plain = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct span want;
        if (!doc_as_text(doc_get(fields, names[i]), &want))
            continue;
        CHECK_CASE(was_sent(request, names[i], want), "%s: %s is not %s", name, names[i],
                   want.data);
        plain += names[i][0] != ':' && strcmp(names[i], "content-length") != 0;
    }
    CHECK_CASE(request->head.fields.count == plain, "%s: %zu fields, not %zu", name,
               request->head.fields.count, plain);
}

static void check_origin(const struct stage *stage, const struct doc *test)
{
    const char *name = text_of(test, "name", "?");
    const struct doc *saw = doc_get(test, "origin_saw");
    const struct desk_request *request = &stage->far.desk.requests[0];
    bool is_stranger = doc_get(doc_at(saw, 0), "unknownProtocol") != NULL;
    CHECK_CASE(stage->far.desk.count == (is_stranger ? 0 : 1) &&
                   stage->far.strangers == (is_stranger ? 1 : 0),
               "%s: %zu requests, %zu strangers", name, stage->far.desk.count,
               stage->far.strangers);
    for (size_t i = 0; i < doc_count(saw) && stage->far.desk.count == 1; i++) {
        const struct doc *seen = doc_at(saw, i);
        struct span text;
        if (doc_get(seen, "headers"))
            check_fields(name, request, doc_get(seen, "headers"));
        if (doc_as_text(doc_get(seen, "body"), &text))
            CHECK_CASE(span_equal(buf_span(&request->body), text), "%s: the body", name);
        if (doc_as_text(doc_get(doc_get(seen, "trailers"), "x-sum"), &text))
            CHECK_CASE(headers_has(&request->trailers, SPAN("x-sum")), "%s: trailers", name);
    }
}

/* ---- what the edge got ---- */

static struct span field_of(const struct headers *head, const char *name)
{
    struct span value = SPAN("");
    return headers_find(head, span_of(name), &value) ? value : SPAN("");
}

static void check_user(const char *name, const struct headers *head, const struct doc *user)
{
    struct headers got;
    headers_init(&got);
    CHECK(user_headers_unpack(field_of(head, USER_HEADERS_FIELD), &got, NULL));
    CHECK_CASE(got.count == doc_count(user), "%s: %zu fields", name, got.count);
    for (size_t i = 0; i < got.count && i < doc_count(user); i++) {
        struct span want[2] = {SPAN(""), SPAN("")};
        for (size_t k = 0; k < 2; k++)
            CHECK(doc_as_text(doc_at(doc_at(user, i), k), &want[k]));
        CHECK_CASE(span_equal(headers_at(&got, i).name, want[0]) &&
                       span_equal(headers_at(&got, i).value, want[1]),
                   "%s: %s", name, want[0].data);
    }
    headers_release(&got);
}

static void check_head(const struct origin_play *play, const char *name, size_t index,
                       const struct doc *frame)
{
    const struct headers *got = &play->answer->heads[index];
    const struct doc *fields = doc_get(frame, "fields");
    int64_t ms = (int64_t)(play->answer->head_ms[index] - play->asked_ms);
    for (size_t i = 0; i < doc_count(fields); i++) {
        struct span want[2] = {SPAN(""), SPAN("")};
        for (size_t k = 0; k < 2; k++)
            CHECK(doc_as_text(doc_at(doc_at(fields, i), k), &want[k]));
        CHECK_CASE(span_equal(field_of(got, want[0].data), want[1]), "%s: %s is %.*s", name,
                   want[0].data, SPAN_ARG(field_of(got, want[0].data)));
    }
    if (doc_get(frame, "user"))
        check_user(name, got, doc_get(frame, "user"));
    CHECK_CASE(llabs(ms - number_of(frame, "t_ms")) <= TOLERANCE_MS, "%s: after %lld ms", name,
               (long long)ms);
}

static void check_edge(const struct origin_play *play, const struct doc *test)
{
    const char *name = text_of(test, "name", "?");
    const struct doc *frames = doc_get(test, "edge_received");
    struct buf data = BUF_LIMIT(TEXT_MAX);
    bool ends = false;
    size_t heads = 0;
    for (size_t i = 0; i < doc_count(frames); i++) {
        const struct doc *frame = doc_at(frames, i);
        const char *type = text_of(frame, "type", "");
        if (strcmp(type, "HEADERS") == 0)
            check_head(play, name, heads++, frame);
        else if (strcmp(type, "DATA") == 0)
            CHECK(buf_put_span(&data, span_of(text_of(frame, "data", ""))));
        ends |= doc_get(frame, "end") != NULL;
    }
    CHECK_CASE(play->answer->head_count == heads, "%s: %zu heads", name, play->answer->head_count);
    CHECK_CASE(span_equal(buf_span(&play->answer->data), buf_span(&data)), "%s: \"%s\"", name,
               buf_text(&play->answer->data));
    CHECK_CASE(play->answer->ended == ends, "%s: its end", name);
    buf_release(&data);
}

TEST(an_origin_of_http2_is_met_as_recorded)
{
    static struct stage stage;
    struct doc *tests = vectors_open("origin/http2-origin.json");
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    CHECK_SIZE(doc_count(tests), 11);
    for (size_t i = 0; i < doc_count(tests); i++) {
        const struct doc *test = doc_at(tests, i);
        open_stage(&stage, &certificates);
        ask(&stage.play, test);
        if (!deviates(text_of(test, "name", "?"))) {
            check_origin(&stage, test);
            check_edge(&stage.play, test);
        }
        close_stage(&stage);
    }
    play_certificates_release(&certificates);
    doc_free(tests);
}

/* The case of that name, played; the stage is left open. */
static void play_one(struct stage *stage, const struct play_certificates *certificates,
                     const char *name)
{
    struct doc *tests = vectors_open("origin/http2-origin.json");
    for (size_t i = 0; i < doc_count(tests); i++) {
        if (strcmp(text_of(doc_at(tests, i), "name", "?"), name) != 0)
            continue;
        open_stage(stage, certificates);
        ask(&stage->play, doc_at(tests, i));
    }
    doc_free(tests);
}

TEST(a_reset_within_an_answer_comes_behind_its_beginning)
{
    static struct stage stage;
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    play_one(&stage, &certificates, wanted[0].name);
    const struct raw_answer *answer = stage.play.answer;
    CHECK(answer->head_count == 1 && span_equal(buf_span(&answer->data), SPAN("part")));
    CHECK(answer->reset && !answer->ended && answer->code == 2); /* INTERNAL_ERROR */
    close_stage(&stage);
    play_certificates_release(&certificates);
}

TEST(matchsnitohost_keeps_http2)
{
    static struct stage stage;
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    play_one(&stage, &certificates, wanted[1].name);
    const struct raw_answer *answer = stage.play.answer;
    REQUIRE(answer->head_count == 1);
    CHECK_SPAN(field_of(&answer->heads[0], ":status"), SPAN("200"));
    CHECK(answer->ended && stage.far.strangers == 0);
    close_stage(&stage);
    play_certificates_release(&certificates);
}
