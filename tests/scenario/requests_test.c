/* One connector, one origin, one visitor: what each says as data. */
#include "support/both_ends.h"

#include "harness.h"

static const char rules[] =
    "ingress:\n"
    "  - {hostname: app.example.com, path: ^/admin, service: 'http_status:403'}\n"
    "  - {hostname: app.example.com, path: ^/early, service: 'http_status:103'}\n"
    "  - {hostname: down.wild.example.com, service: 'http://127.0.0.1:3999'}\n"
    "  - {hostname: '*.wild.example.com', service: 'http_status:204'}\n"
    "  - {service: 'http://127.0.0.1:3000'}\n";

#define OK_5 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define HOST "Host: app.example.com\r\n"

static const struct {
    const char *name;
    struct span visitor;  /* says */
    struct span origin;   /* answers; "": is not asked */
    const char *hears[3]; /* the visitor, in this order */
    const char *never;    /* hears the visitor; NULL: nothing is forbidden */
    const char *asked[3]; /* the origin, in this order */
    bool ends;            /* the visitor's connection */
} cases[] = {
    {.name = "a chunked answer stays whole and framed anew",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
     .hears = {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "\r\n0\r\n\r\n"}},
    {.name = "an answer until close is whole when the origin closes",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT("HTTP/1.0 200 OK\r\n\r\nto the end"),
     .hears = {"HTTP/1.1 200 OK", "to the end", "\r\n0\r\n\r\n"}},
    {.name = "a body cut short ends the connection, never a whole-looking answer",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
     .never = "\r\n0\r\n\r\n",
     .ends = true},
    {.name = "an answer to HEAD keeps its length and has no body",
     .visitor = SPAN_INIT("HEAD / HTTP/1.1\r\n" HOST "\r\n"
                          "GET /next HTTP/1.1\r\nHost: x.wild.example.com\r\n\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
     .hears = {"HTTP/1.1 200 OK", "Content-Length: 1000", "HTTP/1.1 204"}},
    {.name = "304 has no body",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"
                          "GET /next HTTP/1.1\r\nHost: x.wild.example.com\r\n\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
     .hears = {"HTTP/1.1 304", "Etag: \"x\"", "HTTP/1.1 204"}},
    {.name = "204 has no length, even if its origin says one (RFC 9110 8.6)",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"
                          "GET /next HTTP/1.1\r\nHost: x.wild.example.com\r\n\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-A: 1\r\n\r\n"),
     .hears = {"HTTP/1.1 204", "X-A: 1", "HTTP/1.1 204"},
     .never = "Content-Length"},
    {.name = "even one above 0",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX-A: 1\r\n\r\n"),
     .hears = {"HTTP/1.1 204", "X-A: 1"},
     .never = "Content-Length"},
    {.name = "a status below 100 is a bad gateway",
     .visitor = SPAN_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nhi"),
     .hears = {"HTTP/1.1 502 Bad Gateway"}},
    {.name = "a rule that answers an interim status is followed by an answer",
     .visitor = SPAN_INIT("GET /early HTTP/1.1\r\n" HOST "\r\n"),
     .hears = {"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 200 OK"},
     .never = "loudflared"},
    {.name = "interim answers do not disturb",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_5),
     .hears = {"HTTP/1.1 200 OK", "hello"}},
    {.name = "trailers come through",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "TE: trailers\r\n\r\n"),
     .origin = SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                         "1\r\na\r\n0\r\nX-Sum: 42\r\n\r\n"),
     .hears = {"HTTP/1.1 200 OK", "\r\n0\r\n", "X-Sum: 42\r\n\r\n"}},
    {.name = "a body with a length arrives with its length",
     .visitor = SPAN_INIT("POST /in HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody"),
     .origin = SPAN_INIT(OK_5),
     .hears = {"hello"},
     .asked = {"POST /in HTTP/1.1\r\n", "Content-Length: 4\r\n", "\r\n\r\nbody"}},
    {.name = "a chunked body arrives chunked",
     .visitor = SPAN_INIT("POST /in HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
                          "4\r\nbody\r\n0\r\n\r\n"),
     .origin = SPAN_INIT(OK_5),
     .hears = {"hello"},
     .asked = {"Transfer-Encoding: chunked\r\n", "\r\n4\r\nbody\r\n", "0\r\n\r\n"}},
    {.name = "an empty POST says so",
     .visitor = SPAN_INIT("POST /in HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"),
     .origin = SPAN_INIT(OK_5),
     .hears = {"hello"},
     .asked = {"POST /in", "Content-Length: 0\r\n"}},
    {.name = "who waits to send a body is told to go on",
     .visitor = SPAN_INIT("POST /in HTTP/1.1\r\n" HOST
                          "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
     .hears = {"HTTP/1.1 100 Continue\r\n"}},
    {.name = "names that only the edge may set are taken off",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "Cf-Connecting-Ip: 6.6.6.6\r\n"
                          "Cf_Connecting_IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"),
     .origin = SPAN_INIT(OK_5),
     .hears = {"hello"},
     .asked = {"X-Forwarded-For: 6.6.6.6, 127.0.0.1\r\n", "Cf-Connecting-Ip: 127.0.0.1\r\n"}},
    {.name = "the raw path is forwarded untouched",
     .visitor = SPAN_INIT("GET /a//b/%2e/%C3%A4;x?q=%20&/../ HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT(OK_5),
     .hears = {"hello"},
     .asked = {"GET /a//b/%2e/%C3%A4;x?q=%20&/../ HTTP/1.1\r\n"}},
    {.name = "a path whose dots lead to another rule is refused",
     .visitor = SPAN_INIT("GET /x/..%2fadmin HTTP/1.1\r\n" HOST "\r\n"),
     .hears = {"HTTP/1.1 400 "}},
    {.name = "the rule of a path answers",
     .visitor = SPAN_INIT("GET /admin/x HTTP/1.1\r\n" HOST "\r\n"),
     .hears = {"HTTP/1.1 403 "}},
    {.name = "host names compare without case and trailing dot",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\nHost: X.WILD.Example.com.\r\n\r\n"),
     .hears = {"HTTP/1.1 204 "}},
    {.name = "an origin that is down is a bad gateway",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\nHost: down.wild.example.com\r\n\r\n"),
     .hears = {"HTTP/1.1 502 Bad Gateway", "could not get an answer"}},
    {.name = "garbage of an origin is a bad gateway",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"),
     .origin = SPAN_INIT("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
     .hears = {"HTTP/1.1 502 Bad Gateway"}},
    {.name = "an unknown host is not found",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\nHost: nobody.example.com\r\n"
                          "Accept: application/json\r\n\r\n"),
     .hears = {"HTTP/1.1 404 ", "application/json", "\"status\":404"}},
    {.name = "pipelined requests are answered in order",
     .visitor = SPAN_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"
                          "GET /admin HTTP/1.1\r\n" HOST "\r\n"
                          "GET / HTTP/1.1\r\nHost: x.wild.example.com\r\n\r\n"),
     .origin = SPAN_INIT(OK_5),
     .hears = {"hello", "HTTP/1.1 403 ", "HTTP/1.1 204 "}},
    {.name = "two lengths are refused and nothing is forwarded",
     .visitor =
         SPAN_INIT("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
     .hears = {"HTTP/1.1 400 "},
     .ends = true},
};

