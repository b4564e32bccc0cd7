#include "culvert/http/h1_body.h"

#include "harness.h"
#include "support/h1_cuts.h"

TEST(a_chunked_body_gives_its_payload_and_trailers_and_ends_where_it_ends)
{
    static const struct {
        struct span bytes;
        const char *story, *why;
    } cases[] = {
        {SPAN_INIT("0\r\n\r\nGET"), "||used 5", "empty, and a request behind it"},
        {SPAN_INIT("5\r\nhello\r\n0\r\n\r\n"), "hello||used 15", "one chunk"},
        {SPAN_INIT("1\r\na\r\n0000000000000002\r\n\r\n\r\n0\r\n\r\n"), "a\r\n||used 33",
         "zeros in front, payload that looks like framing"},
        {SPAN_INIT("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
         "01234567890123456789||used 35", "digits of either case"},
        {SPAN_INIT("5;foo=bar;\"x\"\r\nhello\r\n0;last\r\n\r\n"), "hello||used 32", "extensions"},
        {SPAN_INIT("0\r\nX-Sum: 42\r\nx-two:a\r\nX-Two:\tb \r\n\r\n"),
         "|X-Sum: 42\nx-two: a\nX-Two: b\n|used 36", "trailers"},
        {SPAN_INIT("0\r\nContent-Length: 5\r\nhost: x\r\nTransfer-Encoding: x\r\nCookie: x\r\n"
                   "grpc-status: 0\r\n\r\n"),
         "|grpc-status: 0\n|used 82", "trailers that come too late are left out"},
        {SPAN_INIT("5\r\nhel"), "hel|", "not whole"},
        {SPAN_INIT("5\r\nhello\r\n0\r\n"), "hello|", "no end of the trailers"},
        {SPAN_INIT("0\r\n\r"), "|", "half an end"},
    };
    static const enum h1_cut kinds[] = {H1_CUT_CHUNKED_REQUEST, H1_CUT_CHUNKED_ANSWER};
    struct buf story = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(kinds); i++) {
        size_t n = i / ARRAY_LEN(kinds);
        h1_cuts(kinds[i % ARRAY_LEN(kinds)], cases[n].bytes, &story);
        CHECK_CASE(span_equal(buf_span(&story), span_of(cases[n].story)), "%s: \"%s\", not \"%s\"",
                   cases[n].why, buf_text(&story), cases[n].story);
    }
    buf_release(&story);
}

