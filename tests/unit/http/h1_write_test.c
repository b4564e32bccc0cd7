#include "culvert/http/h1_write.h"

#include "culvert/http/h1_body.h"
#include "culvert/http/h1_request.h"
#include "culvert/http/h1_response.h"
#include "harness.h"
#include "support/vectors.h"

static void fill(struct request_head *head, const char *method, const char *host,
                 struct span target)
{
    request_head_init(head);
    CHECK(buf_put_span(&head->method, span_of(method)) &&
          buf_put_span(&head->authority, span_of(host)) && buf_put_span(&head->target, target));
}

static void add(struct headers *fields, struct span name, struct span value)
{
    CHECK(headers_add(fields, name, value, NULL));
}

TEST(a_request_has_host_first_then_its_framing_then_the_fields_in_order)
{
    struct request_head head;
    struct buf out = BUF_LIMIT(4096);
    struct h1_shape shape = {.body = H1_BODY_LENGTH, .length = 5};
    fill(&head, "POST", "App.example:8443", SPAN("/a%2Fb?c"));
    add(&head.fields, SPAN("x-lower-CASE"), SPAN("1"));
    add(&head.fields, SPAN("content-length"), SPAN("7"));
    add(&head.fields, SPAN("transfer-encoding"), SPAN("gzip"));
    add(&head.fields, SPAN("host"), SPAN("other"));
    add(&head.fields, SPAN("connection"), SPAN("x"));
    add(&head.fields, SPAN("upgrade"), SPAN("x"));
    add(&head.fields, SPAN("te"), SPAN("trailers"));
    add(&head.fields, SPAN("accept"), SPAN(""));
    add(&head.fields, SPAN("trailer"), SPAN("X"));
    CHECK(h1_write_request(&out, &head, &shape, NULL));
    CHECK_TEXT(buf_text(&out), "POST /a%2Fb?c HTTP/1.1\r\nHost: App.example:8443\r\n"
                               "Content-Length: 5\r\nX-Lower-Case: 1\r\nTe: trailers\r\n"
                               "Accept: \r\n\r\n");
    buf_clear(&out);
    headers_clear(&head.fields);
    add(&head.fields, SPAN("trailer"), SPAN("X"));
    shape = (struct h1_shape){.body = H1_BODY_CHUNKED, .connection = H1_CONNECTION_KEEP_ALIVE};
    CHECK(h1_write_request(&out, &head, &shape, NULL));
    CHECK_TEXT(buf_text(&out), "POST /a%2Fb?c HTTP/1.1\r\nHost: App.example:8443\r\n"
                               "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n"
                               "Trailer: X\r\n\r\n");
    buf_clear(&out);
    shape = (struct h1_shape){.connection = H1_CONNECTION_UPGRADE, .upgrade = SPAN("websocket")};
    CHECK(h1_write_request(&out, &head, &shape, NULL));
    CHECK_TEXT(buf_text(&out), "POST /a%2Fb?c HTTP/1.1\r\nHost: App.example:8443\r\n"
                               "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    buf_release(&out);
    request_head_release(&head);
}

TEST(an_answer_has_its_reason_and_its_framing)
{
    struct response_head head;
    struct buf out = BUF_LIMIT(4096);
    response_head_init(&head);
    head.status = 404;
    add(&head.fields, SPAN("set-cookie"), SPAN("a"));
    add(&head.fields, SPAN("Set-Cookie"), SPAN("b"));
    struct h1_shape shape = {.body = H1_BODY_LENGTH, .connection = H1_CONNECTION_CLOSE};
    CHECK(h1_write_response(&out, &head, &shape, NULL));
    CHECK_TEXT(buf_text(&out),
               "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n"
               "Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n");
    buf_clear(&out);
    headers_clear(&head.fields);
    head.status = 204;
    shape = (struct h1_shape){.body = H1_BODY_CHUNKED};
    CHECK(h1_write_response(&out, &head, &shape, NULL));
    CHECK_TEXT(buf_text(&out), "HTTP/1.1 204 No Content\r\n\r\n"); /* never framed */
    buf_clear(&out);
    head.status = 799;
    CHECK(h1_write_response(&out, &head, &shape, NULL));
    CHECK_TEXT(buf_text(&out), "HTTP/1.1 799 \r\nTransfer-Encoding: chunked\r\n\r\n");
    buf_release(&out);
    response_head_release(&head);
}

TEST(what_would_be_read_as_something_else_is_not_written)
{
    static const struct {
        const char *method, *host;
        struct span target, name, value;
        const char *why;
    } cases[] = {
        {"GE T", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v"), "a space in the method"},
        {"", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v"), "no method"},
        {"G\r\n", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v"), "CR LF in the method"},
        {"GET", "a\r\nX: b", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v"), "CR LF in Host"},
        {"GET", "a, b", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v"), "two hosts"},
        {"GET", "a/b", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v"), "a path in Host"},
        {"GET", "a", SPAN_INIT(""), SPAN_INIT("n"), SPAN_INIT("v"), "no target"},
        {"GET", "a", SPAN_INIT("*a"), SPAN_INIT("n"), SPAN_INIT("v"), "more than an asterisk"},
        {"GET", "a", SPAN_INIT("http://b/"), SPAN_INIT("n"), SPAN_INIT("v"), "an absolute target"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT(""), SPAN_INIT("v"), "no name"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT("n "), SPAN_INIT("v"), "a blank in a name"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT("n:"), SPAN_INIT("v"), "a colon in a name"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT(":path"), SPAN_INIT("v"), "a pseudo field"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v\r\nw"), "CR LF in a value"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v\nw"), "LF in a value"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v\rw"), "CR in a value"},
        {"GET", "a", SPAN_INIT("/"), SPAN_INIT("n"), SPAN_INIT("v\0w"), "NUL in a value"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head;
        struct buf out = BUF_LIMIT(4096);
        struct error err = {0};
        CHECK(buf_put_span(&out, SPAN("before")));
        fill(&head, cases[i].method, cases[i].host, cases[i].target);
        add(&head.fields, cases[i].name, cases[i].value);
        bool ok = h1_write_request(&out, &head, &(struct h1_shape){0}, &err);
        CHECK_CASE(!ok && err.kind == ERROR_INVALID, "%s", cases[i].why);
        CHECK_TEXT(buf_text(&out), "before");
        buf_release(&out);
        request_head_release(&head);
    }
    struct response_head head;
    struct buf out = BUF_LIMIT(4096);
    response_head_init(&head);
    head.status = 200;
    add(&head.fields, SPAN("n"), SPAN("v\r\n\r\nHTTP/1.1 200"));
    CHECK(!h1_write_response(&out, &head, &(struct h1_shape){0}, NULL));
    headers_clear(&head.fields);
    head.status = 99;
    CHECK(!h1_write_response(&out, &head, &(struct h1_shape){0}, NULL));
    response_head_release(&head);
    buf_release(&out);
}

TEST(a_head_that_does_not_fit_leaves_nothing_behind)
{
    struct request_head head;
    fill(&head, "GET", "a", SPAN("/"));
    add(&head.fields, SPAN("name"), SPAN("value"));
    struct buf whole = BUF_LIMIT(4096);
    struct h1_shape shape = {.body = H1_BODY_CHUNKED};
    CHECK(h1_write_request(&whole, &head, &shape, NULL));
    for (size_t room = 0; room < whole.len; room++) {
        struct buf out = BUF_LIMIT(room);
        struct error err = {0};
        CHECK(!h1_write_request(&out, &head, &shape, &err) && err.kind == ERROR_LIMIT);
        CHECK_SIZE(out.len, 0);
        buf_release(&out);
    }
    buf_release(&whole);
    request_head_release(&head);
}

TEST(shapes_and_statuses_that_cannot_be_sent_are_refused)
{
    struct request_head request;
    struct response_head answer;
    struct buf out = BUF_LIMIT(4096);
    struct buf tiny = BUF_LIMIT(8);
    struct error err = {0};
    struct h1_shape nowhere = {.connection = H1_CONNECTION_UPGRADE};
    struct h1_shape closing = {.body = H1_BODY_UNTIL_CLOSE};
    fill(&request, "GET", "a", SPAN("/"));
    response_head_init(&answer);
    CHECK(!h1_write_request(&out, &request, &nowhere, &err) && err.kind == ERROR_INVALID);
    CHECK(!h1_write_request(&out, &request, &closing, &err) && err.kind == ERROR_INVALID);
    CHECK_SIZE(out.len, 0);
    static const struct {
        int status;
        bool ok;
    } cases[] = {{99, false}, {100, true}, {999, true}, {1000, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answer.status = cases[i].status;
        CHECK_CASE(h1_write_response(&out, &answer, &(struct h1_shape){0}, NULL) == cases[i].ok,
                   "%d", cases[i].status);
    }
    answer.status = 200;
    CHECK(!h1_write_response(&tiny, &answer, &(struct h1_shape){0}, &err));
    CHECK(err.kind == ERROR_LIMIT && tiny.len == 0);
    request_head_release(&request);
    response_head_release(&answer);
    buf_release(&out);
    buf_release(&tiny);
}

TEST(the_shape_of_a_request_follows_its_body)
{
    static const struct {
        const char *method;
        int64_t length;
        bool ends_here;
        enum h1_body_kind body;
        int64_t announced;
    } cases[] = {
        {"GET", 0, true, H1_BODY_NONE, LENGTH_UNKNOWN},
        {"DELETE", LENGTH_UNKNOWN, true, H1_BODY_NONE, LENGTH_UNKNOWN},
        {"POST", 0, true, H1_BODY_LENGTH, 0},
        {"PUT", LENGTH_UNKNOWN, true, H1_BODY_LENGTH, 0},
        {"get", 0, true, H1_BODY_LENGTH, 0},
        {"GET", 5, false, H1_BODY_LENGTH, 5},
        {"POST", 5, false, H1_BODY_LENGTH, 5},
        {"GET", LENGTH_UNKNOWN, false, H1_BODY_CHUNKED, LENGTH_UNKNOWN},
        {"POST", LENGTH_UNKNOWN, false, H1_BODY_CHUNKED, LENGTH_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head;
        fill(&head, cases[i].method, "a", SPAN("/"));
        head.length = cases[i].length;
        head.ends_here = cases[i].ends_here;
        struct h1_shape shape = h1_request_shape(&head);
        CHECK_CASE(shape.body == cases[i].body && shape.length == cases[i].announced, "case %zu",
                   i);
        request_head_release(&head);
    }
}

TEST(of_an_upgrade_only_methods_that_send_something_say_that_they_do_not)
{
    static const struct {
        const char *method;
        bool says_length;
    } cases[] = {{"GET", false}, {"POST", true}, {"PUT", true},   {"PATCH", true},
                 {"get", false}, {"FOO", false}, {"HEAD", false}, {"DELETE", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head;
        fill(&head, cases[i].method, "a", SPAN("/"));
        head.is_websocket = true;
        head.length = 5;
        struct h1_shape shape = h1_request_shape(&head);
        CHECK(shape.connection == H1_CONNECTION_UPGRADE);
        CHECK_CASE(shape.body == (cases[i].says_length ? H1_BODY_LENGTH : H1_BODY_NONE) &&
                       shape.length == (cases[i].says_length ? 0 : LENGTH_UNKNOWN),
                   "%s", cases[i].method);
        request_head_release(&head);
    }
}

TEST(the_shape_of_an_answer_follows_status_method_and_version)
{
    static const struct {
        int status;
        int64_t length;
        bool to_head, to_http10;
        enum h1_body_kind body;
        enum h1_connection connection;
    } cases[] = {
        {200, 5, false, false, H1_BODY_LENGTH, H1_CONNECTION_SILENT},
        {200, 0, false, false, H1_BODY_LENGTH, H1_CONNECTION_SILENT},
        {200, LENGTH_UNKNOWN, false, false, H1_BODY_CHUNKED, H1_CONNECTION_SILENT},
        {200, LENGTH_UNKNOWN, false, true, H1_BODY_UNTIL_CLOSE, H1_CONNECTION_CLOSE},
        {200, 5, true, false, H1_BODY_LENGTH, H1_CONNECTION_SILENT},
        {200, LENGTH_UNKNOWN, true, false, H1_BODY_NONE, H1_CONNECTION_SILENT},
        {304, 5, false, false, H1_BODY_LENGTH, H1_CONNECTION_SILENT},
        {304, LENGTH_UNKNOWN, false, true, H1_BODY_NONE, H1_CONNECTION_SILENT},
        {204, 5, false, false, H1_BODY_NONE, H1_CONNECTION_SILENT},
        {103, LENGTH_UNKNOWN, false, false, H1_BODY_NONE, H1_CONNECTION_SILENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct response_head head = {.status = cases[i].status, .length = cases[i].length};
        struct h1_shape shape = h1_response_shape(&head, cases[i].to_head, cases[i].to_http10);
        CHECK_CASE(shape.body == cases[i].body && shape.connection == cases[i].connection,
                   "case %zu", i);
    }
}

TEST(chunks_are_written_as_they_are_read)
{
    static const struct {
        size_t size;
        const char *head;
    } cases[] = {
        {1, "1\r\n"}, {10, "a\r\n"}, {0x1000, "1000\r\n"}, {SIZE_MAX, "ffffffffffffffff\r\n"}};
    struct buf out = BUF_LIMIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char room[H1_CHUNK_HEAD_MAX];
        CHECK_SPAN(h1_chunk_head(cases[i].size, room), span_of(cases[i].head));
    }
    struct headers trailers = {0};
    add(&trailers, SPAN("grpc-status"), SPAN("0"));
    add(&trailers, SPAN("content-length"), SPAN("5"));
    CHECK(h1_write_last_chunk(&out, NULL, NULL));
    CHECK_TEXT(buf_text(&out), "0\r\n\r\n");
    buf_clear(&out);
    CHECK(h1_write_last_chunk(&out, &trailers, NULL));
    CHECK_TEXT(buf_text(&out), "0\r\nGrpc-Status: 0\r\n\r\n");
    add(&trailers, SPAN("x"), SPAN("a\nb"));
    CHECK(!h1_write_last_chunk(&out, &trailers, NULL));
    CHECK_TEXT(buf_text(&out), "0\r\nGrpc-Status: 0\r\n\r\n");
    headers_release(&trailers);
    buf_release(&out);
}

/* Where the target written differs from what was recorded, on purpose. */
static struct span better_target(struct span name, struct span recorded)
{
    static const struct {
        const char *name;
        struct span target;
    } better[] = {
        /* an encoded slash stays one */
        {"path-mixed-raw-and-encoded-slash", SPAN_INIT("/a%20b%2Fc")},
        {"path-quote-and-encoded", SPAN_INIT("/%2f%22")},
        /* blanks do not reach the request line */
        {"path-query-space-raw", SPAN_INIT("/?a%20b")},
    };
    for (size_t i = 0; i < ARRAY_LEN(better); i++)
        if (span_equal(name, span_of(better[i].name)))
            return better[i].target;
    return recorded;
}

TEST(targets_reach_the_origin_as_they_were_recorded)
{
    struct doc *targets = vectors_open("origin/targets.json");
    struct buf path = BUF_LIMIT(4096);
    struct buf recorded = BUF_LIMIT(4096);
    for (size_t i = 0; i < doc_count(targets); i++) {
        const struct doc *entry = doc_at(targets, i);
        struct request_head head;
        struct buf out = BUF_LIMIT(8192);
        struct span name = SPAN("");
        CHECK(doc_read_text(entry, "name", &name, NULL));
        fill(&head, "GET", "a", vectors_bytes(entry, "path", &path));
        CHECK(h1_write_request(&out, &head, &(struct h1_shape){0}, NULL));
        struct span target = span_skip(buf_span(&out), strlen("GET "));
        target = span_first(target, span_find(target, ' '));
        struct span want = better_target(name, vectors_bytes(entry, "target", &recorded));
        CHECK_CASE(span_equal(target, want), "%.*s: \"%.*s\"", SPAN_ARG(name), SPAN_ARG(target));
        buf_release(&out);
        request_head_release(&head);
    }
    buf_release(&path);
    buf_release(&recorded);
    doc_free(targets);
}

static struct h1_shape shape_of(const struct h1_framing *framing)
{
    struct h1_shape shape = {.body = framing->body, .length = framing->length};
    if (framing->upgrade[0]) {
        shape.connection = H1_CONNECTION_UPGRADE;
        shape.upgrade = span_of(framing->upgrade);
    } else if (!framing->keep_alive) {
        shape.connection = H1_CONNECTION_CLOSE;
    }
    return shape;
}

/* Reads `bytes`, writes what was understood, reads that: both must be the same. False: the first
 * reading was refused. */
static bool read_twice(struct span bytes, const char *name)
{
    struct request_head heads[2];
    struct h1_framing framings[2];
    struct buf out = BUF_LIMIT(1 << 20);
    bool ok = true;
    for (size_t i = 0; i < 2; i++)
        request_head_init(&heads[i]);
    for (size_t i = 0; ok && i < 2; i++) {
        struct h1_parser parser;
        struct h1_refusal why;
        h1_parser_reset(&parser, &h1_request_limits);
        ok = h1_parse_request(&parser, i ? buf_span(&out) : bytes, &heads[i], &framings[i], &why) ==
             H1_DONE;
        CHECK_CASE(ok || i == 0, "%s: what was written is refused: %s", name, why.text);
        struct h1_shape shape = shape_of(&framings[i]);
        if (ok && i == 0)
            CHECK(h1_write_request(&out, &heads[0], &shape, NULL));
    }
    if (ok) {
        CHECK_SPAN(buf_span(&heads[1].method), buf_span(&heads[0].method));
        CHECK_SPAN(buf_span(&heads[1].target), buf_span(&heads[0].target));
        CHECK_SPAN(buf_span(&heads[1].authority), buf_span(&heads[0].authority));
        CHECK(framings[0].body == framings[1].body && framings[0].length == framings[1].length &&
              framings[0].keep_alive == framings[1].keep_alive &&
              strcmp(framings[0].upgrade, framings[1].upgrade) == 0);
        headers_remove(&heads[0].fields, SPAN("Content-Length")); /* comes first when written */
        headers_remove(&heads[1].fields, SPAN("Content-Length"));
        CHECK_SIZE(heads[1].fields.count, heads[0].fields.count);
        for (size_t i = 0; i < heads[0].fields.count && i < heads[1].fields.count; i++) {
            struct header a = headers_at(&heads[0].fields, i);
            struct header b = headers_at(&heads[1].fields, i);
            CHECK_CASE(span_equal_nocase(a.name, b.name) && span_equal(a.value, b.value), "%s: %zu",
                       name, i);
        }
    }
    for (size_t i = 0; i < 2; i++)
        request_head_release(&heads[i]);
    buf_release(&out);
    return ok;
}

TEST(heads_as_origins_received_them_are_read_written_and_read_alike)
{
    static const char *const refused[] = {"path-query-space-raw", "path-query-utf8"};
    struct doc *heads = vectors_open("origin/heads.json");
    struct buf bytes = BUF_LIMIT(1 << 16);
    for (size_t i = 0; i < doc_count(heads); i++) {
        struct span name = SPAN("");
        CHECK(doc_read_text(doc_at(heads, i), "name", &name, NULL));
        bool is_refused = false;
        for (size_t n = 0; n < ARRAY_LEN(refused); n++)
            is_refused = is_refused || span_equal(name, span_of(refused[n]));
        bool ok = read_twice(vectors_bytes(doc_at(heads, i), "head", &bytes), name.data);
        CHECK_CASE(ok == !is_refused, "%.*s", SPAN_ARG(name));
    }
    buf_release(&bytes);
    doc_free(heads);
}
