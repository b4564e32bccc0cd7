/* What is cut off, and what never is: the allowances of a peer's HTTP/2 frames. */
#include "culvert/http/h2_guard.h"

#include "culvert/base/file.h"
#include "support/h2_wire.h"

#include "harness.h"

enum { HEAD_MAX = 64 * 1024, BYTES_MAX = 1024 * 1024 };

static struct h2_guard server_guard(void)
{
    struct h2_guard guard;
    h2_guard_init(&guard, true, HEAD_MAX, 1000);
    CHECK(h2_guard_read(&guard, SPAN(WIRE_PREFACE), 1000) == ABUSE_NONE);
    return guard;
}

static enum abuse read_frame(struct h2_guard *guard, const struct wire_frame *frame, uint64_t now)
{
    struct buf bytes = BUF_LIMIT(BYTES_MAX);
    wire_put(&bytes, frame);
    enum abuse abuse = h2_guard_read(guard, buf_span(&bytes), now);
    buf_release(&bytes);
    return abuse;
}

/* How many of these come in a millisecond before it is too much; `most`: all. */
static size_t count_frames(struct h2_guard *guard, const struct wire_frame *frame, size_t most,
                           enum abuse *abuse)
{
    size_t count = 0;
    while (count < most && (*abuse = read_frame(guard, frame, 1000)) == ABUSE_NONE)
        count++;
    return count;
}

TEST(a_flood_of_any_kind_is_cut_off_by_its_own_limit)
{
    static const struct {
        struct wire_frame frame;
        size_t most;
        enum abuse abuse;
    } cases[] = {
        {{WIRE_RST_STREAM, 0, 1, SPAN_INIT("\0\0\0\10")}, 1000, ABUSE_H2_RESETS},
        {{WIRE_SETTINGS, 0, 0, SPAN_INIT("")}, 100, ABUSE_H2_SETTINGS},
        {{WIRE_SETTINGS, WIRE_ACK, 0, SPAN_INIT("")}, 100, ABUSE_H2_SETTINGS},
        {{WIRE_PING, 0, 0, SPAN_INIT("12345678")}, 1000, ABUSE_H2_PINGS},
        {{WIRE_PING, WIRE_ACK, 0, SPAN_INIT("12345678")}, 1000, ABUSE_H2_PINGS},
        {{WIRE_PRIORITY, 0, 1, SPAN_INIT("\0\0\0\0\1")}, 1000, ABUSE_H2_PRIORITIES},
        {{WIRE_GOAWAY, 0, 0, SPAN_INIT("\0\0\0\0\0\0\0\0")}, 20, ABUSE_H2_GOAWAYS},
        {{WIRE_WINDOW_UPDATE, 0, 1, SPAN_INIT("\0\0\0\1")}, 1000, ABUSE_H2_WINDOW_UPDATES},
        {{WIRE_DATA, 0, 1, SPAN_INIT("")}, 200, ABUSE_H2_EMPTY_FRAMES},
        {{WIRE_DATA, WIRE_PADDED, 1, SPAN_INIT("\2\0\0")}, 200, ABUSE_H2_EMPTY_FRAMES},
        {{0x77, 0, 0, SPAN_INIT("abc")}, 1000, ABUSE_H2_UNKNOWN_FRAMES},
        {{0x10, 0, 0, SPAN_INIT("abc")}, 1000, ABUSE_H2_UNKNOWN_FRAMES},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_guard guard = server_guard();
        enum abuse abuse = ABUSE_NONE;
        size_t count = count_frames(&guard, &cases[i].frame, 100000, &abuse);
        CHECK_CASE(count == cases[i].most, "case %zu: %zu were taken", i, count);
        CHECK_CASE(abuse == cases[i].abuse, "case %zu: %s", i, abuse_name(abuse));
    }
}

TEST(an_allowance_fills_up_with_time_and_no_further)
{
    struct h2_guard guard = server_guard();
    for (int i = 0; i < 1000; i++)
        CHECK(h2_guard_spend(&guard, H2_COST_PING, 1000) == ABUSE_NONE);
    for (uint64_t ms = 1050; ms <= 11000; ms += 50) /* 20 a second may come for ever */
        CHECK(h2_guard_spend(&guard, H2_COST_PING, ms) == ABUSE_NONE);
    CHECK(h2_guard_spend(&guard, H2_COST_PING, 11000) == ABUSE_H2_PINGS);
    for (int i = 0; i < 1000; i++) /* after a rest of a day a burst is a burst, not more */
        CHECK(h2_guard_spend(&guard, H2_COST_PING, 86400 * 1000) == ABUSE_NONE);
    CHECK(h2_guard_spend(&guard, H2_COST_PING, 86400 * 1000) == ABUSE_H2_PINGS);
}

