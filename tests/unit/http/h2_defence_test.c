/* A guarded server session against a client whose frames are written by hand: what is cut off,
 * when, and that it is told. */
#include "culvert/http/h2_guard.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

#include "harness.h"

#include <unistd.h>

enum { IDLE_MS = 75 * 1000, CALM = 11, TICK_MS = 1000 };

struct scene {
    struct h2_scene two; /* the server of which is used */
    struct raw_peer peer;
    struct buf out;
};

static void scene_begin(struct scene *scene)
{
    h2_scene_prepare(&scene->two);
    scene->two.server.options.is_guarded = true;
    scene->two.server.options.idle_ms = IDLE_MS;
    scene->two.server.options.stall_ms = 60 * 1000;
    scene->two.server.options.body_ms = 60 * 1000;
    h2_end_open(&scene->two.server, &scene->two.turned, raw_peer_open(&scene->peer));
    scene->out = (struct buf)BUF_LIMIT(16 * 1024 * 1024);
    CHECK(buf_put_span(&scene->out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&scene->out, 0, 0);
    wire_put_ack(&scene->out);
}

static void scene_end(struct scene *scene)
{
    raw_peer_close(&scene->peer);
    buf_release(&scene->out);
    h2_scene_end(&scene->two);
}

static void send_out(struct scene *scene)
{
    size_t sent = 0;
    size_t n = 1;
    while (sent < scene->out.len && n > 0) {
        n = raw_peer_put(&scene->peer, span_skip(buf_span(&scene->out), sent));
        sent += n;
        turned_loop_settle(&scene->two.turned);
        raw_peer_pull(&scene->peer);
    }
    buf_clear(&scene->out);
    turned_loop_settle(&scene->two.turned);
    raw_peer_pull(&scene->peer);
}

static void ask(struct scene *scene, uint32_t stream, uint8_t flags)
{
    static const char *const fields[] = {":method", "POST",       ":scheme",   "https", ":path",
                                         "/",       ":authority", "a.example", NULL};
    wire_put_headers(&scene->out, stream, flags, fields);
}

/* The code of the GOAWAY that was heard; -1: none was. */
static int goaway_code(struct scene *scene)
{
    struct wire_frame last = {0};
    raw_peer_pull(&scene->peer);
    if (wire_count(buf_span(&scene->peer.got), WIRE_GOAWAY, 0, &last) == 0)
        return -1;
    return (int)wire_number(&last);
}

/* Pings the server for so long: any byte is a sign of life. */
static void ping_for(struct scene *scene, uint64_t ms)
{
    for (uint64_t passed = 0; passed < ms; passed += TICK_MS) {
        wire_put(&scene->out, &(struct wire_frame){WIRE_PING, 0, 0, SPAN("12345678")});
        send_out(scene);
        turned_loop_pass(&scene->two.turned, TICK_MS);
    }
}

TEST(a_flood_ends_with_goaway_and_is_told_once)
{
    struct scene scene;
    scene_begin(&scene);
    for (int i = 0; i < 3000; i++)
        wire_put(&scene.out, &(struct wire_frame){WIRE_PING, 0, 0, SPAN("12345678")});
    send_out(&scene);
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.why.kind == ERROR_LIMIT);
    CHECK_SIZE(scene.two.server.abuses, 1);
    CHECK(scene.two.server.abuse == ABUSE_H2_PINGS);
    CHECK_SIZE(goaway_code(&scene), CALM);
    scene_end(&scene);
}

/* So many requests, each of which makes us reset it. */
static void spoil(struct scene *scene, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        ask(scene, 1 + 2 * i, 0);
        wire_put_number(&scene->out, WIRE_WINDOW_UPDATE, 1 + 2 * i, 0x7fffffff);
    }
    send_out(scene);
    desk_release(&scene->two.desk);
}

TEST(a_peer_that_makes_us_reset_its_requests_is_soon_cut_off)
{
    const uint32_t most = h2_allowance_of(H2_COST_FAULT)->burst;
    struct scene scene;
    scene_begin(&scene);
    spoil(&scene, 0, most);
    CHECK_SIZE(scene.two.server.closed, 0);
    CHECK_SIZE(wire_count(buf_span(&scene.peer.got), WIRE_RST_STREAM, 1, NULL), 1);
    spoil(&scene, most, 1);
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.abuse == ABUSE_H2_FAULTS);
    CHECK_SIZE(goaway_code(&scene), CALM);
    scene_end(&scene);
}

