/* Replays what a real connector was seen to do between a scripted edge and a scripted origin:
 * tests/vectors/origin, one case a line. */
#include "culvert/base/doc.h"
#include "culvert/base/file.h"
#include "harness.h"
#include "support/origin_bench.h"

#include <stdlib.h>

enum { FILE_MAX = 1024 * 1024, TEXT_MAX = 512 * 1024, LINES_MAX = 600, PATIENCE_MS = 10 * 1000 };

/* ---- text ---- */

static struct span raw(const struct doc *value)
{
    struct span text;
    return doc_as_text(value, &text) ? text : SPAN("");
}

/* Code points up to 0xFF stand for bytes. */
static struct span latin1(const struct doc *value, struct buf *out)
{
    struct span text = raw(value);
    size_t start = out->len;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0xc2 && c <= 0xc3 && i + 1 < text.len)
            c = (unsigned char)((c << 6) | ((unsigned char)text.data[++i] & 0x3f));
        if (!buf_put_char(out, (char)c))
            abort();
    }
    return span_make(out->data + start, out->len - start);
}

/* Fields as lines, compared in any order. */
struct lines {
    struct span line[LINES_MAX]; /* owned */
    size_t count;
};

static void lines_put(struct lines *lines, struct span line)
{
    char *copy = span_dup(line);
    if (lines->count == LINES_MAX || !copy)
        abort();
    lines->line[lines->count++] = span_make(copy, line.len);
}

static void lines_add(struct lines *lines, struct span name, struct span value)
{
    struct buf line = BUF_LIMIT(TEXT_MAX);
    char *to = buf_room(&line, name.len);
    if (!to)
        abort();
    header_canonical_name(name, to);
    buf_added(&line, name.len);
    if (!buf_put_span(&line, SPAN(": ")) || !buf_put_span(&line, value))
        abort();
    lines_put(lines, buf_span(&line));
    buf_release(&line);
}

static void lines_drop(struct lines *lines, struct span line)
{
    for (size_t i = lines->count; i-- > 0;) {
        if (!span_equal(lines->line[i], line))
            continue;
        free((void *)(uintptr_t)lines->line[i].data);
        lines->line[i] = lines->line[--lines->count];
    }
}

static void lines_release(struct lines *lines)
{
    while (lines->count > 0)
        lines_drop(lines, lines->line[0]);
}

static size_t count_of(const struct lines *lines, struct span line)
{
    size_t count = 0;
    for (size_t i = 0; i < lines->count; i++)
        count += span_equal(lines->line[i], line);
    return count;
}

/* Each line of `got` is as often in `want`. */
static void compare(const char *name, const char *what, const struct lines *got,
                    const struct lines *want)
{
    for (size_t i = 0; i < got->count; i++) {
        struct span line = got->line[i];
        CHECK_CASE(count_of(want, line) == count_of(got, line), "%s: %s: %.*s", name, what,
                   SPAN_ARG(span_first(line, 200)));
    }
}

static void compare_both(const char *name, const struct lines *got, const struct lines *want)
{
    compare(name, "there is", got, want);
    compare(name, "there is not", want, got);
}

/* ---- where we want to differ ---- */

enum { DIFFERENCES_MAX = 5 };

/* Differences to the recording; NULL: as recorded. */
struct deviation {
    const char *name;
    const char *why;
    const char *line, *body;                   /* of the request at the origin */
    const char *lacks[DIFFERENCES_MAX];        /* its fields */
    const char *has[DIFFERENCES_MAX];          /* its fields */
    int status;                                /* of the answer; 0: as recorded, -1: it fails */
    const char *text;                          /* its body */
    const char *answer_lacks[DIFFERENCES_MAX]; /* its fields */
    const char *answer_has[DIFFERENCES_MAX];   /* its fields */
    bool left_out;                             /* it cannot be replayed, or is not for origins */
};