TEST(frames_that_carry_something_or_end_something_cost_nothing)
{
    static const struct wire_frame frames[] = {
        {WIRE_DATA, 0, 1, SPAN_INIT("x")},
        {WIRE_DATA, WIRE_END_STREAM, 1, SPAN_INIT("")},
        {WIRE_DATA, WIRE_PADDED, 1, SPAN_INIT("\2x\0\0")},
        {WIRE_DATA, WIRE_PADDED | WIRE_END_STREAM, 1, SPAN_INIT("\0")},
        {WIRE_HEADERS, WIRE_END_HEADERS, 1, SPAN_INIT("\x82")},
    };
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct h2_guard guard = server_guard();
        enum abuse abuse = ABUSE_NONE;
        CHECK_SIZE(count_frames(&guard, &frames[i], 20000, &abuse), 20000);
    }
}

/* Where the bytes are cut makes no difference. */
TEST(frames_are_counted_the_same_however_they_are_cut)
{
    struct buf bytes = BUF_LIMIT(BYTES_MAX);
    for (int i = 0; i < 21; i++) {
        wire_put(&bytes, &(struct wire_frame){WIRE_DATA, WIRE_PADDED, 1, SPAN("\4data\0\0\0\0")});
        wire_put(&bytes, &(struct wire_frame){WIRE_GOAWAY, 0, 0, SPAN("\0\0\0\0\0\0\0\0")});
    }
    for (size_t piece = 1; piece < 40; piece++) {
        struct h2_guard guard = server_guard();
        struct span rest = buf_span(&bytes);
        enum abuse abuse = ABUSE_NONE;
        while (rest.len > 0 && abuse == ABUSE_NONE) {
            abuse = h2_guard_read(&guard, span_first(rest, piece), 1000);
            rest = span_skip(rest, piece);
        }
        CHECK_CASE(abuse == ABUSE_H2_GOAWAYS && rest.len < 40, "piece %zu: %zu left", piece,
                   rest.len);
    }
    buf_release(&bytes);
}

TEST(a_head_has_as_many_frames_and_bytes_as_one_that_is_answered_may_have)
{
    static char bytes[16 * 1024];
    const struct wire_frame first = {WIRE_HEADERS, 0, 1, span_make(bytes, sizeof bytes)};
    const struct wire_frame more = {WIRE_CONTINUATION, 0, 1, span_make(bytes, sizeof bytes)};
    const struct wire_frame none = {WIRE_CONTINUATION, 0, 1, SPAN("")};
    struct h2_guard guard = server_guard();
    enum abuse abuse = ABUSE_NONE;
    CHECK(read_frame(&guard, &first, 1000) == ABUSE_NONE);
    CHECK_SIZE(count_frames(&guard, &more, 100, &abuse), 2 * HEAD_MAX / sizeof bytes - 1);
    CHECK(abuse == ABUSE_H2_CONTINUATIONS);
    guard = server_guard();
    CHECK(read_frame(&guard, &first, 1000) == ABUSE_NONE);
    CHECK_SIZE(count_frames(&guard, &none, 100, &abuse), H2_CONTINUATIONS_MAX);
    CHECK(abuse == ABUSE_H2_CONTINUATIONS);
}

TEST(a_client_is_told_of_resets_as_often_as_its_server_likes)
{
    const struct wire_frame reset = {WIRE_RST_STREAM, 0, 1, SPAN("\0\0\0\10")};
    struct h2_guard guard;
    enum abuse abuse = ABUSE_NONE;
    h2_guard_init(&guard, false, HEAD_MAX, 1000);
    CHECK_SIZE(count_frames(&guard, &reset, 100000, &abuse), 100000);
}

/* ---- what honest use earns ---- */

TEST(who_reads_much_may_say_so_often)
{
    const struct wire_frame credit = {WIRE_WINDOW_UPDATE, 0, 1, SPAN("\0\0\4\0")};
    struct h2_guard guard = server_guard();
    /* 64 MiB in one burst without time; each KiB is credited to stream and connection. */
    for (int i = 0; i < 4096; i++) {
        CHECK(h2_guard_sent(&guard, 16 * 1024, true, 1000) == ABUSE_NONE);
        for (int j = 0; j < 32; j++)
            CHECK(read_frame(&guard, &credit, 1000) == ABUSE_NONE);
    }
    /* Short events, each credited twice by itself. */
    for (int i = 0; i < 100000; i++) {
        CHECK(h2_guard_sent(&guard, 40, false, 1000) == ABUSE_NONE);
        CHECK(read_frame(&guard, &credit, 1000) == ABUSE_NONE);
        CHECK(read_frame(&guard, &credit, 1000) == ABUSE_NONE);
    }
}