TEST(a_fault_now_and_then_ends_its_request_only)
{
    const struct h2_allowance *allowance = h2_allowance_of(H2_COST_FAULT);
    struct scene scene;
    scene_begin(&scene);
    for (uint32_t i = 0; i < 5 * allowance->burst; i++) {
        spoil(&scene, i, 1);
        turned_loop_pass(&scene.two.turned, 1000 / allowance->per_second);
    }
    CHECK_SIZE(scene.two.server.closed + scene.two.server.abuses, 0);
    scene_end(&scene);
}

/* Whoever has the request hears of it before anything leaves that this turn gathered. */
TEST(a_request_that_is_spoiled_in_the_bytes_that_bring_it_ends_in_the_same_turn)
{
    struct scene scene;
    size_t turns = 0;
    scene_begin(&scene);
    send_out(&scene);
    ask(&scene, 1, 0);
    wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 1, 0x7fffffff);
    CHECK_SIZE(raw_peer_put(&scene.peer, buf_span(&scene.out)), scene.out.len);
    buf_clear(&scene.out);
    while (scene.two.desk.count == 0 && turns++ < 10)
        (void)loop_turn(scene.two.turned.loop, 0);
    REQUIRE(scene.two.desk.count == 1);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 1);
    scene_end(&scene);
}

TEST(requests_that_never_began_cost_no_more_than_a_reset)
{
    static const char *const fields[] = {":method", "GET", ":scheme",    "https",
                                         ":path",   "/",   ":authority", "a.example",
                                         "X-Up",    "1",   NULL};
    struct scene scene;
    scene_begin(&scene);
    for (uint32_t i = 0; i < 400; i++) {
        wire_put_headers(&scene.out, 1 + 2 * i, WIRE_END_STREAM, fields);
        if (i % 50 == 49)
            send_out(&scene);
    }
    CHECK_SIZE(scene.two.desk.count, 0);
    CHECK_SIZE(scene.two.server.closed + scene.two.server.abuses, 0);
    scene_end(&scene);
}

TEST(a_reset_that_the_peer_provokes_counts_also_when_its_answer_had_to_wait)
{
    enum { BATCH = 5 };
    const uint32_t most = h2_allowance_of(H2_COST_FAULT)->burst;
    struct scene scene;
    scene_begin(&scene);
    for (uint32_t i = 0; i <= most; i += BATCH) {
        CHECK_SIZE(scene.two.server.closed, 0);
        for (uint32_t j = i; j < i + BATCH; j++)
            ask(&scene, 1 + 2 * j, 0);
        send_out(&scene);
        for (size_t j = 0; j < scene.two.desk.count; j++)
            desk_begin(&scene.two.desk.requests[j], 200, LENGTH_UNKNOWN);
        turned_loop_settle(&scene.two.turned); /* heads leave, and nothing is behind them */
        for (size_t j = 0; j < scene.two.desk.count; j++)
            CHECK_SIZE(desk_put(&scene.two.desk.requests[j], SPAN("late")), 4);
        for (uint32_t j = i; j < i + BATCH; j++)
            wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 1 + 2 * j, 0x7fffffff);
        send_out(&scene);
        desk_release(&scene.two.desk);
    }
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.abuse == ABUSE_H2_FAULTS);
    scene_end(&scene);
}

TEST(resets_of_our_own_owners_cost_the_peer_nothing)
{
    struct scene scene;
    scene_begin(&scene);
    for (uint32_t i = 0; i < 3000; i++) {
        ask(&scene, 1 + 2 * i, WIRE_END_STREAM);
        send_out(&scene);
        if (scene.two.desk.count == DESK_REQUESTS_MAX)
            desk_release(&scene.two.desk); /* each is reset: nobody answers */
    }
    CHECK_SIZE(scene.two.server.closed, 0);
    CHECK_SIZE(scene.two.server.abuses, 0);
    CHECK(wire_count(buf_span(&scene.peer.got), WIRE_RST_STREAM, 5, NULL) == 1);
    scene_end(&scene);
}

