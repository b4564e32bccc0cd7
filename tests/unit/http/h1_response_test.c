#include "culvert/http/h1_response.h"

#include "culvert/http/h1_body.h"
#include "harness.h"
#include "support/h1_cuts.h"
#include "support/vectors.h"

#define OK(lines) "HTTP/1.1 200 OK\r\n" lines "\r\n"

TEST(an_answer_tells_its_status_fields_framing_and_whether_to_trust_the_connection)
{
    static const struct {
        struct span bytes;
        const char *story, *why;
    } cases[] = {
        {SPAN_INIT(OK("Content-Length: 2\r\n") "hi"), "200 length=2\nContent-Length: 2\nused 38",
         "a length"},
        {SPAN_INIT(OK("Transfer-Encoding: CHUNKED\r\n")), "200 chunked\nused 47", "chunked"},
        {SPAN_INIT(OK("")), "200 until-close close\nused 19", "neither"},
        {SPAN_INIT(OK("Content-Length: 0\r\n")), "200 (0)\nContent-Length: 0\nused 38",
         "length 0 is no body"},
        {SPAN_INIT("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n"),
         "200 length=1\nContent-Length: 1\nused 35", "no reason"},
        {SPAN_INIT("HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n"),
         "200 length=1\nContent-Length: 1\nused 36", "an empty reason"},
        {SPAN_INIT("HTTP/1.1 999 \xfc \t x\r\nContent-Length: 1\r\n\r\n"),
         "999 length=1\nContent-Length: 1\nused 41", "an odd status, an odd reason"},
        {SPAN_INIT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n"),
         "200 length=1 close\nContent-Length: 1\nused 38", "HTTP/1.0"},
        {SPAN_INIT("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"),
         "200 length=1\nContent-Length: 1\nused 62", "HTTP/1.0 that keeps alive"},
        {SPAN_INIT(
             "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"),
         "200 until-close close lenient\nused 71", "chunked in HTTP/1.0, which knows no chunks"},
        {SPAN_INIT("HTTP/1.0 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
         "200 length=3 close lenient\nContent-Length: 3\nused 66", "the same with a length"},
        {SPAN_INIT("HTTP/2.0 200 OK\r\nContent-Length: 1\r\n\r\n"),
         "200 length=1\nContent-Length: 1\nused 38", "a higher version on the same lines"},
        {SPAN_INIT("HTTP/0.9 200 OK\r\nContent-Length: 1\r\n\r\n"),
         "200 length=1 close\nContent-Length: 1\nused 38", "a lower one"},
        {SPAN_INIT("HTTP/1.1  200 OK\r\nContent-Length: 1\r\n\r\n"),
         "200 length=1\nContent-Length: 1\nused 39", "two spaces"},
        {SPAN_INIT("HTTP/1.1 200 a\0\x01"
                   "b\r\r\nContent-Length: 1\r\n\r\n"),
         "200 length=1\nContent-Length: 1\nused 41", "anything in the reason"},
        {SPAN_INIT("HTTP/1.1 099 Odd\r\nContent-Length: 1\r\n\r\n"),
         "99 length=1\nContent-Length: 1\nused 39", "a status that means nothing"},
        {SPAN_INIT(OK("Connection: close\r\nContent-Length: 1\r\n")),
         "200 length=1 close\nContent-Length: 1\nused 57", "close"},
        {SPAN_INIT(OK("Connection: x-hop, upgrade\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n"
                      "Trailer: X\r\nTE: x\r\nContent-Length: 1\r\n")),
         "200 length=1\nContent-Length: 1\nused 124", "hop-by-hop fields are gone"},
        {SPAN_INIT("HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n"),
         "200 length=1 close lenient\nContent-Length: 1\nused 37", "one bare LF"},
        {SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\n"),
         "200 length=1 close lenient\nContent-Length: 1\nused 37", "a bare LF at the end"},
        {SPAN_INIT(OK("X: a\r\n \t b \r\n\tc\r\nY: 1\r\nContent-Length: 1\r\n")),
         "200 length=1 close lenient\nX: a b c\nY: 1\nContent-Length: 1\nused 61", "folded lines"},
        {SPAN_INIT(OK("X:\r\n a\r\nContent-Length: 1\r\n")),
         "200 length=1 close lenient\nX: a\nContent-Length: 1\nused 46",
         "a value that begins on the second line"},
        {SPAN_INIT(OK("Content-Length: 1\r\nX: a\r\n b\r\n")),
         "200 length=1 close lenient\nContent-Length: 1\nX: a b\nused 48",
         "the last line is folded"},
        {SPAN_INIT(OK("Content-Length: 2\r\nX: 1\r\ncontent-length: 2\r\n")),
         "200 length=2 close lenient\nX: 1\nContent-Length: 2\nused 63", "two equal lengths"},
        {SPAN_INIT(OK("X: a\r\n \t\r\n b\r\nY: b\r\nContent-Length: 1\r\n")),
         "200 length=1 close lenient\nX: a  b\nY: b\nContent-Length: 1\nused 58",
         "a line of blanks"},
        {SPAN_INIT(OK("Content-Length: 02\r\n")),
         "200 length=2 close lenient\nContent-Length: 2\nused 39", "a leading zero"},
        {SPAN_INIT(OK("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n")),
         "200 chunked close lenient\nused 66", "chunked beats a length"},
        {SPAN_INIT("HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n"), "204\nX: 1\nused 33", "204"},
        {SPAN_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
         "204 (0)\nContent-Length: 0\nused 46", "204 with length 0"},
        {SPAN_INIT("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
         "204 close lenient (5)\nContent-Length: 5\nused 46",
         "204 with a length: what follows may be a body"},
        {SPAN_INIT("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"),
         "204 close lenient\nused 55", "204 with chunked"},
        {SPAN_INIT("HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\n\r\n"),
         "304 (55)\nContent-Length: 55\nused 49", "304 tells the length of what it leaves out"},
        {SPAN_INIT("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP"), "103\nLink: <x>\nused 39",
         "an interim answer"},
        {SPAN_INIT("HTTP/1.1 100 Continue\r\n\r\n"), "100\nused 25", "100"},
        {SPAN_INIT("HTTP/1.1 101 S\r\nUpgrade: Foo/2\r\nConnection: Upgrade\r\n\r\nxyz"),
         "101 close switches\nUpgrade: Foo/2\nConnection: Upgrade\nused 55", "a protocol"},
        {SPAN_INIT("HTTP/1.1 101 S\r\nUpgrade: a, b\r\nConnection: x-hop\r\nX-Hop: 1\r\n"
                   "Keep-Alive: 1\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\n"),
         "101 close lenient switches\nUpgrade: a, b\nConnection: x-hop\n"
         "Connection: upgrade\nused 117",
         "other fields of the hop are gone"},
        {SPAN_INIT("HTTP/1.1 101 S\r\nUpgrade: foo\r\nConnection: Upgrade, close\r\n\r\n"),
         "101 close\nUpgrade: foo\nused 60", "one that closes goes nowhere"},
        {SPAN_INIT("HTTP/1.1 101 S\r\n\r\n"), "101 close\nused 18", "101 to nothing"},
        {SPAN_INIT("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade:\r\n\r\n"),
         "101 close\nConnection: Upgrade\nUpgrade: \nused 49", "an empty protocol"},
        {SPAN_INIT(OK("Content-Length: 2\r\nContent-Lengt")), "more", "half a head"},
    };
    struct buf story = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_cuts(H1_CUT_ANSWER, cases[i].bytes, &story);
        CHECK_CASE(span_equal(buf_span(&story), span_of(cases[i].story)), "%s: \"%s\", not \"%s\"",
                   cases[i].why, buf_text(&story), cases[i].story);
    }
    buf_release(&story);
}

TEST(an_answer_to_head_has_no_body_whatever_it_says)
{
    static const struct {
        struct span bytes;
        const char *story;
    } cases[] = {
        {SPAN_INIT(OK("Content-Length: 5\r\n")), "200 (5)\nContent-Length: 5\nused 38"},
        {SPAN_INIT(OK("Transfer-Encoding: chunked\r\n")), "200\nused 47"},
        {SPAN_INIT(OK("")), "200\nused 19"},
    };
    struct buf story = BUF_LIMIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_cuts(H1_CUT_ANSWER_TO_HEAD, cases[i].bytes, &story);
        CHECK_TEXT(buf_text(&story), cases[i].story);
    }
    buf_release(&story);
}