TEST(who_measures_the_way_may_ping_for_each_frame_it_reads)
{
    const struct wire_frame ping = {WIRE_PING, 0, 0, SPAN("12345678")};
    struct h2_guard guard = server_guard();
    for (int i = 0; i < 100000; i++) {
        CHECK(h2_guard_sent(&guard, 16 * 1024, false, 1000) == ABUSE_NONE);
        CHECK(read_frame(&guard, &ping, 1000) == ABUSE_NONE);
    }
}

TEST(who_is_answered_may_also_cancel)
{
    const struct wire_frame reset = {WIRE_RST_STREAM, 0, 1, SPAN("\0\0\0\10")};
    struct h2_guard guard = server_guard();
    for (int i = 0; i < 100000; i++) {
        h2_guard_answered(&guard);
        CHECK(read_frame(&guard, &reset, 1000) == ABUSE_NONE);
    }
    enum abuse abuse;
    for (int i = 0; i < 100000; i++) /* a good life does not pay for a flood */
        h2_guard_answered(&guard);
    CHECK_SIZE(count_frames(&guard, &reset, 100000, &abuse), 2000);
}

TEST(each_request_may_have_its_priorities)
{
    const struct wire_frame head = {WIRE_HEADERS, WIRE_END_HEADERS, 1, SPAN("\x82")};
    static const struct wire_frame frames[] = {
        {WIRE_PRIORITY, 0, 1, SPAN_INIT("\0\0\0\0\1")},
        {0x10, 0, 0, SPAN_INIT("\0\0\0\1u=1")},
    };
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct h2_guard guard = server_guard();
        for (int j = 0; j < 10000; j++) {
            CHECK(read_frame(&guard, &head, 1000) == ABUSE_NONE);
            for (int k = 0; k < 10; k++)
                CHECK(read_frame(&guard, &frames[i], 1000) == ABUSE_NONE);
        }
    }
}

TEST(windows_that_leave_crumbs_are_cut_off_and_ends_of_bodies_are_none)
{
    struct h2_guard guard = server_guard();
    enum abuse abuse = ABUSE_NONE;
    size_t count = 0;
    for (int i = 0; i < 100000; i++) {
        CHECK(h2_guard_sent(&guard, 1, false, 1000) == ABUSE_NONE);
        CHECK(h2_guard_sent(&guard, H2_CRUMB_MAX, true, 1000) == ABUSE_NONE);
    }
    while (count < 100000 && abuse == ABUSE_NONE) {
        abuse = h2_guard_sent(&guard, H2_CRUMB_MAX - 1, true, 1000);
        count++;
    }
    CHECK(abuse == ABUSE_H2_TINY_WINDOWS);
    CHECK(count <= 2001);
}

/* ---- what stays unfinished ---- */