TEST(who_cancels_hundreds_at_once_goes_on)
{
    struct scene scene;
    scene_begin(&scene);
    for (uint32_t i = 0; i < 400; i++) {
        ask(&scene, 1 + 2 * i, WIRE_END_STREAM);
        if (i % 100 == 99) {
            for (uint32_t j = i - 99; j <= i; j++)
                wire_put_number(&scene.out, WIRE_RST_STREAM, 1 + 2 * j, 8);
            send_out(&scene);
            desk_release(&scene.two.desk);
        }
    }
    CHECK_SIZE(scene.two.server.closed, 0);
    ask(&scene, 1001, WIRE_END_STREAM);
    send_out(&scene);
    CHECK_SIZE(h2_session_streams(scene.two.server.session), 1);
    scene_end(&scene);
}

/* What is left unfinished, and what ends it. */
TEST(half_a_frame_and_half_a_head_are_given_fifteen_seconds)
{
    static const struct span cases[] = {
        SPAN_INIT("\0\0\10"),
        SPAN_INIT("\0\0\10\6\0\0\0\0\0half"),
        SPAN_INIT("\0\0\3\1\0\0\0\0\1\x82\x86\x84"),
        SPAN_INIT("\0\0\3\1\0\0\0\0\1\x82\x86\x84\0\0\0\11\0\0\0\0\1"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene);
        send_out(&scene);
        turned_loop_pass(&scene.two.turned, 20 * 1000); /* it begins late */
        CHECK(buf_put_span(&scene.out, cases[i]));
        send_out(&scene);
        turned_loop_pass(&scene.two.turned, H2_FRAME_LIMIT_MS - 1);
        CHECK_CASE(scene.two.server.closed == 0, "case %zu: too early", i);
        turned_loop_pass(&scene.two.turned, 1);
        CHECK_CASE(scene.two.server.closed == 1, "case %zu: not closed", i);
        CHECK(scene.two.server.abuse == ABUSE_H2_SLOW_FRAMES);
        CHECK_SIZE(goaway_code(&scene), CALM);
        scene_end(&scene);
    }
}

TEST(a_preface_alone_is_given_up)
{
    struct scene scene;
    scene_begin(&scene);
    buf_clear(&scene.out);
    CHECK(buf_put_span(&scene.out, SPAN(WIRE_PREFACE)));
    send_out(&scene);
    turned_loop_pass(&scene.two.turned, H2_SETTINGS_LIMIT_MS - 1);
    CHECK_SIZE(scene.two.server.closed, 0);
    turned_loop_pass(&scene.two.turned, 1);
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.abuse == ABUSE_H2_GREETING);
    scene_end(&scene);
}

TEST(a_connection_without_a_request_ends_in_time_whatever_it_pings)
{
    struct scene scene;
    scene_begin(&scene);
    ping_for(&scene, IDLE_MS - TICK_MS);
    CHECK_SIZE(scene.two.server.closed, 0);
    ping_for(&scene, 2 * TICK_MS);
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.why.kind == ERROR_TIMEOUT);
    CHECK(scene.two.server.abuse == ABUSE_H2_IDLE);
    CHECK_SIZE(goaway_code(&scene), 0);
    wire_put(&scene.out, &(struct wire_frame){WIRE_PING, 0, 0, SPAN("12345678")});
    size_t read = scene.two.turned.memory.bytes_read;
    send_out(&scene); /* it did no harm: what it still says is read, so that nothing is reset */
    CHECK(scene.two.turned.memory.bytes_read > read);
    scene_end(&scene);
}

TEST(a_request_holds_its_connection_and_the_idle_time_begins_behind_it)
{
    struct scene scene;
    scene_begin(&scene);
    ping_for(&scene, 60 * 1000);
    ask(&scene, 1, WIRE_END_STREAM);
    send_out(&scene);
    ping_for(&scene, 100 * 1000);
    CHECK_SIZE(scene.two.server.closed, 0);
    desk_answer(&scene.two.desk.requests[0], 200, "late");
    ping_for(&scene, IDLE_MS - TICK_MS);
    CHECK_SIZE(scene.two.server.closed, 0);
    ping_for(&scene, 2 * TICK_MS);
    CHECK(scene.two.server.abuse == ABUSE_H2_IDLE);
    scene_end(&scene);
}

