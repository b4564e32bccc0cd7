/* What a visitor gets: an answer as the origin gave it, or a page of the edge's own. */
#include "support/fake_connector.h"

#include "harness.h"

#define HOST        "Host: app.example.com\r\n"
#define BY_US       "{\"src\":\"cloudflared\"}"
#define GET_FROM(h) "GET / HTTP/1.1\r\nHost: " h "\r\n\r\n"

/* One connector that replies, one visitor that asks. */
struct scene {
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
};

static void scene_connect(struct scene *scene, const struct fake_reply *reply, const char *request)
{
    struct fake_connector_options options = fake_connector_of(&scene->ends, 0);
    fake_connector_dial(&scene->fake, &scene->ends, &options);
    fake_connector_follow(&scene->fake, reply, 1);
    CHECK(fake_connector_is_taken(&scene->fake));
    visitor_open(&scene->visitor, &scene->ends);
    visitor_say(&scene->visitor, span_of(request));
    CHECK(settle(scene->ends.loop));
}

static void scene_play(struct scene *scene, const struct fake_reply *reply, const char *request)
{
    both_ends_open(&scene->ends);
    scene_connect(scene, reply, request);
}

static void scene_close(struct scene *scene)
{
    visitor_close(&scene->visitor);
    fake_connector_close(&scene->fake);
    both_ends_close(&scene->ends);
}

static bool starts(const struct scene *scene, const char *text)
{
    return span_starts(buf_span(&scene->visitor.got), span_of(text));
}

static bool holds(const struct scene *scene, const char *text)
{
    return strcasestr(buf_text(&scene->visitor.got), text) != NULL;
}

TEST(an_answer_that_cannot_be_trusted_is_a_page_of_the_edge)
{
    static const struct {
        const char *name;
        struct fake_reply reply;
        const char *starts;
    } cases[] = {
        {"nobody says who answered", {.meta = "", .body = "secret"}, "HTTP/1.1 502 Bad Gateway"},
        {"who answered is no JSON", {.meta = "origin", .body = "secret"}, "HTTP/1.1 502 "},
        {"the origin took too long",
         {.meta = "{\"src\":\"cloudflared\",\"timed_out\":true}", .status = 502},
         "HTTP/1.1 504 Gateway Timeout"},
        {"an unknown source", {.meta = "{\"src\":\"x\"}", .body = "secret"}, "HTTP/1.1 502 "},
        {"packed fields without a colon", {.packed = "YQ", .body = "secret"}, "HTTP/1.1 502 "},
        {"packed fields that are no base64", {.packed = "?:YQ", .body = "secret"}, "HTTP/1.1 502 "},
        {"a packed field with a line end",
         {.packed = "WC1B:YQ0KWC1COiBi", .body = "secret"},
         "HTTP/1.1 502 "},
        {"the connector's 400",
         {.status = 400, .meta = BY_US, .body = "secret"},
         "HTTP/1.1 400 Bad Request"},
        {"the connector's 403",
         {.status = 403, .meta = BY_US, .body = "secret"},
         "HTTP/1.1 403 Forbidden"},
        {"the connector's 502", {.status = 502, .meta = BY_US, .body = "secret"}, "HTTP/1.1 502 "},
        {"the connector's 500", {.status = 500, .meta = BY_US, .body = "secret"}, "HTTP/1.1 502 "},
        {"the connector's 200 is none",
         {.status = 200, .meta = BY_US, .body = "secret"},
         "HTTP/1.1 502 "},
        {"a flow limit",
         {.status = 502, .meta = "{\"src\":\"cloudflared\",\"flow_rate_limited\":true}"},
         "HTTP/1.1 502 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_play(&scene, &cases[i].reply, "GET / HTTP/1.1\r\n" HOST "\r\n");
        CHECK_CASE(starts(&scene, cases[i].starts) && holds(&scene, "\r\nCf-Ray: ") &&
                       holds(&scene, "\nray: "),
                   "%s: %s", cases[i].name, buf_text(&scene.visitor.got));
        CHECK_CASE(!holds(&scene, "secret"), "%s: its body was given on", cases[i].name);
        CHECK_CASE(!scene.visitor.ended, "%s: the visitor was sent away", cases[i].name);
        CHECK_CASE(!scene.fake.over, "%s: the connection was given up", cases[i].name);
        scene_close(&scene);
    }
}

TEST(an_answer_of_the_origin_is_given_on_whatever_its_status)
{
    static const int statuses[] = {200, 201, 301, 400, 401, 404, 418, 500, 502, 503, 599, 999};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct scene scene;
        char starts_with[32];
        const struct fake_reply reply = {.status = statuses[i], .body = "origin's own"};
        scene_play(&scene, &reply, "GET / HTTP/1.1\r\n" HOST "\r\n");
        (void)snprintf(starts_with, sizeof starts_with, "HTTP/1.1 %d ", statuses[i]);
        CHECK_CASE(starts(&scene, starts_with) && holds(&scene, "origin's own"), "%s",
                   buf_text(&scene.visitor.got));
        scene_close(&scene);
    }
}