TEST(chunks_that_could_end_in_two_places_are_refused)
{
    static const struct {
        struct span bytes;
        const char *why;
        bool is_fine_for_answers;
    } cases[] = {
        {SPAN_INIT("5\nhello\r\n0\r\n\r\n"), "bare LF behind a size"},
        {SPAN_INIT("5\rhello\r\n0\r\n\r\n"), "bare CR behind a size"},
        {SPAN_INIT("5\rXhello\r\n0\r\n\r\n"), "a byte in place of LF behind a size"},
        {SPAN_INIT("5\r\nhelloX\n0\r\n\r\n"), "a byte in place of CR behind a chunk"},
        {SPAN_INIT("5 x\r\nhello\r\n0\r\n\r\n"), "a word behind a size"},
        {SPAN_INIT("5  \t\r\nhello\r\n0\r\n\r\n"), "blanks behind a size", true},
        {SPAN_INIT("5\r\r\nhello\r\n0\r\n\r\n"), "CR CR LF behind a size"},
        {SPAN_INIT("5\r\nhello\n0\r\n\r\n"), "bare LF behind a chunk"},
        {SPAN_INIT("5\r\nhelloXX0\r\n\r\n"), "no line end behind a chunk"},
        {SPAN_INIT("5\r\nhello0\r\n\r\n"), "nothing behind a chunk"},
        {SPAN_INIT("5\r\nhello\rX0\r\n\r\n"), "CR and not LF behind a chunk"},
        {SPAN_INIT("4\r\nhello\r\n0\r\n\r\n"), "a chunk longer than its size"},
        {SPAN_INIT("6\r\nhello\r\n0\r\n\r\n"), "a chunk shorter than its size"},
        {SPAN_INIT("\r\n5\r\nhello\r\n"), "an empty line before a size"},
        {SPAN_INIT("zz\r\n"), "no size"},
        {SPAN_INIT(";x\r\n"), "an extension without size"},
        {SPAN_INIT("0x5\r\nhello\r\n"), "0x"},
        {SPAN_INIT("+5\r\nhello\r\n"), "a sign"},
        {SPAN_INIT("-1\r\nhello\r\n"), "a negative size"},
        {SPAN_INIT("5_0\r\nhello\r\n"), "an underscore"},
        {SPAN_INIT(" 5\r\nhello\r\n"), "a blank before a size"},
        {SPAN_INIT("5 5\r\n"), "two sizes"},
        {SPAN_INIT("5 \r\nhello\r\n0\r\n\r\n"), "a blank behind a size", true},
        {SPAN_INIT("5\t;x\r\nhello\r\n0\r\n\r\n"), "a tab before an extension", true},
        {SPAN_INIT("5;x\ny\r\nhello\r\n"), "bare LF in an extension"},
        {SPAN_INIT("5;x\ry\r\nhello\r\n"), "bare CR in an extension"},
        {SPAN_INIT("5;x\0\r\nhello\r\n"), "NUL in an extension"},
        {SPAN_INIT("5;\"\r\n\"\r\nhello\r\n0\r\n\r\n"), "a line end in a quoted extension"},
        {SPAN_INIT("8000000000000000\r\n"), "2 to the 63rd"},
        {SPAN_INIT("10000000000000005\r\n"), "2 to the 64th and 5"},
        {SPAN_INIT("00000000000000005\r\nhello\r\n"), "seventeen digits"},
        {SPAN_INIT("0\r\nX: 1\n\r\n"), "bare LF in trailers"},
        {SPAN_INIT("0\r\n\n"), "bare LF at the end"},
        {SPAN_INIT("0\n\n"), "bare LF only"},
        {SPAN_INIT("0\r\nX : 1\r\n\r\n"), "a space before the colon"},
        {SPAN_INIT("0\r\n X: 1\r\n\r\n"), "a folded trailer"},
        {SPAN_INIT("0\r\nX\r\n\r\n"), "a trailer without colon"},
        {SPAN_INIT("0\r\nGET / HTTP/1.1\r\n\r\n"), "a request where trailers stand"},
        {SPAN_INIT("0\r\nX: a\0b\r\n\r\n"), "NUL in a trailer"},
        {SPAN_INIT("0\r\nX: a\rb\r\n\r\n"), "CR in a trailer"},
    };
    struct buf story = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_cuts(H1_CUT_CHUNKED_REQUEST, cases[i].bytes, &story);
        CHECK_CASE(strstr(buf_text(&story), "|refused protocol "), "%s: %s", cases[i].why,
                   buf_text(&story));
        h1_cuts(H1_CUT_CHUNKED_ANSWER, cases[i].bytes, &story);
        CHECK_CASE(!strstr(buf_text(&story), "refused") == cases[i].is_fine_for_answers,
                   "%s in an answer: %s", cases[i].why, buf_text(&story));
    }
    buf_release(&story);
}

/* `unit` again and again until `len` bytes are there. */
static void repeat(struct buf *text, const char *unit, size_t len)
{
    while (text->len < len)
        CHECK(buf_put_span(text, span_of(unit)));
}

