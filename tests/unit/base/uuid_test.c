#include "culvert/base/uuid.h"

#include "harness.h"

TEST(a_uuid_has_four_spellings_and_is_printed_in_one)
{
    static const struct span cases[] = {
        SPAN_INIT("00112233-4455-6677-8899-aAbBcCdDeEfF"),
        SPAN_INIT("00112233445566778899AABBCCDDEEFF"),
        SPAN_INIT("{00112233-4455-6677-8899-aabbccddeeff}"),
        SPAN_INIT("URN:uuid:00112233-4455-6677-8899-aabbccddeeff"),
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uuid uuid;
        char text[UUID_TEXT_SIZE];
        REQUIRE(uuid_parse(cases[i], &uuid));
        uuid_format(&uuid, text);
        CHECK_TEXT(text, "00112233-4455-6677-8899-aabbccddeeff");
    }
}

TEST(what_is_not_a_uuid_is_refused)
{
    static const struct {
        struct span text;
        const char *why;
    } cases[] = {
        {SPAN_INIT(""), "empty"},
        {SPAN_INIT("web"), "a name"},
        {SPAN_INIT("00112233-4455-6677-8899-aabbccddeef"), "one digit short"},
        {SPAN_INIT("00112233-4455-6677-8899-aabbccddeefff"), "one digit more"},
        {SPAN_INIT("00112233-4455-6677-8899aabb-ccddeeff"), "a dash at the wrong place"},
        {SPAN_INIT("00112233-4455-6677-8899-aabbccddeefg"), "not a digit"},
        {SPAN_INIT("(00112233-4455-6677-8899-aabbccddeeff)"), "other brackets"},
        {SPAN_INIT("{00112233-4455-6677-8899-aabbccddeeff "), "half of the braces"},
        {SPAN_INIT("urn:guid:00112233-4455-6677-8899-aabbccddeeff"), "another name space"},
        {SPAN_INIT("{00112233445566778899aabbccddeeff}"), "braces around 32 digits"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct uuid uuid = {{7}};
        CHECK_CASE(!uuid_parse(cases[i].text, &uuid), "%s", cases[i].why);
        CHECK(uuid.bytes[0] == 7);
    }
}

TEST(a_made_uuid_is_of_version_4_and_no_other)
{
    struct uuid a = uuid_make();
    struct uuid b = uuid_make();
    char text[UUID_TEXT_SIZE];
    uuid_format(&a, text);
    CHECK(text[14] == '4');
    CHECK(strchr("89ab", text[19]) != NULL);
    CHECK(!uuid_equal(&a, &b));
    CHECK(!uuid_is_nil(&a));
    struct uuid nil = {{0}};
    CHECK(uuid_is_nil(&nil));
}