/* The answer of the first request, as far as it goes. */
static void begin_answer(struct scene *scene)
{
    static const char bytes[CHANNEL_LIMIT];
    desk_begin(&scene->two.desk.requests[0], 200, 10 * 1000 * 1000);
    (void)desk_put(&scene->two.desk.requests[0], span_make(bytes, sizeof bytes));
    turned_loop_settle(&scene->two.turned);
}

TEST(a_window_that_is_taken_back_or_opened_by_crumbs_ends_its_stream_only)
{
    for (int drips = 0; drips < 2; drips++) {
        struct scene scene;
        scene_begin(&scene);
        wire_put_settings(&scene.out, 4, 1000);
        ask(&scene, 1, WIRE_END_STREAM);
        send_out(&scene);
        begin_answer(&scene);
        wire_put_settings(&scene.out, 4, 0); /* minus 1,000 now */
        send_out(&scene);
        size_t seconds = 0;
        for (; seconds < 200 && scene.two.desk.requests[0].aborted == 0; seconds++) {
            if (drips)
                wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 1, seconds == 0 ? 1001 : 1);
            ping_for(&scene, TICK_MS);
        }
        CHECK_CASE(seconds >= 60 && seconds <= 80, "drips %d: after %zu s", drips, seconds);
        CHECK_SIZE(scene.two.server.closed, 0);
        CHECK(scene.two.server.abuse == ABUSE_H2_STALLS);
        scene_end(&scene);
    }
}

TEST(who_reads_slowly_but_reads_keeps_its_stream)
{
    struct scene scene;
    scene_begin(&scene);
    wire_put_settings(&scene.out, 4, 1000);
    ask(&scene, 1, WIRE_END_STREAM);
    send_out(&scene);
    begin_answer(&scene);
    for (int i = 0; i < 300; i++) {
        wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 1, 100); /* 6 kB a minute */
        ping_for(&scene, TICK_MS);
    }
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 0);
    CHECK_SIZE(scene.two.server.abuses, 0);
    scene_end(&scene);
}

/* Its windows are wide open and the kernel's buffers are full: no word comes from it, and a PING
 * lies behind all that. */
TEST(who_reads_slowly_without_a_word_is_not_taken_for_dead)
{
    for (int reads = 0; reads < 2; reads++) {
        static const char bytes[CHANNEL_LIMIT];
        static char some[32 * 1024];
        struct scene scene;
        scene_begin(&scene);
        wire_put_settings(&scene.out, 4, 0x7fffffff);
        wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 0, 0x7fff0000 - 65535);
        ask(&scene, 1, WIRE_END_STREAM);
        send_out(&scene);
        begin_answer(&scene);
        size_t seconds = 0;
        for (; seconds < 300 && scene.two.server.closed == 0; seconds++) {
            (void)desk_put(&scene.two.desk.requests[0], span_make(bytes, sizeof bytes));
            if (reads && seconds % 10 == 0)
                CHECK(read(scene.peer.fd, some, sizeof some) > 0);
            turned_loop_pass(&scene.two.turned, TICK_MS);
        }
        CHECK_CASE(reads ? seconds == 300 : seconds >= 45 && seconds <= 95, "%d: after %zu s",
                   reads, seconds);
        scene_end(&scene);
    }
}

/* POST with one more field. */
static void ask_with(struct scene *scene, uint32_t stream, const char *name, const char *value)
{
    const char *const fields[] = {":method",    "POST",      ":scheme", "https", ":path", "/",
                                  ":authority", "a.example", name,      value,   NULL};
    wire_put_headers(&scene->out, stream, 0, fields);
}

/* Clients that tell what happens elsewhere, and calls that are idle. */
TEST(a_body_that_did_not_say_how_long_it_is_may_drip_and_that_of_grpc_may_rest)
{
    struct scene scene;
    scene_begin(&scene);
    ask(&scene, 1, 0);
    ask_with(&scene, 3, "content-type", "application/grpc+proto");
    for (int i = 0; i < 20; i++) {
        wire_put_data(&scene.out, 1, 0, SPAN("x"));
        ping_for(&scene, 55 * 1000);
    }
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 0);
    CHECK_SIZE(scene.two.desk.requests[1].aborted, 0);
    ping_for(&scene, 100 * 1000);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 1); /* nothing is too little */
    CHECK_SIZE(scene.two.desk.requests[1].aborted, 0);
    scene_end(&scene);
}