TEST(framing_without_end_reaches_a_limit)
{
    static const struct {
        const char *begin, *unit, *why;
    } cases[] = {
        {"5 ", " ", "one long row of blanks"},
        {"5;", "x", "one long extension"},
        {"", "1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n", "many extensions"},
        {"0\r\nX: ", "x", "one long trailer"},
        {"0\r\n", "X: 1\r\n", "many trailers"},
        {"0\r\n", "Host: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n",
         "many trailers that are left out"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(1 << 20);
        struct buf story = BUF_LIMIT(1 << 20);
        CHECK(buf_put_span(&text, span_of(cases[i].begin)));
        repeat(&text, cases[i].unit, 40000);
        h1_cuts(H1_CUT_CHUNKED_ANSWER, buf_span(&text), &story);
        CHECK_CASE(strstr(buf_text(&story), "|refused protocol "), "%s: %.80s", cases[i].why,
                   buf_text(&story));
        buf_release(&text);
        buf_release(&story);
    }
}

TEST(a_body_may_have_so_many_trailers_and_not_one_more)
{
    for (size_t extra = 0; extra < 2; extra++) {
        struct buf text = BUF_LIMIT(4096);
        struct buf story = BUF_LIMIT(4096);
        CHECK(buf_put_span(&text, SPAN("0\r\n")));
        for (size_t i = 0; i < H1_TRAILER_COUNT_MAX + extra; i++)
            CHECK(buf_put_span(&text, SPAN("n: v\r\n")));
        CHECK(buf_put_span(&text, SPAN("\r\n")));
        h1_cuts(H1_CUT_CHUNKED_REQUEST, buf_span(&text), &story);
        const char *want = extra ? "|refused limit too many trailers" : "|used 1541";
        CHECK_CASE(strstr(buf_text(&story), want), "%s", buf_text(&story));
        buf_release(&text);
        buf_release(&story);
    }
}

static enum h1_verdict feed(struct h1_body *body, const char *text, size_t *used,
                            struct span *payload)
{
    return h1_body_feed(body, span_of(text), used, payload, NULL);
}

TEST(a_body_with_a_length_ends_with_its_last_byte)
{
    struct h1_framing framing = {.body = H1_BODY_LENGTH, .length = 5};
    struct h1_body body;
    struct error err = {0};
    size_t used = 0;
    struct span payload = SPAN_NONE;
    h1_body_init(&body, &framing, false);
    CHECK(feed(&body, "hel", &used, &payload) == H1_MORE && used == 3);
    CHECK_SPAN(payload, SPAN("hel"));
    CHECK(feed(&body, "", &used, &payload) == H1_MORE && used == 0);
    CHECK(!h1_body_is_done(&body) && !h1_body_end_of_input(&body, &err));
    CHECK(err.kind == ERROR_NETWORK);
    CHECK(feed(&body, "loGET", &used, &payload) == H1_DONE && used == 2);
    CHECK_SPAN(payload, SPAN("lo"));
    CHECK(h1_body_is_done(&body) && h1_body_end_of_input(&body, NULL));
    CHECK(feed(&body, "GET", &used, &payload) == H1_DONE && used == 0 && payload.len == 0);
    h1_body_release(&body);
}

TEST(without_a_body_nothing_is_taken)
{
    static const struct h1_framing none[] = {{.body = H1_BODY_NONE, .length = LENGTH_UNKNOWN},
                                             {.body = H1_BODY_LENGTH, .length = 0}};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct h1_body body;
        size_t used;
        struct span payload;
        h1_body_init(&body, &none[i], false);
        CHECK(h1_body_is_done(&body));
        CHECK(feed(&body, "GET", &used, &payload) == H1_DONE && used == 0 && payload.len == 0);
        h1_body_release(&body);
    }
}

TEST(a_body_until_close_ends_properly_by_closing_and_chunks_do_not)
{
    struct h1_framing framing = {.body = H1_BODY_UNTIL_CLOSE, .length = LENGTH_UNKNOWN};
    struct h1_body body;
    size_t used = 0;
    struct span payload = SPAN_NONE;
    h1_body_init(&body, &framing, true);
    CHECK(feed(&body, "0\r\n\r\n", &used, &payload) == H1_MORE && used == 5 && payload.len == 5);
    CHECK(!h1_body_is_done(&body));
    CHECK(h1_body_end_of_input(&body, NULL) && h1_body_is_done(&body));
    h1_body_release(&body);

    framing.body = H1_BODY_CHUNKED;
    h1_body_init(&body, &framing, true);
    CHECK(feed(&body, "0\r\n", &used, &payload) == H1_MORE);
    CHECK(!h1_body_end_of_input(&body, NULL));
    h1_body_release(&body);
}

TEST(chunks_that_are_all_framing_are_refused_and_single_bytes_are_not)
{
    static const struct {
        const char *chunk;
        bool is_answer, refused;
        const char *why;
    } cases[] = {
        {"1\r\na\r\n", false, false, "a byte at a time"},
        {"000000000001\r\na\r\n", false, true, "zeros that mean nothing"},
        {"000000000001\r\na\r\n", true, false, "an origin that fills up"},
    };
    const struct h1_framing framing = {.body = H1_BODY_CHUNKED, .length = LENGTH_UNKNOWN};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_body body;
        struct error err = {0};
        enum h1_verdict verdict = H1_MORE;
        h1_body_init(&body, &framing, cases[i].is_answer);
        for (size_t n = 0; n < H1_FRAMING_MAX && verdict == H1_MORE; n++) {
            struct span rest = span_of(cases[i].chunk);
            while (rest.len > 0 && verdict == H1_MORE) {
                struct span payload;
                size_t used;
                verdict = h1_body_feed(&body, rest, &used, &payload, &err);
                rest = span_skip(rest, used);
            }
        }
        CHECK_CASE((verdict == H1_BAD) == cases[i].refused, "%s", cases[i].why);
        CHECK_CASE(!cases[i].refused || err.kind == ERROR_LIMIT, "%s", cases[i].why);
        h1_body_release(&body);
    }
}
