#include "culvert/base/buf.h"
#include "culvert/http/ws_frame.h"

#include "harness.h"

/* What a server reads of `input`, `cut` bytes at a time, as text: "D:payload " for messages,
 * joined, "8:payload " for control frames, "bad" at the end of its patience. */
struct told {
    struct buf text;
    bool was_data;
    struct ws_reader reader;
    enum ws_verdict verdict;
    struct error err;
};

static void tell(struct told *told, const struct ws_step *step)
{
    bool is_data = told->verdict == WS_DATA;
    bool joins = is_data && told->was_data;
    CHECK(joins || (told->text.len == 0 || buf_put_span(&told->text, SPAN(" "))));
    if (!joins && is_data)
        CHECK(buf_put_span(&told->text, SPAN("D:")));
    else if (!joins)
        CHECK(buf_printf(&told->text, "%d:", (int)step->opcode));
    CHECK(buf_put_span(&told->text, step->payload));
    told->was_data = is_data;
}

static void read_all(struct told *told, struct span input, size_t cut, size_t room)
{
    char to[64];
    *told = (struct told){.text = BUF_LIMIT(1 << 20)};
    ws_reader_init(&told->reader, true);
    while (input.len > 0 && told->verdict != WS_BAD) {
        struct ws_step step = {.input = span_first(input, cut), .to = to, .room = room};
        input = span_skip(input, cut);
        do {
            told->verdict = ws_reader_next(&told->reader, &step, &told->err);
            if (told->verdict == WS_DATA || told->verdict == WS_CONTROL)
                tell(told, &step);
        } while (told->verdict == WS_DATA || told->verdict == WS_CONTROL);
    }
    if (told->verdict == WS_BAD)
        CHECK(buf_put_span(&told->text, told->text.len ? SPAN(" bad") : SPAN("bad")));
}

/* The mask 00 00 00 00 leaves payload as it is; so do we, to be read. */
#define MASK "\0\0\0\0"

static const struct {
    const char *why;
    struct span input;
    const char *told;
} cases[] = {
    {"one message", SPAN_INIT("\x82\x85" MASK "hello"), "D:hello"},
    {"text is carried alike", SPAN_INIT("\x81\x82" MASK "hi"), "D:hi"},
    {"the mask is taken off", SPAN_INIT("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "D:Hello"},
    {"fragments", SPAN_INIT("\x02\x82" MASK "ab\x00\x81" MASK "c\x80\x81" MASK "d"), "D:abcd"},
    {"a ping between fragments", SPAN_INIT("\x02\x81" MASK "a\x89\x82" MASK "pp\x80\x81" MASK "b"),
     "D:a 9:pp D:b"},
    {"an empty message", SPAN_INIT("\x82\x80" MASK "\x82\x81" MASK "x"), "D:x"},
    {"an empty ping", SPAN_INIT("\x89\x80" MASK), "9:"},
    {"pong", SPAN_INIT("\x8a\x81" MASK "p"), "10:p"},
    {"close", SPAN_INIT("\x88\x80" MASK), "8:"},
    {"no mask", SPAN_INIT("\x82\x01x"), "bad"},
    {"reserved bits", SPAN_INIT("\xc2\x81" MASK "x"), "bad"},
    {"an unknown kind", SPAN_INIT("\x83\x81" MASK "x"), "bad"},
    {"an unknown control frame", SPAN_INIT("\x8b\x80" MASK), "bad"},
    {"a ping in fragments", SPAN_INIT("\x09\x81" MASK "x"), "bad"},
    {"a long ping", SPAN_INIT("\x89\xfe\x00\x7e" MASK), "bad"},
    {"a fragment of nothing", SPAN_INIT("\x80\x81" MASK "x"), "bad"},
    {"a message in a message", SPAN_INIT("\x02\x81" MASK "a\x82\x81" MASK "b"), "D:a bad"},
    {"a length of 16 bits that needed none", SPAN_INIT("\x82\xfe\x00\x01" MASK "x"), "D:x"},
    {"one of 64 bits", SPAN_INIT("\x82\xff\0\0\0\0\0\0\0\x01" MASK "x"), "D:x"},
    {"one with the highest bit", SPAN_INIT("\x82\xff\x80\0\0\0\0\0\0\0" MASK), "bad"},
    {"the longest that is allowed", SPAN_INIT("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" MASK "x"),
     "D:x"},
};

TEST(frames_are_read_alike_however_their_bytes_are_cut)
{
    static const size_t cuts[] = {1, 2, 3, 7, 1000};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t k = 0; k < ARRAY_LEN(cuts); k++) {
            struct told told;
            read_all(&told, cases[i].input, cuts[k], 1 + k);
            CHECK_CASE(strcmp(buf_text(&told.text), cases[i].told) == 0, "%s, cut %zu: \"%s\"",
                       cases[i].why, cuts[k], buf_text(&told.text));
            CHECK_CASE(told.verdict != WS_BAD || told.err.kind == ERROR_PROTOCOL, "%s",
                       cases[i].why);
            buf_release(&told.text);
        }
    }
}