#define EMPTY_HAS_LENGTH                                                                           \
    .why = "an empty body has a length: some origins refuse a chunked one", .body = "",            \
    .lacks = {"Transfer-Encoding: chunked"}, .has = {"Content-Length: 0"}
#define CUT_LATE                                                                                   \
    .why = "the head is sent on at once, so the failure comes after it", .status = 200,            \
    .text = "hello", .answer_has = {"Content-Length: 10"}
#define SHORTENED .why = "the recording is shortened", .left_out = true

static const struct deviation deviations[] = {
    {"empty-user-agent", "what the visitor sent is sent", .has = {"User-Agent: "}},
    {"method-unknown", EMPTY_HAS_LENGTH},
    {"method-lowercase", EMPTY_HAS_LENGTH},
    {"post-empty-end-stream", EMPTY_HAS_LENGTH},
    {"post-content-length-0", EMPTY_HAS_LENGTH},
    {"put-empty", EMPTY_HAS_LENGTH},
    {"patch-empty", EMPTY_HAS_LENGTH},
    {"get-with-body", "the first byte is no chunk of its own", .body = "2\r\nqq\r\n0\r\n\r\n"},
    {"post-length-short", "the reader of HTTP/2 resets such a stream", .left_out = true},
    {"post-length-long", "the reader of HTTP/2 resets such a stream", .left_out = true},
    {"post-large-256KiB", SHORTENED},
    {"nochunk-post-no-length", "the option is not supported yet, and no body goes unframed",
     .body = "5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", .has = {"Transfer-Encoding: chunked"}},
    {"nochunk-post-empty", "an empty body has a length", .has = {"Content-Length: 0"}},
    {"expect-continue-refused", "the body that came before the refusal is not held back",
     .body = "hello"},
    {"request-trailers-declared", "Trailer is for one hop, and a promise we need not make",
     .lacks = {"Trailer: X-Sum"}},
    {"request-trailers-undeclared", "trailers are sent whether announced or not",
     .body = "5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"},
    {"accept-encoding-absent-gzip-body", "nothing is ever unpacked", .left_out = true},
    {"accept-encoding-gzip-gzip-body", "the recording holds what our JSON may not: a NUL",
     .left_out = true},
    {"request-header-100KiB", SHORTENED},
    {"many-headers-500", SHORTENED},
    {"path-long-16KiB", SHORTENED},
    {"path-query-space-raw", "a blank would end the target", .line = "GET /?a%20b HTTP/1.1"},
    {"path-query-utf8", "bytes beyond ASCII may not stand in a target",
     .line = "GET /?%E4 HTTP/1.1"},
    {"path-mixed-raw-and-encoded-slash", "an encoded slash is no slash",
     .line = "GET /a%20b%2Fc HTTP/1.1"},
    {"path-quote-and-encoded", "an encoded slash is no slash", .line = "GET /%2f%22 HTTP/1.1"},
    {"resp-204-with-length", "204 has no length (RFC 9110 8.6)",
     .answer_lacks = {"Content-Length: 0"}},
    {"resp-101-to-plain-request", "nobody asked for another protocol", .status = -1, .text = "",
     .answer_lacks = {"Connection: Upgrade", "Upgrade: foo"}},
    {"resp-header-space-before-colon", "two readers could take it for two names", .status = -1,
     .text = "", .answer_lacks = {"X-F : a", "Content-Length: 2"}},
    {"resp-hop-by-hop", "fields for one hop end here",
     .answer_lacks = {"Keep-Alive: timeout=5", "Te: x", "Upgrade: h2c", "X-Hop: 1"}},
    {"resp-control-headers", "they are dropped where fields are packed for the edge",
     .answer_has = {"Cf-Int-X: 1", "Cf-Cloudflared-Y: 2", "Cf-Proxy-Z: 3",
                    "Cf-Int-Cloudflared-Tracing: evil", "Cf-Cloudflared-Response-Meta: evil"}},
    {"resp-header-500KiB", SHORTENED},
    {"resp-header-11MiB", SHORTENED},
    {"resp-length-short-then-close", CUT_LATE},
    {"resp-length-reset-mid-body", CUT_LATE},
    {"resp-json-length-slow-8KiB", SHORTENED},
    {"resp-early-413-body-pending", SHORTENED},
};