TEST(the_visitor_gets_the_packed_fields_but_none_of_the_tunnel_or_the_hop)
{
    struct scene scene;
    static const struct fake_reply reply = {
        .fields = "Content-Type: text/x\nSet-Cookie: a=1\nSet-Cookie: b=2\nConnection: X-Hop\n"
                  "X-Hop: h\nKeep-Alive: timeout=5\nTransfer-Encoding: gzip\nUpgrade: x\n"
                  "Content-Length: 4000\nServer: origin\nCf-Ray: forged",
        .body = "text"};
    static const char *const there[] = {"\r\nContent-Type: text/x\r\n", "\r\nSet-Cookie: a=1\r\n",
                                        "\r\nSet-Cookie: b=2\r\n", "\r\nServer: origin\r\n",
                                        "\r\n4\r\ntext\r\n0\r\n\r\n"};
    static const char *const absent[] = {"X-Hop", "Keep-Alive", "gzip",           "Upgrade",
                                         "4000",  "forged",     "cf-cloudflared", "\r\nDate:"};
    scene_play(&scene, &reply, "GET / HTTP/1.1\r\n" HOST "\r\n");
    CHECK(starts(&scene, "HTTP/1.1 200 OK\r\n"));
    for (size_t i = 0; i < ARRAY_LEN(there); i++)
        CHECK_CASE(holds(&scene, there[i]), "no %s in %s", there[i], buf_text(&scene.visitor.got));
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        CHECK_CASE(!holds(&scene, absent[i]), "%s in %s", absent[i], buf_text(&scene.visitor.got));
    scene_close(&scene);
}

/* ---- the edge's own pages ---- */

