/* Which connection of its tunnel a request takes, and when it may take a second one. */
#include "support/fake_connector.h"

#include "harness.h"

static const struct fake_reply silence = {.kind = FAKE_REPLY_SILENCE};

static void ask(struct visitor_wire *visitor, struct both_ends *ends, const char *text)
{
    visitor_open(visitor, ends);
    visitor_say(visitor, span_of(text));
}

static void get(struct visitor_wire *visitor, struct both_ends *ends)
{
    ask(visitor, ends, "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n");
    CHECK(settle(ends->loop));
}

static void dial(struct fake_connector *fakes, size_t count, struct both_ends *ends,
                 const struct fake_reply *reply)
{
    for (size_t i = 0; i < count; i++) {
        struct fake_connector_options options = fake_connector_of(ends, (uint8_t)i);
        fake_connector_dial(&fakes[i], ends, &options);
        fake_connector_follow(&fakes[i], reply, 1);
        CHECK(fake_connector_is_taken(&fakes[i]));
    }
}

static void hang_up(struct fake_connector *fakes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fake_connector_close(&fakes[i]);
}

TEST(a_request_takes_the_connection_with_the_fewest_open_streams)
{
    enum { FAKES = 3, ROUNDS = 4 };
    struct both_ends ends;
    struct fake_connector fakes[FAKES];
    struct visitor_wire visitors[FAKES * ROUNDS + 1];
    both_ends_open(&ends);
    dial(fakes, FAKES, &ends, &silence);
    for (size_t i = 0; i < FAKES * ROUNDS; i++) {
        get(&visitors[i], &ends);
        for (size_t k = 0; k < FAKES; k++)
            CHECK(fakes[k].call_count == i / FAKES || fakes[k].call_count == i / FAKES + 1);
    }
    fake_call_reset(&fakes[1].calls[0]);
    fake_call_reset(&fakes[1].calls[1]);
    CHECK(settle(ends.loop));
    size_t before = fakes[1].call_count;
    get(&visitors[FAKES * ROUNDS], &ends);
    CHECK_SIZE(fakes[1].call_count, before + 1);
    for (size_t i = 0; i < ARRAY_LEN(visitors); i++)
        visitor_close(&visitors[i]);
    hang_up(fakes, FAKES);
    both_ends_close(&ends);
}

TEST(equally_loaded_connections_take_requests_in_turns)
{
    enum { FAKES = 3, ROUNDS = 5 };
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    struct both_ends ends;
    struct fake_connector fakes[FAKES];
    struct visitor_wire visitor;
    both_ends_open(&ends);
    dial(fakes, FAKES, &ends, &fine);
    for (size_t i = 0; i < FAKES * ROUNDS; i++) {
        get(&visitor, &ends); /* one after the other: all connections are idle each time */
        CHECK(visitor_hears(&visitor, "fine"));
        visitor_close(&visitor);
    }
    for (size_t k = 0; k < FAKES; k++)
        CHECK_SIZE(fakes[k].call_count, ROUNDS);
    hang_up(fakes, FAKES);
    both_ends_close(&ends);
}

TEST(a_visitor_that_leaves_frees_the_place_of_its_request)
{
    struct both_ends ends;
    struct fake_connector fakes[2];
    struct visitor_wire one, two, three;
    both_ends_open(&ends);
    dial(fakes, 2, &ends, &silence);
    get(&one, &ends);
    get(&two, &ends);
    visitor_close(&one);
    CHECK(settle(ends.loop));
    CHECK(fakes[0].calls[0].aborted != fakes[1].calls[0].aborted);
    struct fake_connector *first = fakes[0].calls[0].aborted ? &fakes[0] : &fakes[1];
    get(&three, &ends);
    CHECK_SIZE(first->call_count, 2);
    visitor_close(&two);
    visitor_close(&three);
    hang_up(fakes, 2);
    both_ends_close(&ends);
}

TEST(a_connection_that_takes_no_more_streams_is_passed_over)
{
    struct both_ends ends;
    struct fake_connector fakes[2];
    struct visitor_wire visitors[4];
    both_ends_open(&ends);
    struct fake_connector_options narrow = fake_connector_of(&ends, 0);
    narrow.streams_max = 2; /* the control stream and one request */
    fake_connector_dial(&fakes[0], &ends, &narrow);
    fake_connector_follow(&fakes[0], &silence, 1);
    CHECK(fake_connector_is_taken(&fakes[0]));
    struct fake_connector_options wide = fake_connector_of(&ends, 1);
    wide.streams_max = 3;
    fake_connector_dial(&fakes[1], &ends, &wide);
    fake_connector_follow(&fakes[1], &silence, 1);
    CHECK(fake_connector_is_taken(&fakes[1]));
    for (size_t i = 0; i < 3; i++)
        get(&visitors[i], &ends);
    CHECK_SIZE(fakes[0].call_count, 1);
    CHECK_SIZE(fakes[1].call_count, 2);
    get(&visitors[3], &ends);
    CHECK(visitor_hears(&visitors[3], "HTTP/1.1 503 "));
    for (size_t i = 0; i < ARRAY_LEN(visitors); i++)
        visitor_close(&visitors[i]);
    hang_up(fakes, 2);
    both_ends_close(&ends);
}