TEST(a_client_reads_frames_without_a_mask_only)
{
    char to[8];
    struct ws_reader reader;
    struct error err;
    struct ws_step step = {.input = SPAN("\x82\x02hi"), .to = to, .room = sizeof to};
    ws_reader_init(&reader, false);
    CHECK(ws_reader_next(&reader, &step, &err) == WS_DATA);
    CHECK_SPAN(step.payload, SPAN("hi"));
    step.input = SPAN("\x82\x81" MASK "x");
    CHECK(ws_reader_next(&reader, &step, &err) == WS_BAD);
    CHECK_TEXT(err.text, "WebSocket: a frame with a mask");
}

TEST(between_two_messages_nothing_is_cut)
{
    static const struct {
        struct span input;
        bool between;
    } ends[] = {
        {SPAN_INIT("\x82\x81" MASK "x"), true},
        {SPAN_INIT("\x89\x81" MASK "x"), true},
        {SPAN_INIT("\x82"), false},
        {SPAN_INIT("\x82\x82" MASK "x"), false},
        {SPAN_INIT("\x02\x81" MASK "x"), false},
        {SPAN_INIT("\x89\x82" MASK "x"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct told told;
        read_all(&told, ends[i].input, 100, 64);
        CHECK_CASE(ws_reader_is_between(&told.reader) == ends[i].between, "case %zu", i);
        buf_release(&told.text);
    }
}

TEST(a_close_frame_has_a_code_that_may_be_sent_or_none)
{
    static const struct {
        struct span payload;
        bool ok;
        unsigned code;
    } codes[] = {
        {SPAN_INIT(""), true, WS_CODE_NONE},  {SPAN_INIT("\x03"), false, WS_CODE_NONE},
        {SPAN_INIT("\x03\xe8"), true, 1000},  {SPAN_INIT("\x03\xe8why"), true, 1000},
        {SPAN_INIT("\x03\xe7"), false, 999},  {SPAN_INIT("\x03\xec"), false, 1004},
        {SPAN_INIT("\x03\xed"), false, 1005}, {SPAN_INIT("\x03\xee"), false, 1006},
        {SPAN_INIT("\x03\xf3"), true, 1011},  {SPAN_INIT("\x03\xf7"), false, 1015},
        {SPAN_INIT("\x0b\xb8"), true, 3000},  {SPAN_INIT("\x13\x87"), true, 4999},
        {SPAN_INIT("\x13\x88"), false, 5000},
    };
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        unsigned code;
        bool ok = ws_close_parse(codes[i].payload, &code);
        CHECK_CASE(ok == codes[i].ok && code == codes[i].code, "case %zu: %d, %u", i, ok, code);
    }
}

TEST(heads_are_as_short_as_their_length_allows)
{
    static const struct {
        uint64_t len;
        struct span head;
    } heads[] = {
        {0, SPAN_INIT("\x82\x00")},
        {125, SPAN_INIT("\x82\x7d")},
        {126, SPAN_INIT("\x82\x7e\x00\x7e")},
        {65535, SPAN_INIT("\x82\x7e\xff\xff")},
        {65536, SPAN_INIT("\x82\x7f\0\0\0\0\0\x01\0\0")},
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        unsigned char out[WS_HEAD_MAX];
        size_t size = ws_head_write(out, WS_BINARY, heads[i].len);
        CHECK_SPAN(span_make(out, size), heads[i].head);
    }
}

TEST(what_a_client_masks_a_server_reads)
{
    static const unsigned char mask[WS_MASK_SIZE] = {0x37, 0xfa, 0x21, 0x3d};
    char message[300];
    unsigned char frame[WS_HEAD_MAX + sizeof message];
    struct told told;
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (char)('a' + i % 26);
    size_t head = ws_head_write_masked(frame, WS_BINARY, sizeof message, mask);
    /* In two steps, the second of which begins in the middle of the mask. */
    ws_mask_apply(frame + head, message, 101, mask, 0);
    ws_mask_apply(frame + head + 101, message + 101, sizeof message - 101, mask, 101);
    read_all(&told, span_make(frame, head + sizeof message), 11, 64);
    CHECK_SPAN(span_skip(buf_span(&told.text), 2), span_make(message, sizeof message));
    buf_release(&told.text);
}

TEST(the_accept_value_is_that_of_the_standards_example)
{
    char out[WS_ACCEPT_SIZE];
    CHECK(ws_accept(SPAN("dGhlIHNhbXBsZSBub25jZQ=="), out));
    CHECK_TEXT(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