TEST(a_name_without_a_live_connection_is_503_and_says_when_to_come_again)
{
    struct both_ends ends;
    struct visitor_wire visitor;
    both_ends_open(&ends);
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN(GET_FROM("app.example.com")));
    CHECK(visitor_hears(&visitor, "HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(strstr(buf_text(&visitor.got), "\r\nRetry-After: 5\r\n") != NULL);
    CHECK(strstr(buf_text(&visitor.got), "\r\nCache-Control: no-store\r\n") != NULL);
    visitor_close(&visitor);
    both_ends_close(&ends);
}

TEST(a_page_is_html_json_or_text_as_the_visitor_accepts)
{
    static const struct {
        const char *accept; /* NULL: says nothing */
        const char *type, *holds;
    } cases[] = {
        {NULL, "text/plain", "404 No such host"},
        {"*/*", "text/plain", "404 No such host"},
        {"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html", "<h1>404 No such host"},
        {"application/json", "application/json", "{\"status\":404,"},
        {"Application/JSON; charset=utf-8", "application/json", "{\"status\":404,"},
        {"image/png, application/json;q=0.5", "application/json", "{\"status\":404,"},
        {"text/plain, text/html", "text/plain", "404 No such host"},
        {"image/png", "text/plain", "404 No such host"},
        {"", "text/plain", "404 No such host"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct visitor_wire visitor;
        char type[64];
        both_ends_open(&ends);
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN("GET /<script> HTTP/1.1\r\nHost: nobody.example.com\r\n"));
        if (cases[i].accept) {
            visitor_say(&visitor, SPAN("Accept: "));
            visitor_say(&visitor, span_of(cases[i].accept));
            visitor_say(&visitor, SPAN("\r\n"));
        }
        visitor_say(&visitor, SPAN("\r\n"));
        CHECK_CASE(visitor_hears(&visitor, cases[i].holds), "case %zu", i);
        (void)snprintf(type, sizeof type, "\r\nContent-Type: %s", cases[i].type);
        CHECK_CASE(strstr(buf_text(&visitor.got), type), "%s", buf_text(&visitor.got));
        CHECK(!strstr(buf_text(&visitor.got), "script"));
        CHECK(!strstr(buf_text(&visitor.got), "nobody"));
        visitor_close(&visitor);
        both_ends_close(&ends);
    }
}

TEST(names_are_found_exactly_first_and_then_by_the_nearest_wildcard)
{
    static const struct {
        const char *request, *starts;
    } cases[] = {
        {GET_FROM("app.example.com"), "HTTP/1.1 200 "},
        {GET_FROM("APP.Example.COM."), "HTTP/1.1 200 "},
        {GET_FROM("app.example.com:8080"), "HTTP/1.1 200 "},
        {GET_FROM("x.wild.example.com"), "HTTP/1.1 200 "},
        {GET_FROM("x.y.wild.example.com"), "HTTP/1.1 200 "},
        {GET_FROM("wild.example.com"), "HTTP/1.1 404 "},
        {GET_FROM("xwild.example.com"), "HTTP/1.1 404 "},
        {GET_FROM("sub.app.example.com"), "HTTP/1.1 404 "},
        {GET_FROM("example.com"), "HTTP/1.1 404 "},
        {GET_FROM("192.0.2.1"), "HTTP/1.1 404 "},
        {"GET http://app.example.com/ HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "HTTP/1.1 200 "},
        {"OPTIONS * HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "HTTP/1.1 200 "},
        {"GET * HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "HTTP/1.1 400 "},
        {"CONNECT app.example.com:443 HTTP/1.1\r\nHost: app.example.com:443\r\n\r\n", "HTTP/1.1 "},
        {"GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_play(&scene, &fine, cases[i].request);
        CHECK_CASE(starts(&scene, cases[i].starts), "%s: %s", cases[i].request,
                   buf_text(&scene.visitor.got));
        bool asks = strcmp(cases[i].starts, "HTTP/1.1 200 ") == 0;
        CHECK_CASE(scene.fake.call_count == (asks ? 1 : 0), "%s: asked %zu times", cases[i].request,
                   scene.fake.call_count);
        scene_close(&scene);
    }
}

/* ---- what the origin is told ---- */

static struct span field(const struct scene *scene, const char *name)
{
    struct span value;
    const struct headers *fields = &scene->fake.calls[0].head.fields;
    if (!headers_find(fields, span_of(name), &value))
        return SPAN("(none)");
    CHECK_CASE(headers_count_of(fields, span_of(name)) == 1, "%s more than once", name);
    return value;
}

TEST(names_that_only_the_edge_may_set_are_taken_off_in_every_spelling)
{
    static const char *const names[] = {
        "Cf-Connecting-Ip",
        "Cf-Connecting-IPv6",
        "Cf-Ray",
        "Cf-Visitor",
        "Cf-Ipcountry",
        "True-Client-Ip",
        "X-Real-Ip",
        "X-Forwarded-Proto",
        "Forwarded",
        "Cf-Worker",
        "Cf-Ew-Via",
        "Cf-Trace-Id",
        "Cf-Access-Jwt-Assertion",
        "Cf-Access-Authenticated-User-Email",
        "Cf-Warp-Tag-Id",
        "Cf-Warp-Tag-Anything",
        "Cf-Cloudflared-Proxy-Connection-Upgrade",
        "Cf-Cloudflared-Proxy-Src",
        "Cf-Cloudflared-Request-Headers",
        "Cf-Int-Anything",
        "Cf-Proxy-Anything",
    };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct scene scene;
        struct buf request = BUF_LIMIT(4096);
        char other[64];
        (void)snprintf(other, sizeof other, "%s", names[i]);
        for (char *c = other; *c; c++)
            if (*c == '-')
                *c = (c - other) % 2 ? '_' : '-';
        CHECK(buf_printf(&request, "GET / HTTP/1.1\r\n" HOST "%s: forged\r\n%s: forged\r\n",
                         names[i], other));
        for (char *c = other; *c; c++)
            *c = *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
        CHECK(buf_printf(&request, "%s: forged\r\nX-Own: kept\r\n\r\n", other));
        scene_play(&scene, &fine, buf_text(&request));
        REQUIRE(scene.fake.call_count == 1);
        const struct headers *fields = &scene.fake.calls[0].head.fields;
        for (size_t k = 0; k < fields->count; k++)
            CHECK_CASE(!span_equal(headers_at(fields, k).value, SPAN("forged")),
                       "%.*s came through", SPAN_ARG(headers_at(fields, k).name));
        CHECK_SPAN(field(&scene, "x-own"), SPAN("kept"));
        buf_release(&request);
        scene_close(&scene);
    }
}

TEST(the_origin_is_told_who_asks_and_how)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    struct scene scene;
    scene_play(&scene, &fine,
               "GET /a%2fb?c HTTP/1.1\r\nHost: App.example.com:8080\r\n"
               "Connection: X-Hop\r\nX-Hop: h\r\n\r\n");
    REQUIRE(scene.fake.call_count == 1);
    const struct request_head *head = &scene.fake.calls[0].head;
    CHECK_SPAN(buf_span(&head->authority), SPAN("App.example.com:8080"));
    CHECK_SPAN(buf_span(&head->target), SPAN("/a%2fb?c"));
    CHECK_SPAN(buf_span(&head->scheme), SPAN("http"));
    CHECK_SPAN(field(&scene, "cf-connecting-ip"), SPAN("127.0.0.1"));
    CHECK_SPAN(field(&scene, "x-forwarded-for"), SPAN("127.0.0.1"));
    CHECK_SPAN(field(&scene, "x-forwarded-proto"), SPAN("http"));
    CHECK_SPAN(field(&scene, "cf-visitor"), SPAN("{\"scheme\":\"http\"}"));
    CHECK_SPAN(field(&scene, "cdn-loop"), SPAN("culvert"));
    CHECK_SPAN(field(&scene, "accept-encoding"), SPAN("identity"));
    CHECK_SPAN(field(&scene, "x-hop"), SPAN("(none)"));
    struct span ray = field(&scene, "cf-ray");
    CHECK_SIZE(ray.len, 16);
    CHECK(memmem(scene.visitor.got.data, scene.visitor.got.len, ray.data, ray.len) != NULL);
    scene_close(&scene);
}

TEST(lists_of_those_who_passed_a_request_on_are_appended_to)
{
    static const struct {
        const char *sent, *name, *arrives;
    } cases[] = {
        {"X-Forwarded-For: 6.6.6.6\r\n", "x-forwarded-for", "6.6.6.6, 127.0.0.1"},
        {"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n", "x-forwarded-for",
         "6.6.6.6, 7.7.7.7, 127.0.0.1"},
        {"X-Forwarded-For:\r\n", "x-forwarded-for", "127.0.0.1"},
        {"X_Forwarded_For: 6.6.6.6\r\n", "x-forwarded-for", "127.0.0.1"},
        {"X_Forwarded_For: 6.6.6.6\r\n", "x_forwarded_for", "(none)"},
        {"X-Forwarded_For: 6.6.6.6\r\n", "x-forwarded_for", "(none)"},
        {"Cdn-Loop: other; a=1\r\n", "cdn-loop", "other; a=1, culvert"},
        {"Cdn_Loop: other\r\n", "cdn_loop", "(none)"},
        {"Accept-Encoding: br\r\n", "accept-encoding", "br"},
    };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct buf request = BUF_LIMIT(4096);
        CHECK(buf_printf(&request, "GET / HTTP/1.1\r\n" HOST "%s\r\n", cases[i].sent));
        scene_play(&scene, &fine, buf_text(&request));
        REQUIRE(scene.fake.call_count == 1);
        struct span got = field(&scene, cases[i].name);
        CHECK_CASE(span_equal(got, span_of(cases[i].arrives)), "%s: %.*s", cases[i].sent,
                   SPAN_ARG(got));
        buf_release(&request);
        scene_close(&scene);
    }
}

TEST(a_request_that_comes_back_again_and_again_is_a_loop)
{
    static const struct {
        const char *loop;
        const char *starts;
    } cases[] = {
        {"culvert, culvert, culvert, culvert, culvert, culvert, culvert", "HTTP/1.1 200 "},
        {"culvert, culvert, culvert, culvert, culvert, culvert, culvert, culvert",
         "HTTP/1.1 508 Loop Detected"},
        {"a, Culvert, b, culvert;x=1, culvert, culvert, culvert, culvert, culvert, culvert",
         "HTTP/1.1 508 "},
        {"culverts, culverts, culverts, culverts, culverts, culverts, culverts, culverts",
         "HTTP/1.1 200 "},
    };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct buf request = BUF_LIMIT(4096);
        CHECK(
            buf_printf(&request, "GET / HTTP/1.1\r\n" HOST "Cdn-Loop: %s\r\n\r\n", cases[i].loop));
        scene_play(&scene, &fine, buf_text(&request));
        CHECK_CASE(starts(&scene, cases[i].starts), "%s: %s", cases[i].loop,
                   buf_text(&scene.visitor.got));
        buf_release(&request);
        scene_close(&scene);
    }
}

TEST(trailers_of_a_visitor_carry_no_name_that_only_the_edge_may_set)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine", .waits = true};
    struct scene scene;
    scene_play(&scene, &fine,
               "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
               "Trailer: X-Sum, Cf-Connecting-Ip\r\n\r\n1\r\na\r\n0\r\nX-Sum: 42\r\n"
               "Cf-Connecting-Ip: forged\r\nX_Forwarded_For: forged\r\nX-Forwarded-For: forged\r\n"
               "Cf-Cloudflared-Proxy-Src: forged\r\n\r\n");
    REQUIRE(scene.fake.call_count == 1);
    const struct headers *trailers = &scene.fake.calls[0].trailers;
    CHECK_SIZE(trailers->count, 1);
    for (size_t i = 0; i < trailers->count; i++)
        CHECK_SPAN(headers_at(trailers, i).name, SPAN("x-sum"));
    scene_close(&scene);
}