static void adapt(struct lines *lines, const char *const *lacks, const char *const *has)
{
    for (size_t i = 0; i < DIFFERENCES_MAX && lacks[i]; i++)
        lines_drop(lines, span_of(lacks[i]));
    for (size_t i = 0; i < DIFFERENCES_MAX && has[i]; i++)
        lines_put(lines, span_of(has[i]));
}

static const struct deviation *deviation_of(const char *name)
{
    static const struct deviation none = {.name = ""};
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++)
        if (strcmp(deviations[i].name, name) == 0)
            return &deviations[i];
    return &none;
}

/* ---- one case ---- */

struct replay {
    const struct doc *recorded;
    const char *name;
    const struct deviation *deviation;
    struct span host; /* of the option httpHostHeader */
    struct buf bytes; /* of all texts */
    struct origin_bench bench;
    struct fake_script script;
    struct ask ask;
    bool open; /* the request's stream does not end */
};

static struct span text_of(struct replay *replay, const struct doc *value)
{
    return latin1(value, &replay->bytes);
}

static int64_t number(const struct doc *object, const char *key)
{
    int64_t value;
    return doc_as_int(doc_get(object, key), &value) ? value : 0;
}

static void read_script(struct replay *replay)
{
    const struct doc *script = doc_get(replay->recorded, "origin_script");
    struct fake_step *step = replay->script.steps;
    if (doc_kind(script) == DOC_TEXT) {
        replay->script = (struct fake_script)FAKE_OK;
        return;
    }
    for (size_t i = 0; i < doc_count(script); i++, step++) {
        const struct doc *said = doc_at(script, i);
        if (doc_get(said, "send"))
            *step = (struct fake_step){FAKE_SEND, text_of(replay, doc_get(said, "send"))};
        else if (doc_get(said, "sleep_ms"))
            *step = (struct fake_step){FAKE_SLEEP, {0}, (uint64_t)number(said, "sleep_ms")};
        else if (doc_get(said, "await_body"))
            *step = (struct fake_step){FAKE_AWAIT,
                                       {0},
                                       (uint64_t)number(said, "await_body"),
                                       (uint64_t)number(said, "timeout_ms")};
        else if (doc_get(said, "await_suffix"))
            *step = (struct fake_step){FAKE_SUFFIX, text_of(replay, doc_get(said, "await_suffix"))};
        else if (doc_get(said, "close"))
            step->action = FAKE_CLOSE;
        else if (doc_get(said, "reset"))
            step->action = FAKE_RESET;
        else
            CHECK_CASE(false, "%s: an unknown step of the origin", replay->name);
    }
}

/* What a reader of HTTP/2 makes of the fields of a request. */
static void put_field(struct replay *replay, struct span name, struct span value)
{
    struct ask *ask = &replay->ask;
    struct span before;
    struct buf joined = BUF_LIMIT(TEXT_MAX);
    bool ok = true;
    if (span_equal(name, SPAN("expect"))) {
        ask->head.wants_continue = true;
    } else if (span_equal(name, SPAN("cookie")) && headers_find(&ask->head.fields, name, &before)) {
        ok = buf_put_span(&joined, before) && buf_put_span(&joined, SPAN("; ")) &&
             buf_put_span(&joined, value) &&
             headers_set(&ask->head.fields, name, buf_span(&joined), NULL);
    } else {
        ok = headers_add(&ask->head.fields, name, value, NULL);
    }
    if (!ok)
        abort();
    buf_release(&joined);
}

