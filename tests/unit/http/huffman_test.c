/* Huffman's code of HPACK against what nghttp2 packs and against the examples of RFC 7541. */
#include "culvert/http/huffman.h"

#include "harness.h"
#include "support/packed_string.h"

enum { TEXT_MAX = 1024 * 1024 };

static const char *const names[] = {"good", "bad", "full"};

/* In steps of so many bytes; "whole" for a good string that may end there. */
static const char *unpack(struct span packed, size_t step, struct buf *out)
{
    struct huffman huffman = {0};
    while (packed.len > 0) {
        struct span part = span_first(packed, step);
        packed = span_skip(packed, part.len);
        enum huffman_verdict verdict = huffman_feed(&huffman, part, out);
        if (verdict != HUFFMAN_GOOD)
            return names[verdict];
    }
    return huffman_is_whole(&huffman) ? "whole" : "unfinished";
}

static void check_text(struct span text, const char *what)
{
    struct buf packed = BUF_LIMIT(TEXT_MAX);
    packed_string_put(&packed, text);
    for (size_t step = 1; step < 8; step += 3) {
        struct buf out = BUF_LIMIT(TEXT_MAX);
        CHECK_TEXT(unpack(buf_span(&packed), step, &out), "whole");
        CHECK_CASE(span_equal(buf_span(&out), text), "%s comes out otherwise", what);
        buf_release(&out);
    }
    buf_release(&packed);
}

TEST(each_byte_comes_out_as_it_was_packed_alone_and_among_others)
{
    char all[256 * 4];
    for (int c = 0; c < 256; c++) {
        char what[32];
        const char one[] = {(char)c, (char)c, (char)c};
        (void)snprintf(what, sizeof what, "byte %d", c);
        check_text(span_make(one, 1), what);
        check_text(span_make(one, sizeof one), what);
        all[4 * c] = all[4 * c + 2] = (char)c;
        all[4 * c + 1] = (char)(c * 7);
        all[4 * c + 3] = 'e';
    }
    check_text(span_make(all, sizeof all), "all bytes");
    check_text(SPAN(""), "nothing");
}

TEST(strings_of_the_standard_come_out)
{
    static const struct {
        struct span packed;
        const char *text;
    } cases[] = {
        {SPAN_INIT("\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), "www.example.com"},
        {SPAN_INIT("\xa8\xeb\x10\x64\x9c\xbf"), "no-cache"},
        {SPAN_INIT("\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6"
                   "\x2d\x1b\xff"),
         "Mon, 21 Oct 2013 20:13:21 GMT"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(TEXT_MAX);
        CHECK_TEXT(unpack(cases[i].packed, 100, &out), "whole");
        CHECK_TEXT(buf_text(&out), cases[i].text);
        buf_release(&out);
    }
}

TEST(what_is_no_string_is_refused)
{
    static const struct {
        struct span packed;
        const char *verdict;
        const char *why;
    } cases[] = {
        {SPAN_INIT("\x18"), "unfinished", "what fills up is not of ones"},
        {SPAN_INIT("\x1f"), "whole", "it is"},
        {SPAN_INIT("\x1f\xff"), "unfinished", "a byte more of ones than is needed"},
        {SPAN_INIT("\xff\xff\xff\xff"), "bad", "the end of the string is said"},
        {SPAN_INIT("\xff\xff\xff"), "unfinished", "a part of it"},
        {SPAN_INIT("\x1f\xff\xff\xff\xff\x18"), "bad", "the same in the middle"},
        {SPAN_INIT("\xfe"), "unfinished", "the beginning of a code"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(TEXT_MAX);
        CHECK_CASE(strcmp(unpack(cases[i].packed, 1, &out), cases[i].verdict) == 0, "%s: %s",
                   cases[i].why, cases[i].verdict);
        buf_release(&out);
    }
}

TEST(a_string_stops_at_the_limit_of_where_it_goes)
{
    struct buf packed = BUF_LIMIT(TEXT_MAX);
    packed_string_put(&packed, SPAN("abcdefgh"));
    for (size_t limit = 7; limit < 9; limit++) {
        struct buf out = BUF_LIMIT(limit);
        CHECK_TEXT(unpack(buf_span(&packed), 100, &out), limit < 8 ? "full" : "whole");
        CHECK_SPAN(buf_span(&out), span_first(SPAN("abcdefgh"), limit));
        buf_release(&out);
    }
    buf_release(&packed);
}