/* ---- the second try ---- */

#define HOST  "Host: app.example.com\r\n"
#define EMPTY "Content-Length: 0\r\n\r\n"
#define BODY  "Content-Length: 4\r\n\r\nbody"

static const struct {
    const char *name;
    const char *visitor;
    struct fake_reply first; /* of the connection that is asked first */
    bool again;              /* another one is asked */
    const char *hears;       /* the visitor; NULL: only an end */
} tries[] = {
    {"GET, the connection is lost",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_HANG_UP},
     true,
     "fine"},
    {"HEAD, the connection is lost",
     "HEAD / HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_HANG_UP},
     true,
     "200 OK"},
    {"OPTIONS, the connection is lost",
     "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_HANG_UP},
     true,
     "fine"},
    {"DELETE, the connection is lost",
     "DELETE / HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_HANG_UP},
     true,
     "fine"},
    {"PUT without a body, the connection is lost",
     "PUT / HTTP/1.1\r\n" HOST EMPTY,
     {.kind = FAKE_REPLY_HANG_UP},
     true,
     "fine"},
    {"PUT whose body was not sent yet",
     "PUT / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n",
     {.kind = FAKE_REPLY_HANG_UP},
     true,
     NULL},
    {"PUT whose body was taken",
     "PUT / HTTP/1.1\r\n" HOST BODY,
     {.kind = FAKE_REPLY_HANG_UP, .waits = true},
     false,
     "HTTP/1.1 502 "},
    {"POST whose body was taken",
     "POST / HTTP/1.1\r\n" HOST BODY,
     {.kind = FAKE_REPLY_HANG_UP, .waits = true},
     false,
     "HTTP/1.1 502 "},
    {"POST without a body may have done its work",
     "POST / HTTP/1.1\r\n" HOST EMPTY,
     {.kind = FAKE_REPLY_HANG_UP},
     false,
     "HTTP/1.1 502 "},
    {"PATCH likewise",
     "PATCH / HTTP/1.1\r\n" HOST EMPTY,
     {.kind = FAKE_REPLY_HANG_UP},
     false,
     "HTTP/1.1 502 "},
    {"GET, the stream is refused",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_REFUSED},
     true,
     "fine"},
    {"POST, the stream is refused: nobody looked at it",
     "POST / HTTP/1.1\r\n" HOST EMPTY,
     {.kind = FAKE_REPLY_REFUSED},
     true,
     "fine"},
    {"POST, refused when its body was taken",
     "POST / HTTP/1.1\r\n" HOST BODY,
     {.kind = FAKE_REPLY_REFUSED, .waits = true},
     false,
     "HTTP/1.1 502 "},
    {"GET, the stream is reset",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_RESET},
     true,
     "fine"},
    {"POST, the stream is reset",
     "POST / HTTP/1.1\r\n" HOST EMPTY,
     {.kind = FAKE_REPLY_RESET},
     false,
     "HTTP/1.1 502 "},
    {"GET, lost behind an interim answer",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.kind = FAKE_REPLY_HANG_UP, .informs = true},
     false,
     "HTTP/1.1 502 "},
    {"GET, the answer's head is over the limit",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.crowd = HEADERS_COUNT_MAX - 2, .length = 4, .body = "four"},
     false,
     "HTTP/1.1 502 "},
    {"POST, the answer's head is over the limit",
     "POST / HTTP/1.1\r\n" HOST EMPTY,
     {.crowd = HEADERS_COUNT_MAX - 2, .length = 4, .body = "four"},
     false,
     "HTTP/1.1 502 "},
    {"GET, the connector says that the origin is down",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.status = 502, .meta = "{\"src\":\"cloudflared\"}"},
     false,
     "HTTP/1.1 502 "},
    {"GET, the origin says that something is down",
     "GET / HTTP/1.1\r\n" HOST "\r\n",
     {.status = 503, .body = "origin's own"},
     false,
     "origin's own"},
};

/* The one that was asked first; the other one's requests. */
static size_t asked_again(const struct fake_connector fakes[2])
{
    return fakes[0].call_count + fakes[1].call_count - 1;
}