static void read_request(struct replay *replay)
{
    struct ask *ask = &replay->ask;
    const struct doc *sent = doc_get(replay->recorded, "edge_sends");
    const struct doc *fields = doc_get(sent, "headers");
    replay->open = doc_get(sent, "leaves_stream_open") != NULL;
    ask_init(ask, "", "");
    buf_clear(&ask->head.authority);
    if (!buf_put_span(&ask->head.method, text_of(replay, doc_get(sent, "method"))) ||
        !buf_put_span(&ask->head.target, text_of(replay, doc_get(sent, "path"))) ||
        !buf_put_span(&ask->head.authority, text_of(replay, doc_get(replay->recorded, "host"))))
        abort();
    for (size_t i = 0; i < doc_count(fields); i++)
        put_field(replay, text_of(replay, doc_at(doc_at(fields, i), 0)),
                  text_of(replay, doc_at(doc_at(fields, i), 1)));
    if (doc_count(doc_get(sent, "body")) > 0 || replay->open) {
        int64_t length;
        CHECK(headers_content_length(&ask->head.fields, &length, NULL));
        ask_announce(ask, length);
    }
}

static void put_body(struct replay *replay, struct span data)
{
    while (data.len > 0) {
        size_t room = channel_room(replay->ask.body.bytes);
        ask_put(&replay->ask, span_first(data, room));
        data = span_skip(data, room);
        CHECK(settle(replay->bench.loop));
    }
}

static void send_body(struct replay *replay)
{
    const struct doc *sent = doc_get(replay->recorded, "edge_sends");
    const struct doc *parts = doc_get(sent, "body");
    const struct doc *trailers = doc_get(sent, "trailers");
    for (size_t i = 0; i < doc_count(parts); i++) {
        const struct doc *part = doc_at(parts, i);
        struct span data = text_of(replay, doc_get(part, "data"));
        int64_t times = doc_get(part, "rep") ? number(part, "rep") : 1;
        origin_bench_pass(&replay->bench, (uint64_t)number(part, "delay_ms"));
        if (doc_get(part, "rst"))
            ask_close(&replay->ask);
        while (times-- > 0)
            put_body(replay, data);
    }
    for (size_t i = 0; i < doc_count(trailers); i++)
        CHECK(headers_add(&replay->ask.body.trailers,
                          text_of(replay, doc_at(doc_at(trailers, i), 0)),
                          text_of(replay, doc_at(doc_at(trailers, i), 1)), NULL));
    if (!replay->open && !channel_is_ended(replay->ask.body.bytes))
        ask_end(&replay->ask);
}

/* ---- what the origin got ---- */

static void read_head(struct span head, struct span *first, struct lines *fields)
{
    struct span line;
    *first = SPAN("");
    while (span_cut(&head, '\n', &line)) {
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        size_t colon = span_find(line, ':');
        if (first->len == 0)
            *first = line;
        else if (colon < line.len)
            lines_add(fields, span_first(line, colon), span_trim(span_skip(line, colon + 1)));
    }
}

/* Did the edge send a field of that name? */
static bool was_sent(const struct replay *replay, struct span name)
{
    const struct doc *fields = doc_get(doc_get(replay->recorded, "edge_sends"), "headers");
    for (size_t i = 0; i < doc_count(fields); i++)
        if (span_equal_nocase(raw(doc_at(doc_at(fields, i), 0)), name))
            return true;
    return false;
}

static void check_origin(struct replay *replay)
{
    const struct doc *want = doc_at(doc_get(replay->recorded, "origin_received"), 0);
    const struct deviation *differs = replay->deviation;
    const struct fake_request *got = &replay->bench.fake.requests[0];
    struct lines got_fields = {.count = 0}, want_fields = {.count = 0};
    struct span got_line, line, body = text_of(replay, doc_get(want, "body"));
    CHECK_CASE(replay->bench.fake.request_count == 1, "%s: %zu requests", replay->name,
               replay->bench.fake.request_count);
    if (replay->bench.fake.request_count == 0)
        return;
    read_head(buf_span(&got->head), &got_line, &got_fields);
    read_head(text_of(replay, doc_get(want, "head")), &line, &want_fields);
    if (!was_sent(replay, SPAN("accept-encoding"))) /* nothing is invented */
        lines_drop(&want_fields, SPAN("Accept-Encoding: gzip"));
    adapt(&want_fields, differs->lacks, differs->has);
    line = differs->line ? span_of(differs->line) : line;
    body = differs->body ? span_of(differs->body) : body;
    CHECK_CASE(span_equal(got_line, line), "%s: %.*s", replay->name, SPAN_ARG(got_line));
    CHECK_CASE(span_equal(buf_span(&got->body), body), "%s: the origin got \"%.*s\"", replay->name,
               SPAN_ARG(span_first(buf_span(&got->body), 200)));
    compare_both(replay->name, &got_fields, &want_fields);
    lines_release(&got_fields);
    lines_release(&want_fields);
}

