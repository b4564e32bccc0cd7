#include "culvert/base/encode.h"
#include "culvert/base/random.h"

#include "harness.h"

TEST(base64_has_the_vectors_of_rfc_4648_in_every_dialect)
{
    static const struct {
        struct span plain, padded, raw;
    } cases[] = {
        {SPAN_INIT(""), SPAN_INIT(""), SPAN_INIT("")},
        {SPAN_INIT("f"), SPAN_INIT("Zg=="), SPAN_INIT("Zg")},
        {SPAN_INIT("fo"), SPAN_INIT("Zm8="), SPAN_INIT("Zm8")},
        {SPAN_INIT("foo"), SPAN_INIT("Zm9v"), SPAN_INIT("Zm9v")},
        {SPAN_INIT("foob"), SPAN_INIT("Zm9vYg=="), SPAN_INIT("Zm9vYg")},
        {SPAN_INIT("fooba"), SPAN_INIT("Zm9vYmE="), SPAN_INIT("Zm9vYmE")},
        {SPAN_INIT("foobar"), SPAN_INIT("Zm9vYmFy"), SPAN_INIT("Zm9vYmFy")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(16);
        CHECK(base64_encode(BASE64_STANDARD, cases[i].plain, &text));
        CHECK_SPAN(buf_span(&text), cases[i].padded);
        buf_clear(&text);
        CHECK(base64_encode(BASE64_URL_RAW, cases[i].plain, &text));
        CHECK_SPAN(buf_span(&text), cases[i].raw);
        buf_clear(&text);
        CHECK(base64_decode(BASE64_URL, cases[i].padded, &text));
        CHECK_SPAN(buf_span(&text), cases[i].plain);
        buf_clear(&text);
        CHECK(base64_decode(BASE64_STANDARD_RAW, cases[i].raw, &text));
        CHECK_SPAN(buf_span(&text), cases[i].plain);
        buf_release(&text);
    }
}

TEST(the_dialects_differ_in_the_last_two_characters)
{
    struct buf text = BUF_LIMIT(16);
    CHECK(base64_encode(BASE64_STANDARD, SPAN("\xfb\xff\xbf"), &text));
    CHECK_TEXT(buf_text(&text), "+/+/");
    buf_clear(&text);
    CHECK(base64_encode(BASE64_URL, SPAN("\xfb\xff\xbf"), &text));
    CHECK_TEXT(buf_text(&text), "-_-_");
    buf_release(&text);
}

TEST(base64_that_is_not_exactly_of_the_dialect_is_refused_and_adds_nothing)
{
    static const struct {
        enum base64_dialect dialect;
        struct span text;
        const char *why;
    } cases[] = {
        {BASE64_STANDARD, SPAN_INIT("Zg"), "padding is missing"},
        {BASE64_STANDARD, SPAN_INIT("Zg="), "half of the padding"},
        {BASE64_STANDARD, SPAN_INIT("Zm8=="), "too much padding"},
        {BASE64_STANDARD, SPAN_INIT("===="), "padding only"},
        {BASE64_STANDARD, SPAN_INIT("Z==="), "three of padding"},
        {BASE64_STANDARD, SPAN_INIT("Zg==Zg=="), "padding in the middle"},
        {BASE64_STANDARD, SPAN_INIT("Zh=="), "stray bits behind one byte"},
        {BASE64_STANDARD, SPAN_INIT("Zm9="), "stray bits behind two bytes"},
        {BASE64_STANDARD, SPAN_INIT("Zm9v\n"), "a line end"},
        {BASE64_STANDARD, SPAN_INIT("Zm 9"), "a blank"},
        {BASE64_STANDARD, SPAN_INIT("Zm\0v"), "a NUL"},
        {BASE64_STANDARD, SPAN_INIT("-_-_"), "the alphabet of URLs"},
        {BASE64_STANDARD, SPAN_INIT("Zm9\xc3"), "not ASCII"},
        {BASE64_URL, SPAN_INIT("+/+/"), "the standard alphabet"},
        {BASE64_URL_RAW, SPAN_INIT("Zg=="), "padding in a dialect without"},
        {BASE64_URL_RAW, SPAN_INIT("Zm9vZ"), "one character is no byte"},
        {BASE64_STANDARD_RAW, SPAN_INIT("Zh"), "stray bits without padding"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(16);
        CHECK(buf_put_span(&out, SPAN("ab")));
        CHECK_CASE(!base64_decode(cases[i].dialect, cases[i].text, &out), "%s", cases[i].why);
        CHECK_TEXT(buf_text(&out), "ab");
        CHECK_SIZE(strlen(buf_text(&out)), 2);
        buf_release(&out);
    }
}

TEST(random_bytes_come_back_through_every_dialect)
{
    for (size_t len = 0; len < 200; len++) {
        char bytes[200];
        struct buf text = BUF_LIMIT(300);
        struct buf back = BUF_LIMIT(200);
        enum base64_dialect dialect = (enum base64_dialect)(len % 4);
        random_bytes(bytes, len);
        CHECK(base64_encode(dialect, span_make(bytes, len), &text));
        CHECK(base64_decode(dialect, buf_span(&text), &back));
        CHECK_SPAN(buf_span(&back), span_make(bytes, len));
        buf_release(&text);
        buf_release(&back);
    }
}

TEST(a_full_buffer_refuses_the_whole_result)
{
    struct buf out = BUF_LIMIT(3);
    CHECK(!base64_encode(BASE64_STANDARD, SPAN("f"), &out));
    CHECK(!base64_decode(BASE64_STANDARD, SPAN("Zm9vYg=="), &out));
    CHECK(!hex_encode(SPAN("ab"), &out));
    CHECK(!hex_decode(SPAN("61626364"), &out));
    CHECK(!percent_encode(SPAN("a b"), &out));
    CHECK(!percent_decode(SPAN("abcd"), &out));
    CHECK_SIZE(out.len, 0);
    buf_release(&out);
}

TEST(hex_is_lower_case_and_reads_both)
{
    struct buf out = BUF_LIMIT(16);
    CHECK(hex_encode(SPAN("\x00\xff\x1a"), &out));
    CHECK_TEXT(buf_text(&out), "00ff1a");
    buf_clear(&out);
    CHECK(hex_decode(SPAN("00Ff1A"), &out));
    CHECK_SPAN(buf_span(&out), SPAN("\x00\xff\x1a"));
    buf_clear(&out);
    CHECK(!hex_decode(SPAN("0"), &out));
    CHECK(!hex_decode(SPAN("0g"), &out));
    CHECK(!hex_decode(SPAN("+1"), &out));
    CHECK_SIZE(out.len, 0);
    buf_release(&out);
}

TEST(percent_encoding_leaves_the_unreserved_characters)
{
    struct buf out = BUF_LIMIT(64);
    CHECK(percent_encode(SPAN("aZ09-._~ /?%\xc3\xa4"), &out));
    CHECK_TEXT(buf_text(&out), "aZ09-._~%20%2F%3F%25%C3%A4");
    struct buf back = BUF_LIMIT(64);
    CHECK(percent_decode(buf_span(&out), &back));
    CHECK_TEXT(buf_text(&back), "aZ09-._~ /?%\xc3\xa4");
    buf_release(&out);
    buf_release(&back);
}

TEST(a_bad_percent_escape_is_refused)
{
    static const struct span cases[] = {SPAN_INIT("%"),   SPAN_INIT("a%2"),  SPAN_INIT("%2g"),
                                        SPAN_INIT("%%2"), SPAN_INIT("%+1"),  SPAN_INIT("%20%"),
                                        SPAN_INIT("% 1"), SPAN_INIT("%\0a"), SPAN_INIT("%u00")};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(16);
        CHECK_CASE(!percent_decode(cases[i], &out), "%.*s", SPAN_ARG(cases[i]));
        CHECK_SIZE(out.len, 0);
        buf_release(&out);
    }
}
