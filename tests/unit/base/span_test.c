#include "culvert/base/span.h"

#include "harness.h"

TEST(cutting_gives_the_parts_between_separators)
{
    struct span rest = SPAN("a,,b");
    struct span part;
    REQUIRE(span_cut(&rest, ',', &part));
    CHECK_SPAN(part, SPAN("a"));
    REQUIRE(span_cut(&rest, ',', &part));
    CHECK_SPAN(part, SPAN(""));
    REQUIRE(span_cut(&rest, ',', &part));
    CHECK_SPAN(part, SPAN("b"));
    CHECK(!span_cut(&rest, ',', &part));
}

TEST(a_number_is_digits_only_and_within_its_bound)
{
    static const struct {
        struct span text;
        bool ok;
        uint64_t value;
    } cases[] = {
        {SPAN_INIT("0"), true, 0},     {SPAN_INIT("007"), true, 7},
        {SPAN_INIT("100"), true, 100}, {SPAN_INIT("101"), false, 0},
        {SPAN_INIT(""), false, 0},     {SPAN_INIT("+5"), false, 0},
        {SPAN_INIT("-5"), false, 0},   {SPAN_INIT("0x5"), false, 0},
        {SPAN_INIT(" 5"), false, 0},   {SPAN_INIT("18446744073709551616"), false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 0;
        bool ok = span_to_u64(cases[i].text, 100, &value);
        CHECK_CASE(ok == cases[i].ok && value == cases[i].value, "%.*s", SPAN_ARG(cases[i].text));
    }
}

TEST(a_copy_is_cut_to_its_room_and_ended)
{
    char room[4] = "xxx";
    span_copy(SPAN("abcdef"), room, sizeof room);
    CHECK_TEXT(room, "abc");
    span_copy(SPAN("a"), room, sizeof room);
    CHECK_TEXT(room, "a");
    span_copy(SPAN_NONE, room, sizeof room);
    CHECK_TEXT(room, "");
}

TEST(names_compare_without_ascii_case_only)
{
    CHECK(span_equal_nocase(SPAN("Content-Length"), SPAN("content-length")));
    CHECK(!span_equal_nocase(SPAN("a["), SPAN("A{")));
    CHECK(!span_equal(SPAN("a"), SPAN("A")));
}

TEST(a_number_is_written_in_decimal_and_read_back)
{
    static const uint64_t numbers[] = {0, 7, 10, 200, 65536, INT64_MAX, UINT64_MAX};
    char room[SPAN_U64_SIZE];
    uint64_t back;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        CHECK(span_to_u64(span_from_u64(numbers[i], room), UINT64_MAX, &back) &&
              back == numbers[i]);
    CHECK_SPAN(span_from_u64(0, room), SPAN("0"));
    CHECK_SPAN(span_from_u64(UINT64_MAX, room), SPAN("18446744073709551615"));
}
