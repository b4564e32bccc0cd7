#include "culvert/net/dns_message.h"

#include "harness.h"

/* The header of an answer with one question and `n` answers. */
#define HEADER(n)  "\x12\x34\x81\x80\0\1\0" n "\0\0\0\0"
#define QUESTION   "\2_s\4_tcp\7example\0\0\x21\0\1" /* at 12; "example" at 20 */
#define OWNER      "\xc0\x0c\0\x21\0\1\0\0\0\x3c"    /* points to the question's name */
#define FIRST      OWNER "\0\x12\0\1\0\5\x1e\xa4\2r1\7example\0"
#define SECOND     OWNER "\0\x0b\0\2\0\0\x1e\xa5\2r2\xc0\x14"
#define MESSAGE(s) span_make((s), sizeof(s) - 1)

TEST(srv_records_are_read_with_and_without_compression)
{
    struct dns_srv records[4];
    size_t count = 9;
    struct error err = {0};
    CHECK_CASE(dns_parse_srv(MESSAGE(HEADER("\2") QUESTION FIRST SECOND), records, 4, &count, &err),
               "%s", err.text);
    REQUIRE(count == 2);
    CHECK(records[0].priority == 1 && records[0].weight == 5 && records[0].port == 7844);
    CHECK_TEXT(records[0].target, "r1.example");
    CHECK(records[1].priority == 2 && records[1].weight == 0 && records[1].port == 7845);
    CHECK_TEXT(records[1].target, "r2.example");
}

TEST(records_beyond_the_callers_room_are_not_looked_at)
{
    struct dns_srv records[1];
    size_t count;
    CHECK(dns_parse_srv(MESSAGE(HEADER("\2") QUESTION FIRST "\xff"), records, 1, &count, NULL));
    CHECK_SIZE(count, 1);
}

TEST(other_types_and_the_empty_target_are_left_out)
{
    struct dns_srv records[4];
    size_t count;
    CHECK(dns_parse_srv(MESSAGE(HEADER("\3") QUESTION
                                "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0c" /* CNAME */
                                OWNER "\0\7\0\1\0\5\0\0\0"             /* "." */
                                FIRST),
                        records, 4, &count, NULL));
    REQUIRE(count == 1);
    CHECK_TEXT(records[0].target, "r1.example");
}

TEST(broken_answers_are_refused)
{
    static const struct {
        struct span message;
        const char *why;
    } cases[] = {
        {SPAN_INIT(""), "not a DNS answer"},
        {SPAN_INIT("\x12\x34\x81\x80\0\1\0\1\0\0\0"), "not a DNS answer"},
        {SPAN_INIT("\x12\x34\x01\x00\0\0\0\0\0\0\0\0"), "not a DNS answer"},
        {SPAN_INIT("\x12\x34\x83\x80\0\0\0\0\0\0\0\0"), "the DNS answer is cut off"},
        {SPAN_INIT("\x12\x34\x81\x83\0\0\0\0\0\0\0\0"), "DNS response code 3"},
        {SPAN_INIT(HEADER("\0") "\2_s"), "the DNS question is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION), "DNS answer 1 is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x12\0\1\0\5"), "DNS answer 1 is broken"},
        /* the pointer leads to itself, forward, out of the message */
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x08\0\1\0\5\0\1\xc0\x32"),
         "DNS answer 1 is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x08\0\1\0\5\0\1\xc0\x40"),
         "DNS answer 1 is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x08\0\1\0\5\0\1\xff\xff"),
         "DNS answer 1 is broken"},
        /* a name that ends before or behind its record */
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x08\0\1\0\5\0\1\0\0"), "DNS answer 1 is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x08\0\1\0\5\0\1\5abcde\0"),
         "DNS answer 1 is broken"},
        /* bytes that no host name has */
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x0a\0\1\0\5\0\1\2a/\0"),
         "DNS answer 1 is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x0a\0\1\0\5\0\1\2a.\0"),
         "DNS answer 1 is broken"},
        {SPAN_INIT(HEADER("\1") QUESTION OWNER "\0\x07\0\1\0\5\0\1\x40"), "DNS answer 1 is broken"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dns_srv records[4];
        struct error err = {0};
        size_t count;
        CHECK_CASE(!dns_parse_srv(cases[i].message, records, 4, &count, &err), "case %zu", i);
        CHECK_CASE(strcmp(err.text, cases[i].why) == 0, "case %zu: %s", i, err.text);
        CHECK(err.kind == ERROR_PROTOCOL);
    }
}

/* Four labels of 63 bytes are 255 characters with their dots: one name more than fits. */
TEST(a_name_longer_than_253_characters_is_refused)
{
    struct dns_srv record;
    size_t count;
    for (size_t last = 60; last <= 63; last++) {
        unsigned char message[400] = "\x12\x34\x81\x80\0\0\0\1\0\0\0\0"
                                     "\0\0\x21\0\1\0\0\0\0\0\0\0\0\0\0\0\0";
        size_t at = 12 + 17;
        for (int label = 0; label < 4; label++) {
            size_t len = label == 3 ? last : 63;
            message[at++] = (unsigned char)len;
            memset(message + at, 'a', len);
            at += len;
        }
        message[at++] = 0;
        message[22] = (unsigned char)(6 + (at - 29)); /* the length of the record's data */
        message[21] = (unsigned char)((6 + (at - 29)) >> 8);
        bool ok = dns_parse_srv(span_make(message, at), &record, 1, &count, NULL);
        CHECK_CASE(ok == (last <= 61), "last label of %zu", last);
    }
}

static uint64_t always_last(uint64_t below)
{
    return below - 1;
}

static uint64_t always_first(uint64_t below)
{
    (void)below;
    return 0;
}

static void check_order(const struct dns_srv *records, size_t count, const char *want)
{
    char got[8] = "";
    for (size_t i = 0; i < count; i++)
        got[i] = records[i].target[0];
    CHECK_TEXT(got, want);
}

TEST(targets_are_ordered_by_priority_and_by_chance_in_proportion_to_weight)
{
    static const struct dns_srv records[] = {
        {2, 0, 1, "e"}, {1, 10, 1, "b"}, {1, 0, 1, "a"}, {1, 30, 1, "c"}, {0, 9, 1, "z"},
    };
    struct dns_srv copy[ARRAY_LEN(records)];
    memcpy(copy, records, sizeof records);
    dns_order_srv(copy, ARRAY_LEN(copy), always_last);
    check_order(copy, ARRAY_LEN(copy), "zcbae");
    memcpy(copy, records, sizeof records);
    dns_order_srv(copy, ARRAY_LEN(copy), always_first);
    check_order(copy, ARRAY_LEN(copy), "zabce");
}