/* ---- what the edge got ---- */

struct outcome {
    int64_t status; /* 0: none */
    bool failed;
    struct lines fields;
    struct lines trailers;
    struct buf body;
};

/* A pair of the recording's lists. */
static void add_pair(struct replay *replay, struct lines *lines, const struct doc *pair)
{
    lines_add(lines, text_of(replay, doc_at(pair, 0)), text_of(replay, doc_at(pair, 1)));
}

static void read_frame(struct replay *replay, const struct doc *frame, struct outcome *want)
{
    struct span type = text_of(replay, doc_get(frame, "type"));
    const struct doc *fields = doc_get(frame, "fields");
    const struct doc *user = doc_get(frame, "user");
    uint64_t status = 0;
    if (span_equal(type, SPAN("DATA")))
        (void)latin1(doc_get(frame, "data"), &want->body);
    if (span_equal(type, SPAN("RST_STREAM")))
        want->failed |= span_equal(text_of(replay, doc_get(frame, "code")), SPAN("INTERNAL_ERROR"));
    if (!span_equal(type, SPAN("HEADERS")))
        return;
    if (!span_equal(text_of(replay, doc_at(doc_at(fields, 0), 0)), SPAN(":status"))) {
        for (size_t i = 0; i < doc_count(fields); i++)
            add_pair(replay, &want->trailers, doc_at(fields, i));
        return;
    }
    CHECK(span_to_u64(text_of(replay, doc_at(doc_at(fields, 0), 1)), 999, &status));
    if (status < 200)
        return; /* the peer's own answer to Expect */
    want->failed = user == NULL;
    want->status = user ? (int64_t)status : 0;
    for (size_t i = 0; i < doc_count(user); i++)
        add_pair(replay, &want->fields, doc_at(user, i));
}

static void copy_fields(struct lines *lines, const struct headers *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        lines_add(lines, headers_at(fields, i).name, headers_at(fields, i).value);
}

static void check_edge(struct replay *replay)
{
    const struct ask *ask = &replay->ask;
    const struct deviation *differs = replay->deviation;
    const struct doc *frames = doc_get(replay->recorded, "edge_received");
    struct outcome want = {.body = BUF_LIMIT(TEXT_MAX)};
    struct lines fields = {.count = 0}, trailers = {.count = 0};
    for (size_t i = 0; i < doc_count(frames); i++)
        read_frame(replay, doc_at(frames, i), &want);
    adapt(&want.fields, differs->answer_lacks, differs->answer_has);
    if (differs->status != 0) {
        want.failed |= differs->status < 0;
        want.status = differs->status > 0 ? differs->status : 0;
    }
    struct span text = differs->text ? span_of(differs->text) : buf_span(&want.body);
    CHECK_CASE(ask->failed == want.failed, "%s: %s", replay->name,
               ask->failed ? ask->why.text : "no failure");
    CHECK_CASE(ask->status == want.status, "%s: status %d", replay->name, ask->status);
    CHECK_CASE(span_equal(buf_span(&ask->text), text), "%s: the answer is \"%.*s\"", replay->name,
               SPAN_ARG(span_first(buf_span(&ask->text), 200)));
    copy_fields(&fields, &ask->got.fields);
    copy_fields(&trailers, &ask->trailers);
    compare_both(replay->name, &fields, &want.fields);
    compare_both(replay->name, &trailers, &want.trailers);
    buf_release(&want.body);
    lines_release(&want.fields);
    lines_release(&want.trailers);
    lines_release(&fields);
    lines_release(&trailers);
}