TEST(a_body_that_cannot_come_for_lack_of_our_credit_is_not_slow)
{
    struct scene scene;
    scene_begin(&scene);
    ask_with(&scene, 1, "content-length", "100000");
    wire_put_data(&scene.out, 1, 0, SPAN("first"));
    scene.two.server.budget.used = scene.two.server.budget.limit + 1024 * 1024;
    send_out(&scene);
    ping_for(&scene, 180 * 1000);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 0);
    scene.two.server.budget.used = 0;
    ping_for(&scene, 100 * 1000);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 1);
    scene_end(&scene);
}

TEST(a_body_that_drips_in_ends_its_stream)
{
    struct scene scene;
    scene_begin(&scene);
    ask_with(&scene, 1, "content-length", "100000");
    send_out(&scene);
    size_t seconds = 0;
    for (; seconds < 200 && scene.two.desk.requests[0].aborted == 0; seconds++) {
        wire_put_data(&scene.out, 1, 0, SPAN("1234"));
        ping_for(&scene, TICK_MS);
    }
    CHECK_CASE(seconds >= 60 && seconds <= 80, "after %zu s", seconds);
    CHECK_SIZE(scene.two.server.closed, 0);
    CHECK(scene.two.server.abuse == ABUSE_H2_STALLS);
    scene_end(&scene);
}

TEST(a_head_that_unpacks_to_more_than_it_may_is_a_bomb)
{
    struct scene scene;
    struct buf block = BUF_LIMIT(64 * 1024);
    static char value[4000];
    scene_begin(&scene);
    memset(value, 'a', sizeof value);
    CHECK(buf_put_span(&block, SPAN("\x82\x86\x84\x40\1x\x7f\xa1\x1e")));
    CHECK(buf_put(&block, value, sizeof value));
    for (int i = 0; i < 15; i++) /* 60 KiB: within the limit */
        CHECK(buf_put_char(&block, (char)0xbe));
    wire_put(&scene.out, &(struct wire_frame){WIRE_HEADERS, 5, 1, buf_span(&block)});
    send_out(&scene);
    CHECK_SIZE(scene.two.desk.count, 0); /* without a host: 431 comes for its size only */
    CHECK_SIZE(scene.two.server.closed, 0);
    buf_clear(&block);
    CHECK(buf_put_span(&block, SPAN("\x82\x86\x84")));
    for (int i = 0; i < 70; i++) /* 280 KB out of 70 bytes */
        CHECK(buf_put_char(&block, (char)0xbe));
    wire_put(&scene.out, &(struct wire_frame){WIRE_HEADERS, 5, 3, buf_span(&block)});
    send_out(&scene);
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.abuse == ABUSE_H2_HEADS);
    buf_release(&block);
    scene_end(&scene);
}

/* A field of 4,000 bytes into the table; then 60 KB out of 18 bytes for each request. */
TEST(few_bytes_that_unpack_to_many_hold_no_more_than_they_may)
{
    struct scene scene;
    struct buf block = BUF_LIMIT(64 * 1024);
    static char value[4000];
    scene_begin(&scene);
    memset(value, 'a', sizeof value);
    CHECK(buf_put_span(&block, SPAN("\x82\x86\x84\x01\1h\x40\1x\x7f\xa1\x1e")));
    CHECK(buf_put(&block, value, sizeof value));
    for (uint32_t i = 0; i < 1500; i++) {
        wire_put(&scene.out, &(struct wire_frame){WIRE_HEADERS, 5, 1 + 2 * i, buf_span(&block)});
        buf_clear(&block);
        CHECK(buf_put_span(&block, SPAN("\x82\x86\x84\x01\1h")));
        for (int j = 0; j < 14; j++)
            CHECK(buf_put_char(&block, (char)0xbe));
        if (i % 50 == 49)
            send_out(&scene);
    }
    REQUIRE(scene.two.server.session != NULL);
    size_t open = h2_session_streams(scene.two.server.session);
    CHECK_CASE(open >= 15 && open <= 20, "%zu are open", open);
    CHECK_SIZE(scene.two.server.closed + scene.two.server.abuses, 0); /* refused is no reset */
    desk_release(&scene.two.desk); /* whoever is served makes room */
    turned_loop_settle(&scene.two.turned);
    ask(&scene, 5001, WIRE_END_STREAM);
    send_out(&scene);
    CHECK_SIZE(h2_session_streams(scene.two.server.session), 1);
    buf_release(&block);
    scene_end(&scene);
}

