/* A visitor's WebSocket in front of a service of bytes, through both ends: how each side's end
 * reaches the other, and what is still said behind it. */
#include "support/both_ends.h"
#include "support/turned_loop.h"

#include "harness.h"

#define HELLO                                                                                      \
    "GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"     \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
#define MASK       "\0\0\0\0"
#define CLOSE_HERE "\x88\x82" MASK "\x03\xe8"
#define CLOSED     "\x88\x02\x03\xe8"

struct play {
    struct both_ends ends;
    struct visitor_wire visitor;
    struct raw_peer origin;
    const char *wanted;
};

static void on_accept(void *arg, int fd)
{
    struct play *play = arg;
    play->origin = (struct raw_peer){.fd = fd, .got = BUF_LIMIT(1024 * 1024)};
}

static void begin(struct play *play)
{
    *play = (struct play){.origin.fd = -1};
    both_ends_open(&play->ends);
    memory_sockets_serve(&play->ends.memory, "127.0.0.1:9001", on_accept, play);
    both_ends_connect(&play->ends, "ingress:\n  - {service: 'tcp://127.0.0.1:9001'}\n");
    REQUIRE(both_ends_registered(&play->ends, 4));
    visitor_open(&play->visitor, &play->ends);
    visitor_say(&play->visitor, SPAN(HELLO));
    CHECK(visitor_hears(&play->visitor, "HTTP/1.1 101 Switching Protocols\r\n"));
    CHECK(visitor_hears(&play->visitor, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    CHECK(visitor_hears(&play->visitor, "\r\n\r\n"));
    buf_clear(&play->visitor.got);
}

static void end(struct play *play)
{
    visitor_close(&play->visitor);
    raw_peer_close(&play->origin);
    both_ends_close(&play->ends);
}

static bool origin_has(void *arg)
{
    struct play *play = arg;
    raw_peer_pull(&play->origin);
    return span_equal(buf_span(&play->origin.got), span_of(play->wanted));
}

static bool origin_heard(struct play *play, const char *text)
{
    play->wanted = text;
    return both_ends_until(&play->ends, origin_has, play);
}

static bool origin_has_end(void *arg)
{
    struct play *play = arg;
    raw_peer_pull(&play->origin);
    return play->origin.ended;
}

static bool nothing_is_open(void *arg)
{
    struct play *play = arg;
    return both_ends_metric(&play->ends, "127.0.0.1:20241",
                            "culvert_streams_active{kind=\"websocket\"}") == 0;
}

TEST(bytes_pass_in_frames_and_a_close_frame_is_answered)
{
    struct play play;
    begin(&play);
    visitor_say(&play.visitor, SPAN("\x82\x85" MASK "hello"));
    CHECK(origin_heard(&play, "hello"));
    CHECK_SIZE(raw_peer_put(&play.origin, SPAN("welcome")), 7);
    CHECK(visitor_hears(&play.visitor, "\x82\x07welcome"));
    visitor_say(&play.visitor, SPAN(CLOSE_HERE));
    CHECK(both_ends_until(&play.ends, origin_has_end, &play));
    raw_peer_end(&play.origin);
    CHECK(visitor_hears(&play.visitor, CLOSED) && visitor_sees_end(&play.visitor));
    CHECK(!play.visitor.reset);
    CHECK(both_ends_until(&play.ends, nothing_is_open, &play));
    end(&play);
}

TEST(a_visitor_that_ends_its_side_still_gets_the_answer)
{
    struct play play;
    begin(&play);
    visitor_say(&play.visitor, SPAN("\x82\x88" MASK "question"));
    conn_end(play.visitor.conn);
    CHECK(origin_heard(&play, "question"));
    CHECK(both_ends_until(&play.ends, origin_has_end, &play));
    both_ends_pass(&play.ends, 60 * 1000);
    CHECK_SIZE(raw_peer_put(&play.origin, SPAN("answer")), 6);
    CHECK(visitor_hears(&play.visitor, "\x82\x06"
                                       "answer") &&
          !play.visitor.ended);
    raw_peer_end(&play.origin);
    CHECK(visitor_hears(&play.visitor, CLOSED) && visitor_sees_end(&play.visitor));
    CHECK(!play.visitor.reset);
    CHECK(both_ends_until(&play.ends, nothing_is_open, &play));
    end(&play);
}

TEST(an_origin_that_ends_its_side_still_gets_what_the_visitor_says)
{
    struct play play;
    begin(&play);
    CHECK_SIZE(raw_peer_put(&play.origin, SPAN("bye")), 3);
    raw_peer_end(&play.origin);
    CHECK(visitor_hears(&play.visitor, "\x82\x03"
                                       "bye" CLOSED));
    both_ends_pass(&play.ends, 1000);
    visitor_say(&play.visitor, SPAN("\x82\x85" MASK "after"));
    CHECK(origin_heard(&play, "after"));
    both_ends_pass(&play.ends, 1000);
    visitor_say(&play.visitor, SPAN("\x82\x82" MASK "!!" CLOSE_HERE));
    CHECK(origin_heard(&play, "after!!"));
    CHECK(both_ends_until(&play.ends, origin_has_end, &play));
    CHECK(both_ends_until(&play.ends, nothing_is_open, &play));
    end(&play);
}

TEST(a_visitor_that_is_gone_leaves_no_connection_at_the_origin)
{
    struct play play;
    begin(&play);
    visitor_say(&play.visitor, SPAN("\x82\x84" MASK "part"));
    CHECK(origin_heard(&play, "part"));
    conn_close(play.visitor.conn);
    play.visitor.conn = NULL;
    CHECK(both_ends_until(&play.ends, origin_has_end, &play));
    raw_peer_end(&play.origin);
    CHECK(both_ends_until(&play.ends, nothing_is_open, &play));
    end(&play);
}