/* ---- all cases ---- */

static void run_case(struct replay *replay)
{
    replay->bytes = (struct buf)BUF_LIMIT(TEXT_MAX);
    if (!buf_room(&replay->bytes, TEXT_MAX)) /* once: spans into it stay where they are */
        abort();
    origin_bench_open(&replay->bench);
    if (doc_get(replay->recorded, "originRequest"))
        replay->bench.options.rewrite.host = replay->host;
    origin_bench_start(&replay->bench);
    read_script(replay);
    fake_origin_follow(&replay->bench.fake, &replay->script, 1);
    read_request(replay);
    CHECK_CASE(origin_bench_ask(&replay->bench, &replay->ask), "%s: %s", replay->name,
               replay->ask.why.text);
    send_body(replay);
    origin_bench_pass(&replay->bench, PATIENCE_MS);
    check_origin(replay);
    check_edge(replay);
    ask_release(&replay->ask);
    origin_bench_close(&replay->bench);
    buf_release(&replay->bytes);
}

/* Is it about the way to an HTTP origin, or did it end before? */
static bool is_ours(const struct doc *recorded)
{
    return span_equal(raw(doc_get(recorded, "service")), SPAN("http://127.0.0.1:28000")) &&
           doc_count(doc_get(recorded, "origin_received")) > 0;
}

/* "{httpHostHeader: internal.example}"; other options are without effect here. */
static struct span host_header(const struct doc *recorded)
{
    struct span option = raw(doc_get(recorded, "originRequest"));
    struct span key = SPAN("{httpHostHeader: ");
    if (!span_starts(option, key))
        return SPAN("");
    option = span_skip(option, key.len);
    return span_first(option, option.len - 1);
}

static size_t replay_line(struct span line)
{
    struct error err = {0};
    struct doc *recorded = doc_parse(line, &err);
    if (!recorded) {
        /* See the list of deviations. */
        CHECK_CASE(span_starts(line, SPAN("{\"name\": \"accept-encoding-gzip-gzip-body\"")), "%s",
                   err.text);
        return 0;
    }
    char *name = span_dup(raw(doc_get(recorded, "name")));
    if (!name)
        abort();
    struct replay replay = {.recorded = recorded,
                            .name = name,
                            .deviation = deviation_of(name),
                            .host = host_header(recorded)};
    bool is_replayed = is_ours(recorded) && !replay.deviation->left_out;
    if (is_replayed)
        run_case(&replay);
    free(name);
    doc_free(recorded);
    return is_replayed;
}

static size_t replay_file(const char *file)
{
    struct buf text = BUF_LIMIT(FILE_MAX);
    size_t count = 0;
    struct span line;
    struct error err = {0};
    CHECK_CASE(file_read(vector_path(file), &text, &err), "%s", err.text);
    struct span rest = buf_span(&text);
    while (span_cut(&rest, '\n', &line)) {
        line = span_trim(line);
        if (span_ends(line, SPAN(",")))
            line.len--;
        if (span_starts(line, SPAN("{")))
            count += replay_line(line);
    }
    buf_release(&text);
    return count;
}

TEST(requests_reach_the_origin_as_recorded)
{
    CHECK_SIZE(replay_file("origin/requests.json"), 45);
}

TEST(targets_reach_the_origin_as_recorded)
{
    CHECK_SIZE(replay_file("origin/paths.json"), 30);
}

TEST(answers_of_origins_come_back_as_recorded)
{
    CHECK_SIZE(replay_file("origin/responses.json"), 53);
}

TEST(origins_that_fail_are_failures_as_recorded)
{
    CHECK_SIZE(replay_file("origin/failures-and-status.json"), 5);
}