TEST(a_session_without_a_guard_bears_what_its_peer_likes)
{
    struct h2_scene scene;
    struct raw_peer peer;
    struct buf out = BUF_LIMIT(16 * 1024 * 1024);
    h2_scene_prepare(&scene);
    h2_end_open(&scene.server, &scene.turned, raw_peer_open(&peer));
    CHECK(buf_put_span(&out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&out, 0, 0);
    for (int i = 0; i < 5000; i++)
        wire_put(&out, &(struct wire_frame){WIRE_PRIORITY, 0, 5, SPAN("\0\0\0\0\x10")});
    CHECK_SIZE(raw_peer_put(&peer, buf_span(&out)), out.len);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.server.closed + scene.server.abuses, 0);
    buf_release(&out);
    raw_peer_close(&peer);
    h2_scene_end(&scene);
}

/* ---- requests that are given up when others work on them ---- */

enum { PAGE = 50 };

static void open_page(struct scene *scene, uint32_t first)
{
    for (uint32_t i = 0; i < PAGE; i++)
        ask(scene, first + 2 * i, WIRE_END_STREAM);
    send_out(scene);
}

static void leave_page(struct scene *scene, uint32_t first)
{
    for (uint32_t i = 0; i < PAGE; i++)
        wire_put_number(&scene->out, WIRE_RST_STREAM, first + 2 * i, 8);
    send_out(scene);
    desk_release(&scene->two.desk);
}

TEST(who_leaves_a_few_pages_at_once_does_not_wait)
{
    const uint32_t pages = h2_allowance_of(H2_COST_GIVEN_UP)->burst / PAGE;
    struct scene scene;
    uint32_t stream = 1;
    scene_begin(&scene);
    for (uint32_t i = 0; i < pages; i++, stream += 2 * PAGE) {
        open_page(&scene, stream);
        CHECK_SIZE(scene.two.desk.count, PAGE);
        leave_page(&scene, stream);
    }
    ask(&scene, stream, WIRE_END_STREAM);
    send_out(&scene);
    CHECK_SIZE(scene.two.desk.count, 1);
    scene_end(&scene);
}

TEST(who_gives_up_page_after_page_is_read_no_faster_than_its_allowance_fills)
{
    const struct h2_allowance *allowance = h2_allowance_of(H2_COST_GIVEN_UP);
    const uint64_t seconds = 3;
    const size_t most = allowance->burst + seconds * allowance->per_second + 2 * PAGE;
    struct scene scene;
    uint32_t stream = 1;
    size_t begun = 0;
    scene_begin(&scene);
    open_page(&scene, stream);
    for (uint64_t ms = 0; ms < seconds * 1000; ms += 10) {
        turned_loop_pass(&scene.two.turned, 10);
        if (scene.two.desk.count < PAGE)
            continue; /* it is not read */
        begun += PAGE;
        leave_page(&scene, stream);
        stream += 2 * PAGE;
        open_page(&scene, stream);
    }
    CHECK_SIZE(scene.two.server.closed, 0);
    CHECK(begun > allowance->burst);
    CHECK_CASE(begun <= most, "%zu requests began, %zu may", begun, most);
    scene_end(&scene);
}

TEST(an_answer_that_has_begun_may_be_left_as_often_as_anybody_likes)
{
    struct scene scene;
    scene_begin(&scene);
    for (uint32_t i = 0; i < 2 * h2_allowance_of(H2_COST_GIVEN_UP)->burst; i++) {
        ask(&scene, 1 + 2 * i, WIRE_END_STREAM);
        send_out(&scene);
        REQUIRE(scene.two.desk.count == 1); /* it was read at once */
        desk_begin(&scene.two.desk.requests[0], 200, LENGTH_UNKNOWN);
        turned_loop_settle(&scene.two.turned);
        wire_put_number(&scene.out, WIRE_RST_STREAM, 1 + 2 * i, 8);
        send_out(&scene);
        desk_release(&scene.two.desk);
    }
    scene_end(&scene);
}
