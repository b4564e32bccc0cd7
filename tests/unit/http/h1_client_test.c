/* Requests to an origin that is played by hand, one after the other on a connection. */
#include "culvert/http/h1_client.h"
#include "harness.h"
#include "support/client_scene.h"

#include <errno.h>

/* One request that is sent at once, in a scene of its own. */
struct play {
    struct client_scene scene;
    struct ask ask;
};

static void play_begin(struct play *play, const char *method)
{
    client_scene_begin(&play->scene);
    ask_init(&play->ask, method, "/x");
    CHECK(ask_send(&play->ask, &play->scene.opener));
    turned_loop_settle(&play->scene.turned);
}

static void play_end(struct play *play)
{
    ask_release(&play->ask);
    client_scene_end(&play->scene);
}

static void say(struct play *play, const char *text)
{
    client_scene_say(&play->scene, text);
}

static bool is_reusable(struct play *play)
{
    ask_close(&play->ask);
    return h1_client_is_reusable(play->scene.client);
}

/* ---- whole answers ---- */

TEST(one_request_follows_the_other_on_a_connection)
{
    static const char sent[] =
        "GET /x HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive\r\n\r\n";
    struct play play;
    play_begin(&play, "GET");
    CHECK_SPAN(client_scene_hear(&play.scene), span_of(sent));
    buf_clear(&play.scene.peer.got);
    say(&play, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello");
    CHECK_SIZE(play.ask.status, 200);
    CHECK(play.ask.got.length == 5);
    CHECK(headers_has(&play.ask.got.fields, SPAN("x-a")));
    CHECK(play.ask.done && play.ask.ends == 1);
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("hello"));
    CHECK(is_reusable(&play));

    struct ask second;
    ask_init(&second, "GET", "/x");
    CHECK(ask_send(&second, &play.scene.opener));
    CHECK_SPAN(client_scene_hear(&play.scene), span_of(sent));
    say(&play, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    CHECK_SIZE(second.status, 404);
    CHECK_SPAN(buf_span(&second.text), SPAN("no"));
    ask_release(&second);
    CHECK(h1_client_is_reusable(play.scene.client));
    play_end(&play);
}

TEST(every_framing_is_understood_and_judged_for_reuse)
{
    static const struct {
        const char *method, *bytes, *text;
        bool reusable;
        const char *reason;
    } cases[] = {
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", true, "a length"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true, "an empty body"},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "hi",
         true, "chunked"},
        {"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", true,
         "chunked and empty"},
        {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "", true, "HEAD has none"},
        {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", true,
         "HEAD, chunked"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", true, "204 has none"},
        {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", "", true, "304 has none"},
        {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", "hi", false,
         "the origin closes"},
        {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", false, "HTTP/1.0"},
        {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", "hi",
         true, "HTTP/1.0 that stays"},
        {"GET", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "hi", false, "a lenient reading"},
        {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi!", "hi", false,
         "bytes behind the answer"},
        {"GET", "HTTP/1.1 204 No Content\r\n\r\nhi", "", false, "bytes behind no body"},
        {"GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi",
         true, "an interim answer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span bytes = span_of(cases[i].bytes);
        for (size_t cut = 0; cut <= bytes.len; cut++) { /* 0: at once; else two pieces */
            struct play play;
            play_begin(&play, cases[i].method);
            CHECK_SIZE(raw_peer_put(&play.scene.peer, span_first(bytes, cut)), cut);
            turned_loop_settle(&play.scene.turned);
            CHECK_SIZE(raw_peer_put(&play.scene.peer, span_skip(bytes, cut)), bytes.len - cut);
            turned_loop_settle(&play.scene.turned);
            CHECK_CASE(play.ask.done && play.ask.ends == 1, "%s, cut at %zu", cases[i].reason, cut);
            CHECK_CASE(span_equal(buf_span(&play.ask.text), span_of(cases[i].text)),
                       "%s, cut at %zu: \"%s\"", cases[i].reason, cut, buf_text(&play.ask.text));
            CHECK_CASE(is_reusable(&play) == cases[i].reusable, "%s, cut at %zu", cases[i].reason,
                       cut);
            play_end(&play);
        }
    }
}

TEST(a_body_without_a_length_ends_with_the_connection)
{
    struct play play;
    play_begin(&play, "GET");
    say(&play, "HTTP/1.1 200 OK\r\n\r\nhello");
    CHECK_SIZE(play.ask.status, 200);
    CHECK(!play.ask.done);
    raw_peer_end(&play.scene.peer);
    turned_loop_settle(&play.scene.turned);
    CHECK(play.ask.done);
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("hello"));
    CHECK(!is_reusable(&play));
    play_end(&play);
}

TEST(trailers_come_behind_the_body)
{
    struct play play;
    struct span sum;
    play_begin(&play, "GET");
    say(&play, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
               "X-Sum: 7\r\nContent-Length: 9\r\n\r\n");
    CHECK(play.ask.done);
    CHECK(headers_find(&play.ask.trailers, SPAN("x-sum"), &sum));
    CHECK_SPAN(sum, SPAN("7"));
    CHECK_SIZE(play.ask.trailers.count, 1); /* a length is no trailer */
    CHECK(is_reusable(&play));
    play_end(&play);
}

TEST(interim_answers_are_told)
{
    struct play play;
    play_begin(&play, "GET");
    say(&play, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
    CHECK_SIZE(play.ask.informs, 2);
    CHECK_SIZE(play.ask.inform_status, 103);
    CHECK_SIZE(play.ask.status, 0);
    play_end(&play);
}

TEST(a_status_below_100_is_an_answer_too)
{
    struct play play;
    play_begin(&play, "GET");
    say(&play, "HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nhi");
    CHECK(play.ask.done && play.ask.status == 99 && play.ask.informs == 0);
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("hi"));
    play_end(&play);
}

/* ---- bodies out ---- */

static void send_with_body(struct play *play, int64_t length)
{
    client_scene_begin(&play->scene);
    ask_init(&play->ask, "POST", "/x");
    ask_announce(&play->ask, length);
    CHECK(ask_send(&play->ask, &play->scene.opener));
}

TEST(a_body_of_known_length_goes_out_as_it_comes)
{
    struct play play;
    send_with_body(&play, 5);
    CHECK(span_ends(client_scene_hear(&play.scene), SPAN("Content-Length: 5\r\nConnection: "
                                                         "keep-alive\r\n\r\n")));
    CHECK(!h1_client_took_body(play.scene.client));
    ask_put(&play.ask, SPAN("he"));
    CHECK(h1_client_took_body(play.scene.client));
    CHECK(span_ends(client_scene_hear(&play.scene), SPAN("\r\n\r\nhe")));
    ask_put(&play.ask, SPAN("llo"));
    ask_end(&play.ask);
    CHECK(span_ends(client_scene_hear(&play.scene), SPAN("\r\n\r\nhello")));
    say(&play, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(play.ask.done);
    CHECK(is_reusable(&play));
    play_end(&play);
}

TEST(a_body_of_unknown_length_goes_out_in_chunks_with_its_trailers)
{
    struct play play;
    send_with_body(&play, LENGTH_UNKNOWN);
    ask_put(&play.ask, SPAN("hello"));
    (void)client_scene_hear(&play.scene);
    CHECK(headers_add(&play.ask.body.trailers, SPAN("x-sum"), SPAN("5"), NULL));
    ask_put(&play.ask, SPAN("!"));
    ask_end(&play.ask);
    CHECK(span_ends(client_scene_hear(&play.scene),
                    SPAN("Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
                         "5\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 5\r\n\r\n")));
    say(&play, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(is_reusable(&play));
    play_end(&play);
}

TEST(the_first_byte_of_a_body_that_may_not_be_there_is_a_chunk_of_its_own)
{
    static const struct {
        const char *method, *chunks;
    } cases[] = {
        {"GET", "1\r\nh\r\n4\r\nello\r\n1\r\n!\r\n0\r\n\r\n"},
        {"DELETE", "1\r\nh\r\n4\r\nello\r\n1\r\n!\r\n0\r\n\r\n"},
        {"POST", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct play play;
        client_scene_begin(&play.scene);
        ask_init(&play.ask, cases[i].method, "/x");
        ask_announce(&play.ask, LENGTH_UNKNOWN);
        CHECK(ask_send(&play.ask, &play.scene.opener));
        ask_put(&play.ask, SPAN("hello"));
        (void)client_scene_hear(&play.scene);
        ask_put(&play.ask, SPAN("!"));
        ask_end(&play.ask);
        CHECK_CASE(span_ends(client_scene_hear(&play.scene), span_of(cases[i].chunks)), "%s: %s",
                   cases[i].method, client_scene_hear(&play.scene).data);
        play_end(&play);
    }
}

TEST(an_origin_that_does_not_read_fills_the_conn_and_then_the_channel)
{
    static const char bytes[CHANNEL_LIMIT];
    struct play play;
    size_t put = 0;
    send_with_body(&play, LENGTH_UNKNOWN);
    for (int i = 0; i < 100; i++) {
        put += channel_put(play.ask.body.bytes, bytes, sizeof bytes);
        turned_loop_settle(&play.scene.turned);
    }
    CHECK(conn_queued(play.scene.conn) <= CONN_OUT_ROOM);
    CHECK_SIZE(channel_room(play.ask.body.bytes), 0);
    size_t before = put;
    ask_end(&play.ask);
    say(&play, "");
    CHECK(client_scene_hear(&play.scene).len > before); /* it reads after all: nothing is lost */
    CHECK(span_ends(client_scene_hear(&play.scene), SPAN("0\r\n\r\n")));
    play_end(&play);
}

TEST(an_early_answer_stops_nothing_but_spoils_the_connection)
{
    struct play play;
    send_with_body(&play, 10);
    ask_put(&play.ask, SPAN("he"));
    say(&play, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    CHECK_SIZE(play.ask.status, 413);
    CHECK(play.ask.done);
    CHECK(!is_reusable(&play));
    play_end(&play);
}

TEST(a_body_that_ends_before_its_length_fails_behind_what_there_was_of_it)
{
    static const char *const bodies[] = {"hello", ""};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct play play;
        send_with_body(&play, 10);
        ask_put(&play.ask, span_of(bodies[i]));
        ask_end(&play.ask);
        turned_loop_settle(&play.scene.turned);
        CHECK(play.ask.failed && play.ask.why.kind == ERROR_INVALID);
        CHECK(!is_reusable(&play));
        client_scene_close(&play.scene);
        struct span heard = client_scene_hear(&play.scene);
        CHECK(span_ends(heard, span_of(bodies[i])) &&
              memmem(heard.data, heard.len, "Content-Length: 10\r\n", 20));
        play_end(&play);
    }
}

TEST(a_body_that_ends_before_its_length_does_not_undo_an_answer_that_came_before)
{
    struct play play;
    send_with_body(&play, 10);
    say(&play, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    ask_end(&play.ask);
    turned_loop_settle(&play.scene.turned);
    CHECK(play.ask.done && !play.ask.failed && play.ask.status == 413);
    CHECK(!is_reusable(&play));
    play_end(&play);
}

TEST(an_early_answer_counts_also_when_the_origin_takes_no_more)
{
    struct play play;
    send_with_body(&play, 10);
    (void)client_scene_hear(&play.scene);
    play.scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    ask_put(&play.ask, SPAN("he"));
    turned_loop_settle(&play.scene.turned);
    CHECK_SIZE(play.ask.ends, 0);
    say(&play, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    CHECK_SIZE(play.ask.status, 413);
    CHECK(play.ask.done);
    CHECK(!is_reusable(&play));
    play_end(&play);
}

/* ---- broken answers ---- */

TEST(an_answer_that_breaks_off_fails_by_the_network)
{
    static const struct {
        const char *bytes;
        int status;
        bool heard;
        const char *reason;
    } cases[] = {
        {"", 0, false, "no answer at all"},
        {"HTTP/1.1 200 O", 0, true, "within the status line"},
        {"HTTP/1.1 200 OK\r\nA: b\r\n", 0, true, "within the fields"},
        {"HTTP/1.1 100 Continue\r\n\r\n", 0, true, "behind an interim answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, true, "before the body"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 200, true, "within the body"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, true,
         "between chunks"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", 200, true,
         "before the empty line behind the last chunk"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct play play;
        play_begin(&play, "GET");
        say(&play, cases[i].bytes);
        CHECK_CASE(play.ask.ends == 0, "%s", cases[i].reason);
        raw_peer_end(&play.scene.peer);
        turned_loop_settle(&play.scene.turned);
        CHECK_CASE(play.ask.failed && play.ask.ends == 1, "%s", cases[i].reason);
        CHECK_CASE(play.ask.why.kind == ERROR_NETWORK, "%s", cases[i].reason);
        CHECK_CASE(play.ask.status == cases[i].status, "%s", cases[i].reason);
        CHECK_CASE(h1_client_heard_any(play.scene.client) == cases[i].heard, "%s", cases[i].reason);
        CHECK_CASE(!is_reusable(&play), "%s", cases[i].reason);
        play_end(&play);
    }
}

TEST(a_reset_cuts_a_body_that_only_the_connection_would_end)
{
    struct play play;
    send_with_body(&play, 10);
    ask_put(&play.ask, SPAN("unread"));
    say(&play, "HTTP/1.1 200 OK\r\n\r\nhello");
    CHECK_SIZE(play.ask.status, 200);
    raw_peer_close(&play.scene.peer); /* with unread bytes: a reset */
    turned_loop_settle(&play.scene.turned);
    CHECK(play.ask.failed && play.ask.ends == 1);
    CHECK(play.ask.why.kind == ERROR_NETWORK);
    play_end(&play);
}

TEST(a_malformed_answer_fails_by_the_protocol)
{
    static const struct {
        const char *bytes;
        int status;
        const char *reason;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "another protocol"},
        {"HTTP/1.1 20 OK\r\n\r\n", 0, "a status of two digits"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 0, "two lengths"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, "a negative length"},
        {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", 0, "a field without a name"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, "a bad chunk size"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 200, "a long chunk"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct play play;
        play_begin(&play, "GET");
        say(&play, cases[i].bytes);
        CHECK_CASE(play.ask.failed && play.ask.ends == 1, "%s", cases[i].reason);
        CHECK_CASE(play.ask.why.kind == ERROR_PROTOCOL, "%s: %s", cases[i].reason,
                   play.ask.why.text);
        CHECK_CASE(play.ask.status == cases[i].status, "%s", cases[i].reason);
        CHECK_CASE(!is_reusable(&play), "%s", cases[i].reason);
        play_end(&play);
    }
}

TEST(a_head_without_end_is_bounded)
{
    static char line[1024];
    struct play play;
    play_begin(&play, "GET");
    (void)snprintf(line, sizeof line, "X-Long: %01000d\r\n", 0);
    say(&play, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000 && !play.ask.failed; i++)
        say(&play, line);
    CHECK(play.ask.failed);
    CHECK(play.ask.why.kind == ERROR_LIMIT);
    play_end(&play);
}

/* ---- slow takers ---- */

TEST(a_slow_taker_gets_all_of_a_large_body_whatever_ends_it)
{
    enum { SIZE = 700 * 1000 };
    static const struct {
        const char *head, *tail;
    } framings[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 700000\r\n\r\n", ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\naae60\r\n", "\r\n0\r\n\r\n"},
        {"HTTP/1.1 200 OK\r\n\r\n", ""},
    };
    static char bytes[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i % 19);
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        struct play play;
        struct buf all = BUF_LIMIT(2 * SIZE);
        size_t sent = 0;
        CHECK(buf_put_span(&all, span_of(framings[i].head)) && buf_put(&all, bytes, SIZE) &&
              buf_put_span(&all, span_of(framings[i].tail)));
        play_begin(&play, "GET");
        play.ask.holds = true;
        for (int turn = 0; turn < 200 && !play.ask.done; turn++) {
            sent += raw_peer_put(&play.scene.peer, span_skip(buf_span(&all), sent));
            if (sent == all.len)
                raw_peer_end(&play.scene.peer);
            turned_loop_settle(&play.scene.turned);
            CHECK(play.scene.budget.used <= CHANNEL_LIMIT);
            ask_take(&play.ask);
        }
        ask_take(&play.ask);
        CHECK_CASE(play.ask.done, "framing %zu", i);
        CHECK_SIZE(play.ask.text.len, SIZE);
        CHECK(span_equal(buf_span(&play.ask.text), span_make(bytes, SIZE)));
        buf_release(&all);
        play_end(&play);
    }
}

static void say_much(struct play *play, size_t count)
{
    static const char bytes[64 * 1024];
    for (size_t i = 0; i < count; i++) {
        (void)raw_peer_put(&play->scene.peer, span_make(bytes, sizeof bytes));
        turned_loop_settle(&play->scene.turned);
        if (!play->ask.holds)
            ask_take(&play->ask);
    }
}

TEST(a_long_answer_whose_taker_keeps_up_passes_in_larger_steps_until_it_lags)
{
    struct play play;
    play_begin(&play, "GET");
    say(&play, "HTTP/1.1 200 OK\r\n\r\n");
    say_much(&play, 100);
    play.ask.holds = true;
    say_much(&play, 100);
    CHECK_SIZE(play.scene.budget.used, 4 * CHANNEL_LIMIT);
    channel_drop(play.ask.from->bytes, 4 * CHANNEL_LIMIT - CHANNEL_LOW);
    say_much(&play, 100);
    CHECK_SIZE(play.scene.budget.used, CHANNEL_LIMIT);
    play_end(&play);
}

/* The framing of chunks makes the payload of full reads fall short of the channel's room. */
TEST(a_long_answer_in_chunks_passes_in_larger_steps_too)
{
    enum { CHUNKS = 8000 };
    struct buf all = BUF_LIMIT(CHUNKS * 1024);
    struct play play;
    size_t sent = 0, most = 0;
    for (int i = 0; i < CHUNKS; i++)
        CHECK(buf_printf(&all, "3e8\r\n%01000d\r\n", i));
    play_begin(&play, "GET");
    say(&play, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    play.ask.holds = true;
    for (int turn = 0; turn < 200 && sent < all.len; turn++) {
        for (size_t n = 1; n > 0; sent += n)
            n = raw_peer_put(&play.scene.peer, span_skip(buf_span(&all), sent));
        turned_loop_settle(&play.scene.turned);
        most = play.scene.budget.used > most ? play.scene.budget.used : most;
        ask_take(&play.ask);
    }
    CHECK(most > CHANNEL_LIMIT);
    buf_release(&all);
    play_end(&play);
}

TEST(a_body_that_nobody_takes_is_kept_within_a_channel_and_the_rest_is_not_read)
{
    static const char bytes[64 * 1024];
    struct play play;
    play_begin(&play, "GET");
    play.ask.holds = true;
    say(&play, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        (void)raw_peer_put(&play.scene.peer, span_make(bytes, sizeof bytes));
        turned_loop_settle(&play.scene.turned);
    }
    CHECK_SIZE(play.scene.budget.used, CHANNEL_LIMIT);
    CHECK(play.scene.turned.memory.bytes_read <= CHANNEL_LIMIT + 4 * 1024);
    ask_close(&play.ask);
    CHECK_SIZE(play.scene.budget.used, 0); /* nobody will take it any more */
    play_end(&play);
}