TEST(a_body_that_contradicts_its_length_is_never_taken_for_whole)
{
    static const struct {
        int64_t length;
        const char *body;
    } cases[] = {{10, "four"}, {2, "four"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        const struct fake_reply reply = {
            .kind = FAKE_REPLY_WHOLE, .length = cases[i].length, .body = cases[i].body};
        scene_play(&scene, &reply, "GET / HTTP/1.1\r\n" HOST "\r\n");
        CHECK_CASE(visitor_sees_end(&scene.visitor), "case %zu", i);
        CHECK_CASE(!holds(&scene, "\r\n0\r\n"), "case %zu", i);
        CHECK_CASE(!scene.fake.over, "case %zu: its neighbours suffer", i);
        scene_close(&scene);
    }
}

/* ---- what the operator sees ---- */

struct seen {
    size_t lines[LEVEL_FATAL + 1]; /* about requests, by level */
    int64_t status;                /* of the last one */
};

static void take_note(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct seen *notes = arg;
    (void)unix_ms;
    if (strcmp(line->message, "Request") != 0)
        return;
    notes->lines[level]++;
    for (size_t i = 0; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++)
        if (strcmp(line->fields[i].key, "status") == 0)
            notes->status = line->fields[i].number;
}

TEST(each_request_has_one_line_in_the_log_and_its_place_in_the_figures)
{
    static const struct {
        const char *name, *request;
        struct fake_reply reply;
        int status;
        enum log_level level;
    } cases[] = {
        {"an answer", GET_FROM("app.example.com"), {.body = "fine"}, 200, LEVEL_DEBUG},
        {"the origin's error", GET_FROM("app.example.com"), {.status = 500}, 500, LEVEL_DEBUG},
        {"no such host", GET_FROM("nobody.example.com"), {0}, 404, LEVEL_DEBUG},
        {"no host at all", "GET / HTTP/1.0\r\n\r\n", {0}, 400, LEVEL_DEBUG},
        {"the connector's refusal",
         GET_FROM("app.example.com"),
         {.status = 400, .meta = BY_US},
         400,
         LEVEL_INFO},
        {"an origin that is down",
         GET_FROM("app.example.com"),
         {.status = 502, .meta = BY_US},
         502,
         LEVEL_WARN},
        {"a lost connection",
         GET_FROM("app.example.com"),
         {.kind = FAKE_REPLY_HANG_UP},
         502,
         LEVEL_WARN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct seen notes = {.status = 0};
        char series[96];
        both_ends_open(&scene.ends);
        scene.ends.log.sinks[scene.ends.log.sink_count++] = (struct log_sink){take_note, &notes};
        scene_connect(&scene, &cases[i].reply, cases[i].request);
        CHECK_CASE(notes.lines[cases[i].level] == 1, "%s: %zu lines", cases[i].name,
                   notes.lines[cases[i].level]);
        size_t all = 0;
        for (size_t level = 0; level < ARRAY_LEN(notes.lines); level++)
            all += notes.lines[level];
        CHECK_CASE(all == 1, "%s: %zu lines in all", cases[i].name, all);
        CHECK_CASE(notes.status == cases[i].status, "%s: %d", cases[i].name, (int)notes.status);
        (void)snprintf(series, sizeof series, "culvert_edge_requests_total{code=\"%d\"}",
                       cases[i].status);
        CHECK_CASE(both_ends_metric(&scene.ends, "127.0.0.1:2001", series) == 1, "%s",
                   cases[i].name);
        scene_close(&scene);
    }
}

TEST(an_answer_that_comes_before_the_request_is_whole_is_given_on_whole)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    struct scene scene;
    struct buf part = BUF_LIMIT(512 * 1024);
    while (buf_put_char(&part, 'x'))
        continue;
    both_ends_open(&scene.ends);
    scene_connect(&scene, &fine, "");
    scene.fake.leaves_bodies = true;
    visitor_say(&scene.visitor, SPAN("POST / HTTP/1.1\r\n" HOST "Content-Length: 9000000\r\n\r\n"));
    visitor_say(&scene.visitor, buf_span(&part));
    CHECK(visitor_hears(&scene.visitor, "fine\r\n0\r\n\r\n"));
    visitor_say(&scene.visitor, buf_span(&part));
    CHECK(visitor_sees_end(&scene.visitor));
    CHECK(!scene.visitor.reset);
    CHECK(settle(scene.ends.loop));
    CHECK(both_ends_metric(&scene.ends, "127.0.0.1:2001", "culvert_edge_open_requests") == 0);
    CHECK(both_ends_metric(&scene.ends, "127.0.0.1:2001", "culvert_edge_channel_bytes") == 0);
    CHECK(!scene.fake.over);
    buf_release(&part);
    scene_close(&scene);
}

/* Toward an edge of others the meta stays as recorded: tests/vectors/origin/failures.json. */
TEST(an_origin_that_cannot_be_reached_in_time_is_a_504)
{
    static const struct {
        const char *service;
        const char *starts;
    } cases[] = {
        {"http://127.0.0.1:3001", "HTTP/1.1 504 Gateway Timeout\r\n"},
        {"tcp://127.0.0.1:3001", "HTTP/1.1 504 Gateway Timeout\r\n"},
        {"http://127.0.0.1:3002", "HTTP/1.1 502 Bad Gateway\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct visitor_wire visitor;
        char yaml[256];
        (void)snprintf(yaml, sizeof yaml, "ingress:\n  - {service: '%s'}\n", cases[i].service);
        both_ends_open(&ends);
        memory_sockets_silence(&ends.memory, "127.0.0.1:3001");
        both_ends_connect(&ends, yaml);
        REQUIRE(both_ends_registered(&ends, 4));
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN(GET_FROM("app.example.com")));
        CHECK(visitor_hears(&visitor, "\r\n\r\n"));
        CHECK_CASE(span_starts(buf_span(&visitor.got), span_of(cases[i].starts)), "%s: %.40s",
                   cases[i].service, buf_text(&visitor.got));
        visitor_close(&visitor);
        both_ends_close(&ends);
    }
}