TEST(what_is_unfinished_is_so_since_its_first_byte)
{
    static const struct {
        struct span bytes;
        bool is_half;
        const char *why;
    } cases[] = {
        {SPAN_INIT(""), false, "nothing was begun"},
        {SPAN_INIT("\0\0"), true, "half the head of a frame"},
        {SPAN_INIT("\0\0\10\6\0\0\0\0\0half"), true, "half a PING"},
        {SPAN_INIT("\0\0\10\6\0\0\0\0\0whole888"), false, "a whole PING"},
        {SPAN_INIT("\0\0\5\1\4\0\0\0\1abc"), true, "half a HEADERS frame"},
        {SPAN_INIT("\0\0\3\1\4\0\0\0\1abc"), false, "a whole head"},
        {SPAN_INIT("\0\0\3\1\0\0\0\0\1abc"), true, "a head that is to be continued"},
        {SPAN_INIT("\0\0\3\1\0\0\0\0\1abc\0\0\1\11\0\0\0\0\1x"), true, "and is, without an end"},
        {SPAN_INIT("\0\0\3\1\0\0\0\0\1abc\0\0\1\11\4\0\0\0\1x"), false, "and has an end"},
        {SPAN_INIT("\0\0\5\0\0\0\0\0\1ab"), false, "half of DATA: bodies have their own pace"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_guard guard = server_guard();
        CHECK(h2_guard_read(&guard, cases[i].bytes, 2000) == ABUSE_NONE);
        CHECK(h2_guard_read(&guard, SPAN(""), 9000) == ABUSE_NONE);
        uint64_t since = h2_guard_unfinished_ms(&guard);
        CHECK_CASE(since == (cases[i].is_half ? 2000 : UINT64_MAX), "%s: %zu", cases[i].why,
                   (size_t)since);
    }
}

TEST(a_drip_of_bytes_does_not_move_the_time)
{
    struct h2_guard guard = server_guard();
    CHECK(h2_guard_read(&guard, SPAN("\0\0\3\1\0\0\0\0\1abc"), 2000) == ABUSE_NONE);
    CHECK(h2_guard_read(&guard, SPAN("\0\0\1\11\0\0\0\0\1x"), 5000) == ABUSE_NONE);
    CHECK_SIZE(h2_guard_unfinished_ms(&guard), 2000);
    CHECK(h2_guard_read(&guard, SPAN("\0\0\1\11\4\0\0\0\1x\0"), 6000) == ABUSE_NONE);
    CHECK_SIZE(h2_guard_unfinished_ms(&guard), 6000); /* the next frame's */
}

/* ---- the document ---- */

/* "1,000" */
static const char *grouped(unsigned number, char text[16])
{
    if (number < 1000)
        (void)snprintf(text, 16, "%u", number);
    else
        (void)snprintf(text, 16, "%u,%03u", number / 1000 % 1000, number % 1000);
    return text;
}

TEST(the_document_tells_each_allowance)
{
    struct buf text = BUF_LIMIT(BYTES_MAX);
    CHECK(file_read(TEST_SOURCE "/docs/security.md", &text, NULL));
    for (enum h2_cost cost = 0; cost < H2_COSTS; cost++) {
        const struct h2_allowance *allowance = h2_allowance_of(cost);
        char burst[16];
        char row[128];
        (void)snprintf(row, sizeof row, "\n| `%s` | %s | %u | ", abuse_name(allowance->abuse),
                       grouped(allowance->burst, burst), allowance->per_second);
        CHECK_CASE(strstr(buf_text(&text), row) != NULL, "docs/security.md has no row%s", row);
    }
    buf_release(&text);
}

TEST(who_gives_up_more_than_is_usual_rests_and_is_cut_off_in_the_end)
{
    const struct h2_allowance *allowance = h2_allowance_of(H2_COST_GIVEN_UP);
    const struct wire_frame reset = {WIRE_RST_STREAM, 0, 1, SPAN("\0\0\0\10")};
    struct h2_guard guard = server_guard();
    enum abuse abuse = ABUSE_NONE;
    size_t count = 0;
    for (; count < allowance->burst; count++)
        CHECK(h2_guard_gave_up(&guard, 1000) == ABUSE_NONE);
    CHECK_SIZE(h2_guard_rest_ms(&guard, 1000), 0);
    CHECK(h2_guard_gave_up(&guard, 1000) == ABUSE_NONE);
    CHECK_SIZE(h2_guard_rest_ms(&guard, 1000), 1000 / allowance->per_second + 1);
    CHECK_SIZE(h2_guard_rest_ms(&guard, 1000 + 1000 / allowance->per_second), 0);
    for (; count < 4 * allowance->burst && abuse == ABUSE_NONE; count++) {
        abuse = read_frame(&guard, &reset, 1000);
        if (abuse == ABUSE_NONE)
            abuse = h2_guard_gave_up(&guard, 1000);
    }
    CHECK_SIZE(h2_guard_rest_ms(&guard, 1000), H2_REST_MAX_MS);
    CHECK(abuse == ABUSE_H2_RESETS);
    CHECK(count > 2 * allowance->burst);
}

TEST(who_takes_answers_may_give_up_as_many)
{
    const struct h2_allowance *allowance = h2_allowance_of(H2_COST_GIVEN_UP);
    struct h2_guard guard = server_guard();
    for (unsigned i = 0; i < allowance->burst; i++)
        CHECK(h2_guard_gave_up(&guard, 1000) == ABUSE_NONE);
    for (int i = 0; i < 20000; i++) {
        h2_guard_answered(&guard);
        CHECK(h2_guard_gave_up(&guard, 1000) == ABUSE_NONE);
    }
    CHECK_SIZE(h2_guard_rest_ms(&guard, 1000), 0);
}
