#include "culvert/http/h1_request.h"

#include "harness.h"
#include "support/h1_cuts.h"

/* A head with lines between the request line and the empty line. */
#define GET(lines)  "GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define POST(lines) "POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define LINE(line)  line "\r\nHost: a\r\n\r\n"

struct refused {
    struct span bytes;
    int status;
    const char *why;
};

static void check_refused(const struct refused *cases, size_t count)
{
    struct buf story = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < count; i++) {
        char want[32];
        h1_cuts(H1_CUT_REQUEST, cases[i].bytes, &story);
        (void)snprintf(want, sizeof want, "refused %d ", cases[i].status);
        CHECK_CASE(span_starts(buf_span(&story), span_of(want)), "%s: %d, but: %.200s",
                   cases[i].why, cases[i].status, buf_text(&story));
    }
    buf_release(&story);
}

TEST(a_head_tells_its_method_target_fields_and_framing)
{
    static const struct {
        struct span bytes;
        const char *story, *why;
    } cases[] = {
        {SPAN_INIT(GET("")), "GET a /\nused 27", "the least"},
        {SPAN_INIT("\r\n" GET("")), "GET a /\nused 29", "one empty line before"},
        {SPAN_INIT(GET("X-A:1\r\nx-b: \t a  b\t \r\nX-E:\r\n")),
         "GET a /\nX-A: 1\nx-b: a  b\nX-E: \nused 55", "blanks around values"},
        {SPAN_INIT(GET("X: \x80\xff\ttab\r\n")), "GET a /\nX: \x80\xff\ttab\nused 38",
         "bytes above 0x7F and tabs in values"},
        {SPAN_INIT("M-SEARCH /%41?%zz HTTP/1.1\r\nHost: a\r\n\r"), "more", "not whole"},
        {SPAN_INIT(LINE("get /a%2Fb;c=d//../?x=%zz&|{}\\ HTTP/1.1")),
         "get a /a%2Fb;c=d//../?x=%zz&|{}\\\nused 52", "path and query are left alone"},
        {SPAN_INIT(
             LINE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1")),
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA a /\nused 88",
         "the longest method"},
        {SPAN_INIT(LINE("OPTIONS * HTTP/1.1")), "OPTIONS a *\nused 31", "asterisk"},
        {SPAN_INIT(LINE("GET http://A/x?y HTTP/1.1")), "GET http://A /x?y\nused 38",
         "absolute target, its authority counts"},
        {SPAN_INIT(LINE("GET HTTPS://a HTTP/1.1")), "GET https://a /\nused 35",
         "absolute without path"},
        {SPAN_INIT(LINE("GET http://a?q HTTP/1.1")), "GET http://a /?q\nused 36",
         "absolute with a query only"},
        {SPAN_INIT(LINE("OPTIONS http://a HTTP/1.1")), "OPTIONS http://a *\nused 38",
         "absolute OPTIONS without path"},
        {SPAN_INIT("GET / HTTP/1.1\r\nhOST:  [::1]:8443 \r\n\r\n"), "GET [::1]:8443 /\nused 38",
         "Host in any case"},
        {SPAN_INIT(POST("Content-Length: 5\r\n") "helloGET"),
         "POST a / length=5\nContent-Length: 5\nused 47", "a length"},
        {SPAN_INIT(POST("Content-Length: 9223372036854775807\r\n")),
         "POST a / length=9223372036854775807\nContent-Length: 9223372036854775807\nused 65",
         "the largest length"},
        {SPAN_INIT(POST("Content-Length: 0\r\n")), "POST a /\nContent-Length: 0\nused 47",
         "length 0 is no body"},
        {SPAN_INIT(POST("Transfer-Encoding: Chunked\r\n")), "POST a / chunked\nused 56",
         "chunked in any case"},
        {SPAN_INIT(POST("Content-Length: 5\r\nExpect: 100-Continue\r\n")),
         "POST a / length=5 continue\nContent-Length: 5\nused 69", "expects 100"},
        {SPAN_INIT(GET("Expect: 100-continue\r\n")), "GET a /\nused 49",
         "expects 100 without a body"},
        {SPAN_INIT(GET("Connection: close\r\n")), "GET a / close\nused 46", "close"},
        {SPAN_INIT(GET("Connection: keep-alive, CLOSE\r\n")), "GET a / close\nused 58",
         "close beats keep-alive"},
        {SPAN_INIT(GET("X-Hop: 1\r\nConnection: x-hop,, keep-alive\r\nKeep-Alive: 5\r\nX: 1\r\n")),
         "GET a /\nX: 1\nused 90", "hop-by-hop fields are gone"},
        {SPAN_INIT(GET("TE: trailers\r\nConnection: TE\r\n")), "GET a /\nTE: trailers\nused 57",
         "TE: trailers stays"},
        {SPAN_INIT(GET("TE: gzip\r\nTrailer: x\r\nProxy-Connection: x\r\n")), "GET a /\nused 70",
         "TE and other hop-by-hop fields go, named or not"},
        {SPAN_INIT(GET("Connection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: k\r\n")),
         "GET a / upgrade=websocket\nSec-WebSocket-Key: k\nused 90", "an upgrade"},
        {SPAN_INIT(GET("Upgrade: websocket\r\n")), "GET a /\nused 47",
         "Upgrade that Connection does not name"},
        {SPAN_INIT(GET("Connection: upgrade\r\nUpgrade: h2c, websocket\r\n")), "GET a /\nused 73",
         "a list of upgrades is not taken up"},
        {SPAN_INIT(GET("Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n")),
         "GET a /\nused 82", "nor is a second line"},
        {SPAN_INIT(GET("Connection: upgrade\r\nUpgrade: 1234567890123456789012345678901\r\n")),
         "GET a / upgrade=1234567890123456789012345678901\nused 90", "the longest protocol"},
        {SPAN_INIT(GET("Connection: upgrade\r\nUpgrade: 12345678901234567890123456789012\r\n")),
         "GET a /\nused 91", "a longer one is not taken up"},
        {SPAN_INIT(POST("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                        "HTTP2-Settings: AAMA\r\nContent-Length: 1\r\n")),
         "POST a / length=1\nContent-Length: 1\nused 120", "h2c with a body is not taken up"},
        {SPAN_INIT("GET / HTTP/1.0\r\n\r\n"), "GET  / close 1.0\nused 18",
         "HTTP/1.0 needs no Host"},
        {SPAN_INIT("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n"),
         "GET a / 1.0\nused 51", "HTTP/1.0 keeps alive when asked"},
        {SPAN_INIT("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n"
                   "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
         "POST  / length=1 close 1.0\nContent-Length: 1\nused 101",
         "HTTP/1.0 knows neither 100 nor upgrades"},
    };
    struct buf story = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_cuts(H1_CUT_REQUEST, cases[i].bytes, &story);
        CHECK_CASE(span_equal(buf_span(&story), span_of(cases[i].story)), "%s: \"%s\", not \"%s\"",
                   cases[i].why, buf_text(&story), cases[i].story);
    }
    buf_release(&story);
}

TEST(a_request_line_is_three_parts_and_nothing_else)
{
    static const struct refused cases[] = {
        {SPAN_INIT("\r\n\r\n" GET("")), 400, "two empty lines before"},
        {SPAN_INIT("\n" GET("")), 400, "an empty line that is a bare LF"},
        {SPAN_INIT("\r" GET("")), 400, "a bare CR before"},
        {SPAN_INIT(" " GET("")), 400, "a blank before the method"},
        {SPAN_INIT("\x16\x03\x01\x02"), 400, "TLS on a port without, seen at once"},
        {SPAN_INIT("\0GET / HTTP/1.1\r\n"), 400, "NUL before the method"},
        {SPAN_INIT(LINE("GET  / HTTP/1.1")), 400, "two spaces after the method"},
        {SPAN_INIT(LINE("GET\t/ HTTP/1.1")), 400, "a tab after the method"},
        {SPAN_INIT(LINE("GET /  HTTP/1.1")), 400, "two spaces before the version"},
        {SPAN_INIT(LINE("GET / HTTP/1.1 ")), 400, "a space behind the version"},
        {SPAN_INIT(LINE("GET /\tHTTP/1.1")), 400, "a tab before the version"},
        {SPAN_INIT(LINE("GET /a b HTTP/1.1")), 400, "a space in the target"},
        {SPAN_INIT(LINE("GE\x01T / HTTP/1.1")), 400, "a control byte in the method"},
        {SPAN_INIT(LINE("G@T / HTTP/1.1")), 400, "a method that is no token"},
        {SPAN_INIT(LINE("GET\xc2\xa0/ HTTP/1.1")), 400, "a no-break space"},
        {SPAN_INIT(LINE("GET")), 400, "a method alone"},
        {SPAN_INIT(LINE("GET /")), 400, "HTTP/0.9"},
        {SPAN_INIT(LINE("GET HTTP/1.1")), 400, "no target"},
        {SPAN_INIT(LINE("GET / HTTP/0.9")), 505, "HTTP/0.9 named"},
        {SPAN_INIT(LINE("GET / HTTP/1.2")), 505, "HTTP/1.2"},
        {SPAN_INIT(LINE("PRI * HTTP/2.0")), 505, "the preface of HTTP/2"},
        {SPAN_INIT(LINE("GET / HTTP/3.0")), 505, "HTTP/3.0"},
        {SPAN_INIT(LINE("GET / http/1.1")), 400, "the version in lower case"},
        {SPAN_INIT(LINE("GET / HTTP/1")), 400, "half a version"},
        {SPAN_INIT(LINE("GET / HTTP/1.10")), 400, "two digits"},
        {SPAN_INIT(LINE("GET / HTTP/01.1")), 400, "a leading zero"},
        {SPAN_INIT(LINE("GET / HTTP/+1.1")), 400, "a sign"},
        {SPAN_INIT(LINE("GET / HTTPS/1.1")), 400, "another protocol"},
        {SPAN_INIT(LINE("GET / HTTP/1.1\x0b")), 400, "a vertical tab"},
        {SPAN_INIT(LINE("CONNECT a:443 HTTP/1.1")), 501, "CONNECT"},
        {SPAN_INIT(LINE("CONNECT / HTTP/1.1")), 501, "CONNECT with a path"},
        {SPAN_INIT(
             LINE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1")),
         501, "a method of 65 bytes"},
    };
    check_refused(cases, ARRAY_LEN(cases));
}

TEST(a_target_has_one_reading)
{
    static const struct refused cases[] = {
        {SPAN_INIT(LINE("GET a HTTP/1.1")), 400, "no slash"},
        {SPAN_INIT(LINE("GET ?a HTTP/1.1")), 400, "a query without path"},
        {SPAN_INIT(LINE("GET * HTTP/1.1")), 400, "asterisk for GET"},
        {SPAN_INIT(LINE("OPTIONS *a HTTP/1.1")), 400, "more than an asterisk"},
        {SPAN_INIT(LINE("GET a:443 HTTP/1.1")), 400, "authority form without CONNECT"},
        {SPAN_INIT(LINE("GET /a#b HTTP/1.1")), 400, "a fragment"},
        {SPAN_INIT(LINE("GET /?a#b HTTP/1.1")), 400, "a fragment behind the query"},
        {SPAN_INIT(LINE("GET /\x7f HTTP/1.1")), 400, "DEL"},
        {SPAN_INIT(LINE("GET /\x01 HTTP/1.1")), 400, "a control byte"},
        {SPAN_INIT(LINE("GET /\0 HTTP/1.1")), 400, "NUL"},
        {SPAN_INIT(LINE("GET /\rx HTTP/1.1")), 400, "CR"},
        {SPAN_INIT(LINE("GET /\xc3\xa4 HTTP/1.1")), 400, "a byte above 0x7F"},
        {SPAN_INIT(LINE("GET /% HTTP/1.1")), 400, "half an escape"},
        {SPAN_INIT(LINE("GET /%2 HTTP/1.1")), 400, "half an escape"},
        {SPAN_INIT(LINE("GET /a%2?b HTTP/1.1")), 400, "half an escape before the query"},
        {SPAN_INIT(LINE("GET /%zz HTTP/1.1")), 400, "no escape"},
        {SPAN_INIT(LINE("GET /%2g HTTP/1.1")), 400, "a second digit that is none"},
        {SPAN_INIT(LINE("GET /%g2 HTTP/1.1")), 400, "a first digit that is none"},
        {SPAN_INIT(LINE("GET ftp://a/ HTTP/1.1")), 400, "another scheme"},
        {SPAN_INIT(LINE("GET http:/a HTTP/1.1")), 400, "one slash"},
        {SPAN_INIT(LINE("GET http:a HTTP/1.1")), 400, "no slash"},
        {SPAN_INIT(LINE("GET http:///a HTTP/1.1")), 400, "an empty authority"},
        {SPAN_INIT(LINE("GET http://u@a/ HTTP/1.1")), 400, "a user"},
        {SPAN_INIT(LINE("GET http://a:/ HTTP/1.1")), 400, "an empty port"},
        {SPAN_INIT(LINE("GET http://a\\@b/ HTTP/1.1")), 400, "a backslash in the authority"},
        {SPAN_INIT(LINE("GET http://b/ HTTP/1.1")), 400, "another host than Host's"},
        {SPAN_INIT(LINE("GET http://a:80/ HTTP/1.1")), 400, "another port than Host's"},
        {SPAN_INIT("GET http://a/ HTTP/1.1\r\n\r\n"), 400, "an absolute target in place of Host"},
    };
    check_refused(cases, ARRAY_LEN(cases));
}

TEST(lines_and_fields_have_one_reading)
{
    static const struct refused cases[] = {
        {SPAN_INIT("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400, "bare LF behind the request line"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400, "bare LF behind a field"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400, "bare LF at the end of the head"},
        {SPAN_INIT(GET("X: a\nY: b\r\n")), 400, "bare LF in a value"},
        {SPAN_INIT(GET("X: a\rY: b\r\n")), 400, "bare CR in a value"},
        {SPAN_INIT(GET("X: a\r\r\n")), 400, "CR CR LF"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"), 400, "CR CR LF at the end"},
        {SPAN_INIT(GET("\rX: a\r\n")), 400, "CR before a name"},
        {SPAN_INIT(GET("X: a\0b\r\n")), 400, "NUL in a value"},
        {SPAN_INIT(GET("X\0: a\r\n")), 400, "NUL in a name"},
        {SPAN_INIT(GET("X: a\x0b\r\n")), 400, "a vertical tab in a value"},
        {SPAN_INIT(GET("X: a\x7f\r\n")), 400, "DEL in a value"},
        {SPAN_INIT(GET("X : a\r\n")), 400, "a space before the colon"},
        {SPAN_INIT(GET("X\t: a\r\n")), 400, "a tab before the colon"},
        {SPAN_INIT(GET("Content-Length : 0\r\n")), 400, "a space before the colon of a length"},
        {SPAN_INIT(GET(" X: a\r\n")), 400, "a line that begins with a space"},
        {SPAN_INIT(GET("X: a\r\n b\r\n")), 400, "a folded line"},
        {SPAN_INIT(GET("X: a\r\n\tb\r\n")), 400, "a line folded by a tab"},
        {SPAN_INIT(GET("X: a\r\n \r\n")), 400, "a line of blanks"},
        {SPAN_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400, "the first line is folded"},
        {SPAN_INIT(GET("X\r\n")), 400, "no colon"},
        {SPAN_INIT(GET(": a\r\n")), 400, "no name"},
        {SPAN_INIT(GET("X Y: a\r\n")), 400, "a space in a name"},
        {SPAN_INIT(GET("X@Y: a\r\n")), 400, "a name that is no token"},
        {SPAN_INIT(GET("\xefX: a\r\n")), 400, "a name above 0x7F"},
        {SPAN_INIT(GET("Content_Length: 5\r\n")), 400, "a length spelled for gateways"},
        {SPAN_INIT(GET("transfer_encoding: chunked\r\n")), 400, "a coding spelled for gateways"},
        {SPAN_INIT("GET / HTTP/1.1\r\n\r\n"), 400, "no Host"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, "an empty Host"},
        {SPAN_INIT(GET("Host: a\r\n")), 400, "Host twice, equal"},
        {SPAN_INIT(GET("host: b\r\n")), 400, "Host twice"},
        {SPAN_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400, "Host twice in HTTP/1.0"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400, "a blank in Host"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400, "two in one Host"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, "a path in Host"},
        {SPAN_INIT("GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"), 400, "a URL in Host"},
        {SPAN_INIT(GET("Connection: content-length\r\n")), 400, "Connection names the length"},
        {SPAN_INIT(GET("Connection: close, Host\r\n")), 400, "Connection names Host"},
        {SPAN_INIT(GET("Connection: close;x\r\n")), 400, "a member that is no token"},
        {SPAN_INIT(GET("Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"
                       ",a\r\n")),
         400, "more members than anybody means"},
        {SPAN_INIT(POST("Content-Length: 5\r\nExpect: 200-ok\r\n")), 417, "another expectation"},
        {SPAN_INIT(POST("Expect: 100-continue, x\r\n")), 417, "two expectations"},
        {SPAN_INIT(POST("Expect:\r\n")), 417, "no expectation"},
    };
    check_refused(cases, ARRAY_LEN(cases));
}

TEST(a_body_has_one_length)
{
    static const struct refused cases[] = {
        {SPAN_INIT(POST("Content-Length: 5\r\nContent-Length: 5\r\n")), 400, "two equal lengths"},
        {SPAN_INIT(POST("Content-Length: 5\r\ncontent-length: 6\r\n")), 400, "two lengths"},
        {SPAN_INIT(POST("Content-Length: 5, 5\r\n")), 400, "a list"},
        {SPAN_INIT(POST("Content-Length: 5,\r\n")), 400, "a list of one"},
        {SPAN_INIT(POST("Content-Length: +5\r\n")), 400, "a sign"},
        {SPAN_INIT(POST("Content-Length: -5\r\n")), 400, "a negative length"},
        {SPAN_INIT(POST("Content-Length: 0x5\r\n")), 400, "hexadecimal"},
        {SPAN_INIT(POST("Content-Length: 05\r\n")), 400, "octal for some"},
        {SPAN_INIT(POST("Content-Length: 00\r\n")), 400, "zeros"},
        {SPAN_INIT(POST("Content-Length: 5 5\r\n")), 400, "two words"},
        {SPAN_INIT(POST("Content-Length: 5.0\r\n")), 400, "a fraction"},
        {SPAN_INIT(POST("Content-Length: 1e3\r\n")), 400, "an exponent"},
        {SPAN_INIT(POST("Content-Length: 1_0\r\n")), 400, "an underscore"},
        {SPAN_INIT(POST("Content-Length:\r\n")), 400, "empty"},
        {SPAN_INIT(POST("Content-Length: \"5\"\r\n")), 400, "quoted"},
        {SPAN_INIT(POST("Content-Length: 9223372036854775808\r\n")), 400, "2 to the 63rd"},
        {SPAN_INIT(POST("Content-Length: 18446744073709551617\r\n")), 400, "2 to the 64th and 1"},
        {SPAN_INIT(POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")), 400,
         "length with chunked"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")), 400,
         "chunked with length 0"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400,
         "chunked on two lines"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")), 400,
         "a second line"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked, chunked\r\n")), 400, "chunked twice"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked, gzip\r\n")), 400, "chunked not last"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked,\r\n")), 400, "an empty last member"},
        {SPAN_INIT(POST("Transfer-Encoding: ,chunked\r\n")), 400, "an empty first member"},
        {SPAN_INIT(POST("Transfer-Encoding:\r\n")), 400, "empty"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked;q=1\r\n")), 400, "a parameter"},
        {SPAN_INIT(POST("Transfer-Encoding: \"chunked\"\r\n")), 400, "quoted"},
        {SPAN_INIT(POST("Transfer-Encoding: chunked chunked\r\n")), 400, "two words"},
        {SPAN_INIT(POST("Transfer-Encoding: \x0b"
                        "chunked\r\n")),
         400, "a vertical tab"},
        {SPAN_INIT(POST("Transfer-Encoding: xchunked\r\n")), 501, "an unknown coding"},
        {SPAN_INIT(POST("Transfer-Encoding: identity\r\n")), 501, "identity"},
        {SPAN_INIT(POST("Transfer-Encoding: gzip, chunked\r\n")), 501, "gzip below chunked"},
        {SPAN_INIT("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
         "chunked in HTTP/1.0"},
        {SPAN_INIT("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"), 400,
         "TRACE with a body"},
        {SPAN_INIT(GET("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n")), 400,
         "a body before WebSocket frames"},
    };
    check_refused(cases, ARRAY_LEN(cases));
}

TEST(a_refusal_says_what_was_wrong_and_never_repeats_it)
{
    static const struct {
        struct span bytes;
        const char *story;
    } cases[] = {
        {SPAN_INIT(GET("X : a\r\n")), "refused 400 a field has a blank before its colon"},
        {SPAN_INIT(GET("X@: a\r\n")), "refused 400 a field name is not a token"},
        {SPAN_INIT(GET("X: a\r\n b\r\n")), "refused 400 a field is folded over two lines"},
        {SPAN_INIT(LINE("GET /a b HTTP/1.1")),
         "refused 400 the request line has more than three parts"},
        {SPAN_INIT(LINE("GET /")), "refused 400 the request line has no version"},
        {SPAN_INIT(LINE("GET / HTTP/x")),
         "refused 400 the request line does not end in a version of HTTP"},
    };
    struct buf story = BUF_LIMIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_cuts(H1_CUT_REQUEST, cases[i].bytes, &story);
        CHECK_TEXT(buf_text(&story), cases[i].story);
    }
    buf_release(&story);
}

/* "<before>aaa...aaa<after>" with `n` bytes in between. */
static struct buf padded(const char *before, size_t n, const char *after)
{
    struct buf text = BUF_LIMIT(1 << 20);
    CHECK(buf_put_span(&text, span_of(before)));
    for (size_t i = 0; i < n; i++)
        CHECK(buf_put_char(&text, 'a'));
    CHECK(buf_put_span(&text, span_of(after)));
    return text;
}

static void check_padded(struct buf *bytes, const char *story_begin, const char *why)
{
    struct buf story = BUF_LIMIT(1 << 20);
    h1_cuts(H1_CUT_REQUEST, buf_span(bytes), &story);
    CHECK_CASE(span_starts(buf_span(&story), span_of(story_begin)), "%s: %.100s", why,
               buf_text(&story));
    buf_release(&story);
    buf_release(bytes);
}

TEST(heads_up_to_their_limits_are_read_and_one_byte_more_is_not)
{
    const size_t line = h1_request_limits.line_max - strlen("GET / HTTP/1.1\r\n");
    const size_t head = h1_request_limits.head_max - strlen(GET("X: \r\n"));
    struct buf text = padded("GET /", line, " HTTP/1.1\r\nHost: a\r\n\r\n");
    check_padded(&text, "GET a /aaa", "the longest request line");
    text = padded("GET /", line + 1, " HTTP/1.1\r\nHost: a\r\n\r\n");
    check_padded(&text, "refused 414", "a longer request line");
    text = padded("GET /", line + 100, "");
    check_padded(&text, "refused 414", "a longer request line without end");
    text = padded("GET / HTTP/1.1\r\nHost: a\r\nX: ", head, "\r\n\r\n");
    check_padded(&text, "GET a /\nX: aaa", "the largest head");
    text = padded("GET / HTTP/1.1\r\nHost: a\r\nX: ", head + 1, "\r\n\r\n");
    check_padded(&text, "refused 431", "a larger head");
    text = padded("GET / HTTP/1.1\r\nHost: a\r\nX: ", head + 100, "");
    check_padded(&text, "refused 431", "a larger head without end");
}

TEST(a_head_may_have_so_many_fields_and_not_one_more)
{
    for (size_t extra = 0; extra < 2; extra++) {
        struct buf text = BUF_LIMIT(1 << 16);
        CHECK(buf_put_span(&text, SPAN("GET / HTTP/1.1\r\nHost: a\r\n")));
        for (size_t i = 1; i < h1_request_limits.fields_max + extra; i++)
            CHECK(buf_put_span(&text, SPAN("n: v\r\n")));
        CHECK(buf_put_span(&text, SPAN("\r\n")));
        check_padded(&text, extra ? "refused 431" : "GET a /", "fields");
    }
}

TEST(pipelined_requests_are_cut_exactly_where_they_end)
{
    static const struct span bytes =
        SPAN_INIT(GET("") POST("Content-Length: 0\r\n") "\r\n" GET("Connection: close\r\n") "rest");
    static const size_t used[] = {27, 47, 48};
    struct request_head head;
    struct h1_parser parser;
    struct h1_framing framing;
    struct h1_refusal why;
    struct span left = bytes;
    request_head_init(&head);
    for (size_t i = 0; i < ARRAY_LEN(used); i++) {
        h1_parser_reset(&parser, &h1_request_limits);
        REQUIRE(h1_parse_request(&parser, left, &head, &framing, &why) == H1_DONE);
        CHECK_SIZE(parser.used, used[i]);
        CHECK(request_is(&head, i == 1 ? SPAN("POST") : SPAN("GET")));
        CHECK_SIZE(head.fields.count, i == 1);
        CHECK(framing.keep_alive == (i < 2));
        left = span_skip(left, parser.used);
    }
    CHECK_SPAN(left, SPAN("rest"));
    request_head_release(&head);
}

TEST(a_head_that_comes_byte_by_byte_costs_no_more_than_one_that_comes_at_once)
{
    struct buf text = padded("GET / HTTP/1.1\r\nHost: a\r\nX: ", 60000, "\r\n\r\n");
    struct request_head head;
    struct h1_parser parser;
    struct h1_framing framing;
    struct h1_refusal why;
    request_head_init(&head);
    h1_parser_reset(&parser, &h1_request_limits);
    for (size_t n = 1; n < text.len; n++) {
        size_t scanned = parser.scanned;
        REQUIRE(h1_parse_request(&parser, span_first(buf_span(&text), n), &head, &framing, &why) ==
                H1_MORE);
        REQUIRE(parser.scanned == n && scanned == n - 1); /* looked at once */
    }
    request_head_release(&head);
    buf_release(&text);
}