TEST(an_answer_that_nobody_can_be_sure_about_is_refused)
{
    static const struct {
        struct span bytes;
        const char *why;
    } cases[] = {
        {SPAN_INIT("HTTP/1.1 20 Odd\r\n\r\n"), "two digits"},
        {SPAN_INIT("HTTP/1.1 1000 Odd\r\n\r\n"), "four digits"},
        {SPAN_INIT("HTTP/1.1\t200 OK\r\n\r\n"), "a tab"},
        {SPAN_INIT("HTTP/1.1 200\tOK\r\n\r\n"), "a tab before the reason"},
        {SPAN_INIT("HTTP/1.1 +20 OK\r\n\r\n"), "a sign"},
        {SPAN_INIT("HTTP/2 200 OK\r\n\r\n"), "half a version"},
        {SPAN_INIT("HTTP/1.10 200 OK\r\n\r\n"), "two digits in it"},
        {SPAN_INIT("http/1.1 200 OK\r\n\r\n"), "small letters"},
        {SPAN_INIT("ICY 200 OK\r\n\r\n"), "another protocol"},
        {SPAN_INIT("SSH-2.0-x\r\n"), "no HTTP at all"},
        {SPAN_INIT("\r\n" OK("")), "an empty line before"},
        {SPAN_INIT(OK("X : a\r\n")), "a space before the colon"},
        {SPAN_INIT(OK(" X: a\r\n")), "the first field is folded"},
        {SPAN_INIT(OK("X\r\n")), "no colon"},
        {SPAN_INIT(OK("X\r\n : a\r\n")), "a colon on the second line only"},
        {SPAN_INIT(OK(": a\r\n")), "no name"},
        {SPAN_INIT(OK("x@y: a\r\n")), "a name that is no token"},
        {SPAN_INIT(OK("X: a\x01"
                      "b\r\n")),
         "a control byte in a value"},
        {SPAN_INIT(OK("X: a\0b\r\n")), "NUL in a value"},
        {SPAN_INIT(OK("X: a\r\r\n")), "CR CR LF"},
        {SPAN_INIT(OK("X: a\rY: b\r\n")), "a bare CR"},
        {SPAN_INIT(OK("X: a\r\n b\x01\r\n")), "a control byte in a folded line"},
        {SPAN_INIT(OK("Content-Length: 2\r\nContent-Length: 3\r\n")), "two unequal lengths"},
        {SPAN_INIT(OK("Content-Length: 2, 3\r\n")), "a list of unequal lengths"},
        {SPAN_INIT(OK("Content-Length: 2,2\r\n")), "a list of equal lengths"},
        {SPAN_INIT(OK("Content-Length: 2\r\nContent-Length: 2,2\r\n")), "a length and a list"},
        {SPAN_INIT(OK("Content-Length: 2\r\nContent-Length: 02\r\n")),
         "two lengths in other digits"},
        {SPAN_INIT(OK("Content-Length: -2\r\n")), "a negative length"},
        {SPAN_INIT(OK("Content-Length: +2\r\n")), "a sign"},
        {SPAN_INIT(OK("Content-Length:\r\n")), "an empty length"},
        {SPAN_INIT(OK("Content-Length: 2\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n")),
         "two unequal lengths, though chunked"},
        {SPAN_INIT(OK("Content-Length: 9223372036854775808\r\n")), "2 to the 63rd"},
        {SPAN_INIT(OK("Transfer-Encoding: gzip\r\n")), "another coding"},
        {SPAN_INIT(OK("Transfer-Encoding: gzip, chunked\r\n")), "another coding below chunked"},
        {SPAN_INIT(OK("Transfer-Encoding: chunked, chunked\r\n")), "chunked twice"},
        {SPAN_INIT(OK("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
         "chunked on two lines"},
        {SPAN_INIT(OK("Transfer-Encoding: identity\r\n")), "identity"},
        {SPAN_INIT(OK("Transfer-Encoding:\r\n chunked, x\r\n")), "another coding, folded"},
    };
    struct buf story = BUF_LIMIT(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h1_cuts(H1_CUT_ANSWER, cases[i].bytes, &story);
        CHECK_CASE(span_starts(buf_span(&story), SPAN("refused protocol ")), "%s: %s", cases[i].why,
                   buf_text(&story));
    }
    buf_release(&story);
}

TEST(an_answer_above_its_limits_says_which)
{
    static const struct {
        size_t fields, bytes;
        const char *story;
    } cases[] = {
        {512, 0, "200 until-close close\n"},
        {513, 0, "refused limit more than 512 fields"},
        {1, 1048000, "200 until-close close\n"},
        {1, 1048576, "refused limit the head of the answer is above 1048576 bytes"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(2 << 20);
        struct buf story = BUF_LIMIT(2 << 20);
        CHECK(buf_put_span(&text, SPAN("HTTP/1.1 200 OK\r\n")));
        for (size_t n = 0; n < cases[i].fields; n++)
            CHECK(buf_printf(&text, "n: %0*d\r\n", (int)cases[i].bytes, 0));
        CHECK(buf_put_span(&text, SPAN("\r\n")));
        h1_cuts(H1_CUT_ANSWER, buf_span(&text), &story);
        CHECK_CASE(span_starts(buf_span(&story), span_of(cases[i].story)), "%s: %.100s",
                   cases[i].story, buf_text(&story));
        buf_release(&text);
        buf_release(&story);
    }
}

/* One recorded answer read to its end. */
struct reading {
    bool is_refused;
    bool is_cut_short;
    struct response_head head;
    struct h1_framing framing;
    struct h1_body body;
    struct buf payload;
};

static void reading_release(struct reading *reading)
{
    response_head_release(&reading->head);
    h1_body_release(&reading->body);
    buf_release(&reading->payload);
}

/* Everything an origin sent on a connection, which it then closes. */
static void read_answer(struct reading *reading, struct span bytes, bool to_head)
{
    struct h1_parser parser;
    response_head_init(&reading->head);
    do {
        h1_response_reset(&parser, &h1_response_limits, to_head);
        reading->is_refused =
            h1_parse_response(&parser, bytes, &reading->head, &reading->framing, NULL) != H1_DONE;
        if (reading->is_refused)
            return;
        bytes = span_skip(bytes, parser.used);
    } while (response_is_interim(&reading->head));
    h1_body_init(&reading->body, &reading->framing, true);
    enum h1_verdict verdict = H1_MORE;
    while (verdict == H1_MORE && bytes.len > 0) {
        size_t used;
        struct span payload;
        verdict = h1_body_feed(&reading->body, bytes, &used, &payload, NULL);
        CHECK(buf_put_span(&reading->payload, payload));
        bytes = span_skip(bytes, used);
    }
    reading->is_cut_short = verdict == H1_BAD || !h1_body_end_of_input(&reading->body, NULL);
}

/* Each recorded [name, value] is among the fields, in its place among those of that name. */
static void check_fields(const char *name, const struct headers *fields, const struct doc *want)
{
    struct buf key = BUF_LIMIT(1 << 16);
    struct buf value = BUF_LIMIT(1 << 16);
    for (size_t i = 0; i < doc_count(want); i++) {
        struct span k = vectors_text_bytes(doc_at(doc_at(want, i), 0), &key);
        struct span v = vectors_text_bytes(doc_at(doc_at(want, i), 1), &value);
        size_t found = 0;
        for (size_t n = 0; n < fields->count; n++)
            found += span_equal_nocase(headers_at(fields, n).name, k) &&
                     span_equal(headers_at(fields, n).value, v);
        CHECK_CASE(found == 1, "%s: \"%.*s: %.*s\" is there %zu times", name, SPAN_ARG(k),
                   SPAN_ARG(v), found);
    }
    buf_release(&key);
    buf_release(&value);
}

/* Where this reader means to differ from what was recorded. */
struct deviation {
    const char *name;
    bool is_refused;       /* instead of passed on */
    bool has_fewer_fields; /* hop-by-hop fields are not passed on, the tunnel's own ones not here */
};

static const struct deviation *find_deviation(const char *name)
{
    static const struct deviation deviations[] = {
        {"resp-header-space-before-colon", .is_refused = true},
        {"resp-hop-by-hop", .has_fewer_fields = true},
        {"resp-control-headers", .has_fewer_fields = true},
    };
    static const struct deviation none = {0};
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++)
        if (strcmp(deviations[i].name, name) == 0)
            return &deviations[i];
    return &none;
}

static void check_recorded(const struct doc *answer)
{
    struct buf memory = BUF_LIMIT(1 << 16);
    struct reading reading = {.payload = BUF_LIMIT(1 << 16)};
    struct span name = SPAN("");
    struct span method = SPAN("");
    bool from_origin = false;
    bool cut_short = false;
    int64_t status = 0;
    CHECK(doc_read_text(answer, "name", &name, NULL) &&
          doc_read_text(answer, "method", &method, NULL) &&
          doc_read_bool(answer, "from_origin", &from_origin, NULL) &&
          doc_read_bool(answer, "cut_short", &cut_short, NULL) &&
          doc_read_int(answer, "status", &status, NULL));
    const struct deviation *deviation = find_deviation(name.data);
    read_answer(&reading, vectors_bytes(answer, "origin_sends", &memory),
                span_equal(method, SPAN("HEAD")));
    bool is_refused = deviation->is_refused || (!from_origin && !cut_short);
    CHECK_CASE(reading.is_refused == is_refused, "%s: refused is %d", name.data,
               reading.is_refused);
    if (!reading.is_refused) {
        if (reading.head.status >= 100) /* a reset tells it of others, too */
            CHECK_CASE(reading.is_cut_short == cut_short, "%s: cut short is %d", name.data,
                       reading.is_cut_short);
        if (from_origin && reading.head.status != 101)
            CHECK_CASE(reading.head.status == status, "%s: %d", name.data, reading.head.status);
        struct span body = vectors_bytes(answer, "body", &memory);
        if (from_origin && reading.head.status != 101)
            CHECK_CASE(span_equal(buf_span(&reading.payload), body), "%s: body", name.data);
        if (from_origin && !deviation->has_fewer_fields) {
            const struct doc *fields = doc_get(answer, "fields");
            CHECK_CASE(reading.head.fields.count == doc_count(fields), "%s: %zu fields", name.data,
                       reading.head.fields.count);
            check_fields(name.data, &reading.head.fields, fields);
            check_fields(name.data, &reading.body.trailers, doc_get(answer, "trailers"));
        }
    }
    reading_release(&reading);
    buf_release(&memory);
}

TEST(answers_of_real_origins_arrive_as_they_were_recorded)
{
    struct doc *answers = vectors_open("origin/answers.json");
    for (size_t i = 0; i < doc_count(answers); i++)
        check_recorded(doc_at(answers, i));
    doc_free(answers);
}