/* Are the parts in `text` in this order? */
static const char *missing(const char *text, const char *const parts[3])
{
    for (size_t i = 0; i < 3 && parts[i]; i++) {
        text = strstr(text, parts[i]);
        if (!text)
            return parts[i];
        text += strlen(parts[i]);
    }
    return NULL;
}

static const char *last_part(const char *const parts[3])
{
    size_t i = 2;
    while (i > 0 && !parts[i])
        i--;
    return parts[i];
}

static void check_origin(struct both_ends *ends, size_t i)
{
    struct buf all = BUF_LIMIT(64 * 1024);
    if (!cases[i].asked[0])
        return;
    CHECK_CASE(ends->origin.request_count == 1, "%s: the origin was asked %zu times", cases[i].name,
               ends->origin.request_count);
    const struct fake_request *request = &ends->origin.requests[0];
    if (ends->origin.request_count > 0) {
        CHECK(buf_put_span(&all, buf_span(&request->head)));
        CHECK(buf_put_span(&all, buf_span(&request->body)));
    }
    const char *lacks = missing(buf_text(&all), cases[i].asked);
    CHECK_CASE(!lacks, "%s: the origin was not told %s but %s", cases[i].name, lacks,
               buf_text(&all));
    buf_release(&all);
}

static void run_case(size_t i)
{
    struct both_ends ends;
    struct visitor_wire visitor;
    struct fake_script script = {{{FAKE_SEND, cases[i].origin, 0, 0}, {FAKE_CLOSE}}};
    both_ends_open(&ends);
    fake_origin_follow(&ends.origin, &script, 1);
    both_ends_connect(&ends, rules);
    CHECK(both_ends_registered(&ends, 4));
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, cases[i].visitor);
    if (cases[i].hears[0])
        (void)visitor_hears(&visitor, last_part(cases[i].hears));
    if (cases[i].ends)
        CHECK_CASE(visitor_sees_end(&visitor), "%s: no end", cases[i].name);
    const char *lacks = missing(buf_text(&visitor.got), cases[i].hears);
    CHECK_CASE(!lacks, "%s: the visitor did not hear %s but %s", cases[i].name, lacks,
               buf_text(&visitor.got));
    CHECK_CASE(!cases[i].never || !strstr(buf_text(&visitor.got), cases[i].never),
               "%s: the visitor heard %s", cases[i].name, buf_text(&visitor.got));
    check_origin(&ends, i);
    visitor_close(&visitor);
    CHECK_CASE(both_ends_stop(&ends), "%s: the connector did not stop", cases[i].name);
    both_ends_close(&ends);
}

TEST(each_request_gets_what_its_case_says)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        run_case(i);
}