TEST(a_request_is_sent_once_more_exactly_when_that_is_safe)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        struct both_ends ends;
        struct fake_connector fakes[2];
        struct visitor_wire visitor;
        both_ends_open(&ends);
        dial(fakes, 2, &ends, &fine);
        /* Equal load: the one that registered first is asked first. */
        fake_connector_follow(&fakes[0], &tries[i].first, 1);
        ask(&visitor, &ends, tries[i].visitor);
        if (tries[i].hears)
            CHECK_CASE(visitor_hears(&visitor, tries[i].hears), "%s", tries[i].name);
        else
            CHECK(settle(ends.loop));
        CHECK_CASE(fakes[0].call_count == 1, "%s: the first one was not asked", tries[i].name);
        CHECK_CASE(asked_again(fakes) == (tries[i].again ? 1 : 0), "%s: asked %zu times",
                   tries[i].name, asked_again(fakes) + 1);
        CHECK_CASE(!tries[i].hears || !visitor.ended, "%s: the visitor was sent away",
                   tries[i].name);
        visitor_close(&visitor);
        hang_up(fakes, 2);
        both_ends_close(&ends);
    }
}

TEST(a_body_that_was_not_sent_yet_goes_to_the_second_connection)
{
    static const struct fake_reply lost = {.kind = FAKE_REPLY_HANG_UP};
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine", .waits = true};
    struct both_ends ends;
    struct fake_connector fakes[2];
    struct visitor_wire visitor;
    both_ends_open(&ends);
    dial(fakes, 2, &ends, &fine);
    fake_connector_follow(&fakes[0], &lost, 1);
    ask(&visitor, &ends, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n");
    CHECK(fake_connector_is_asked(&fakes[1], 1));
    visitor_say(&visitor, SPAN("body"));
    CHECK(visitor_hears(&visitor, "fine"));
    CHECK_SPAN(buf_span(&fakes[1].calls[0].body), SPAN("body"));
    visitor_close(&visitor);
    hang_up(fakes, 2);
    both_ends_close(&ends);
}

TEST(an_answer_that_was_begun_is_cut_and_never_begun_anew)
{
    static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
    struct both_ends ends;
    struct fake_connector fakes[2];
    struct visitor_wire visitor;
    both_ends_open(&ends);
    dial(fakes, 2, &ends, &begun);
    get(&visitor, &ends);
    CHECK(visitor_hears(&visitor, "begun"));
    fake_connector_hang_up(fakes[0].call_count == 1 ? &fakes[0] : &fakes[1]);
    CHECK(visitor_sees_end(&visitor));
    CHECK(!strstr(buf_text(&visitor.got), "\r\n0\r\n"));
    CHECK_SIZE(asked_again(fakes), 0);
    visitor_close(&visitor);
    hang_up(fakes, 2);
    both_ends_close(&ends);
}

TEST(a_request_is_tried_twice_and_not_a_third_time)
{
    static const struct fake_reply lost = {.kind = FAKE_REPLY_HANG_UP};
    struct both_ends ends;
    struct fake_connector fakes[3];
    struct visitor_wire visitor;
    both_ends_open(&ends);
    dial(fakes, 3, &ends, &lost);
    get(&visitor, &ends);
    CHECK(visitor_hears(&visitor, "HTTP/1.1 502 "));
    CHECK(visitor_hears(&visitor, "connector was lost")); /* the origin is not to blame */
    CHECK_SIZE(fakes[0].call_count + fakes[1].call_count + fakes[2].call_count, 2);
    CHECK_SIZE(both_ends_count(&ends), 1);
    visitor_close(&visitor);
    hang_up(fakes, 3);
    both_ends_close(&ends);
}

TEST(without_another_connection_a_lost_request_is_a_bad_gateway)
{
    static const struct fake_reply lost = {.kind = FAKE_REPLY_HANG_UP};
    static const struct fake_reply refused = {.kind = FAKE_REPLY_REFUSED};
    const struct fake_reply *const replies[] = {&lost, &refused};
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        struct both_ends ends;
        struct fake_connector fake;
        struct visitor_wire visitor;
        both_ends_open(&ends);
        dial(&fake, 1, &ends, replies[i]);
        get(&visitor, &ends);
        CHECK_CASE(visitor_hears(&visitor, "HTTP/1.1 502 "), "case %zu", i);
        CHECK_CASE(fake.call_count == 1, "case %zu: asked %zu times", i, fake.call_count);
        visitor_close(&visitor);
        fake_connector_close(&fake);
        both_ends_close(&ends);
    }
}

TEST(a_request_that_crosses_a_goaway_is_not_lost)
{
    struct both_ends ends;
    struct fake_connector fakes[2];
    struct visitor_wire visitors[8];
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    both_ends_open(&ends);
    dial(fakes, 2, &ends, &fine);
    /* Turn by turn nearer to the moment at which the edge hears of it. */
    for (size_t i = 0; i < ARRAY_LEN(visitors); i++) {
        ask(&visitors[i], &ends, "POST / HTTP/1.1\r\n" HOST EMPTY);
        (void)loop_turn(ends.loop, 0);
        if (i == 4)
            fake_connector_goaway(&fakes[0]);
    }
    for (size_t i = 0; i < ARRAY_LEN(visitors); i++) {
        CHECK(visitor_hears(&visitors[i], "fine"));
        visitor_close(&visitors[i]);
    }
    hang_up(fakes, 2);
    both_ends_close(&ends);
}
