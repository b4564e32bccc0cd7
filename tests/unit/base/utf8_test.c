#include "culvert/base/utf8.h"

#include "harness.h"

TEST(only_shortest_forms_of_real_characters_are_utf8)
{
    static const struct {
        struct span text;
        size_t len;
        const char *why;
    } cases[] = {
        {SPAN_INIT("a"), 1, "ASCII"},
        {SPAN_INIT("\0"), 1, "NUL"},
        {SPAN_INIT("\xC3\xA4x"), 2, "two bytes"},
        {SPAN_INIT("\xE2\x82\xAC"), 3, "three bytes"},
        {SPAN_INIT("\xF0\x9F\x98\x80"), 4, "four bytes"},
        {SPAN_INIT("\xF4\x8F\xBF\xBF"), 4, "the last one"},
        {SPAN_INIT(""), 0, "nothing"},
        {SPAN_INIT("\x80"), 0, "a byte that only continues"},
        {SPAN_INIT("\xC0\x80"), 0, "an overlong NUL"},
        {SPAN_INIT("\xC1\xBF"), 0, "overlong in two bytes"},
        {SPAN_INIT("\xE0\x9F\xBF"), 0, "overlong in three bytes"},
        {SPAN_INIT("\xF0\x8F\xBF\xBF"), 0, "overlong in four bytes"},
        {SPAN_INIT("\xED\xA0\x80"), 0, "a surrogate"},
        {SPAN_INIT("\xF4\x90\x80\x80"), 0, "beyond the last one"},
        {SPAN_INIT("\xE2\x82"), 0, "cut short"},
        {SPAN_INIT("\xE2\x82x"), 0, "the last byte is another"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(utf8_first(cases[i].text) == cases[i].len, "%s", cases[i].why);
    CHECK(utf8_rune(SPAN("a"), 1) == 'a');
    CHECK(utf8_rune(SPAN("\xC3\xA4x"), 2) == 0xE4);
    CHECK(utf8_rune(SPAN("\xE2\x82\xAC"), 3) == 0x20AC);
    CHECK(utf8_rune(SPAN("\xF0\x9F\x98\x80"), 4) == 0x1F600);
    CHECK(utf8_is_valid(SPAN("")));
    CHECK(utf8_is_valid(SPAN("a\xC3\xA4")));
    CHECK(!utf8_is_valid(SPAN("a\xC3")));
}
