#include "culvert/rpc/capnp_read.h"

#include "harness.h"

/* Words of the wire. Offsets are signed; sizes are the fields of the encoding. */
#define OFFSET(o)                 (((uint64_t)(o)&0x3fffffff) << 2)
#define STRUCT(offset, data, ptr) (OFFSET(offset) | (uint64_t)(data) << 32 | (uint64_t)(ptr) << 48)
#define LIST(offset, size, count)                                                                  \
    (UINT64_C(1) | OFFSET(offset) | (uint64_t)(size) << 32 | (uint64_t)(count) << 35)
#define FAR(segment, word)        (UINT64_C(2) | (uint64_t)(word) << 3 | (uint64_t)(segment) << 32)
#define DOUBLE_FAR(segment, word) (FAR(segment, word) | 4)
#define CAPABILITY(number)        (UINT64_C(3) | (uint64_t)(number) << 32)
#define TAG(count, data, ptr)     STRUCT(count, data, ptr)

enum { SEGMENTS = 4, WORDS = 20 };

/* A message by segments; a segment ends where the next begins. */
struct sketch {
    uint32_t sizes[SEGMENTS]; /* words; the first 0 ends the segments */
    uint64_t words[WORDS];
};

static void put(char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(unsigned char)(value >> 8 * i & 0xff);
}

static struct span draw(const struct sketch *sketch, char out[256])
{
    size_t segments = 0;
    size_t words = 0;
    memset(out, 0, 256);
    while (segments < SEGMENTS && sketch->sizes[segments] > 0) {
        put(out + 4 + 4 * segments, sketch->sizes[segments], 4);
        words += sketch->sizes[segments++];
    }
    if (segments == 0)
        segments = 1;
    put(out, segments - 1, 4);
    size_t len = (segments / 2 + 1) * 8;
    for (size_t i = 0; i < words; i++, len += 8)
        put(out + len, sketch->words[i], 8);
    return span_make(out, len);
}

/* What is read: field 0 of the root in its way. */
enum reading { READ_ROOT, READ_STRUCT, READ_LIST, READ_TEXT, READ_DATA, READ_CHAIN, READ_STRUCTS };

static bool read_field(const struct capnp_struct *root, enum reading reading, struct error *err)
{
    struct capnp_struct at = *root;
    struct capnp_struct element;
    struct capnp_list list;
    struct span span;
    switch (reading) {
    case READ_ROOT:
        return true;
    case READ_STRUCT:
        return capnp_read_struct(root, 0, &at, err);
    case READ_LIST:
        return capnp_read_list(root, 0, &list, err);
    case READ_TEXT:
        return capnp_read_text(root, 0, &span, err);
    case READ_DATA:
        return capnp_read_data(root, 0, &span, err);
    case READ_CHAIN: /* field 0 of field 0 and so on, to its end */
        while (at.message)
            if (!capnp_read_struct(&at, 0, &at, err))
                return false;
        return true;
    case READ_STRUCTS:
        if (!capnp_read_list(root, 0, &list, err))
            return false;
        for (size_t i = 0; i < list.count; i++)
            if (!capnp_list_struct(&list, i, &element, err))
                return false;
        return true;
    }
    return false;
}

/* A message and what reading it must say. */
struct hostile {
    const char *reason; /* NULL: the message is good */
    const char *what;
    enum reading reading;
    struct sketch sketch;
};

static const struct hostile hostile_structs[] = {
    {"without a root", "a message of 0 words", READ_ROOT, {{0}, {0}}},
    {"the root is null", "a null root", READ_ROOT, {{1}, {0}}},
    {"no struct", "a root that is a list", READ_ROOT, {{2}, {LIST(0, 2, 1), 'x'}}},
    {"no struct", "a root that is a capability", READ_ROOT, {{1}, {CAPABILITY(0)}}},
    {"outside", "a root behind the end", READ_ROOT, {{2}, {STRUCT(1, 1, 0)}}},
    {"outside", "a root that is larger than the message", READ_ROOT, {{2}, {STRUCT(0, 2, 0)}}},
    {"outside", "an empty root far behind", READ_ROOT, {{1}, {STRUCT(1, 0, 0)}}},
    {"outside", "the largest offset", READ_ROOT, {{1}, {STRUCT(0x1fffffff, 1, 0)}}},
    {"outside", "an offset before the start", READ_ROOT, {{2}, {STRUCT(-3, 1, 0)}}},
    {"outside", "the smallest offset", READ_ROOT, {{2}, {STRUCT(-0x20000000, 0, 0)}}},
    {"outside", "sizes at their most", READ_ROOT, {{2}, {STRUCT(0, 0xffff, 0xffff)}}},
    {NULL, "an empty struct that is its own pointer", READ_ROOT, {{1}, {STRUCT(-1, 0, 0)}}},
    {NULL, "a null field", READ_STRUCT, {{2}, {STRUCT(0, 0, 1), 0}}},
    {NULL, "a field that is not there", READ_STRUCT, {{2}, {STRUCT(0, 1, 0), 0}}},
    {"outside", "a struct over the end", READ_STRUCT, {{3}, {STRUCT(0, 0, 1), STRUCT(0, 1, 1)}}},
    {"no struct", "a list as a struct", READ_STRUCT, {{2}, {STRUCT(0, 0, 1), LIST(0, 0, 0)}}},
    {"no struct", "a capability as a struct", READ_STRUCT, {{2}, {STRUCT(0, 0, 1), 3}}},
    {"too deeply",
     "a struct inside of itself, in a message with words to spare",
     READ_CHAIN,
     {{20}, {STRUCT(0, 0, 1), STRUCT(-1, 0, 1)}}},
    {"too often",
     "a large struct inside of itself",
     READ_CHAIN,
     {{8}, {STRUCT(0, 0, 7), STRUCT(-1, 0, 7)}}},
};

static const struct hostile hostile_lists[] = {
    {"no list", "a struct as a list", READ_LIST, {{2}, {STRUCT(0, 0, 1), STRUCT(-1, 0, 0)}}},
    {"no list", "a capability as data", READ_DATA, {{2}, {STRUCT(0, 0, 1), 3}}},
    {"too often",
     "a billion elements of no size",
     READ_LIST,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 7, 0), TAG(0x3fffffff, 0, 0)}}},
    {"too often",
     "half a billion elements of nothing",
     READ_LIST,
     {{2}, {STRUCT(0, 0, 1), LIST(0, 0, 0x1fffffff)}}},
    {"outside", "more bytes than there are", READ_DATA, {{3}, {STRUCT(0, 0, 1), LIST(0, 2, 9), 0}}},
    {"outside",
     "the largest list of words",
     READ_LIST,
     {{2}, {STRUCT(0, 0, 1), LIST(0, 5, 0x1fffffff)}}},
    {"outside",
     "a list of structs without room for its tag",
     READ_LIST,
     {{2}, {STRUCT(0, 0, 1), LIST(0, 7, 0)}}},
    {"wrong tag",
     "a tag that is a list pointer",
     READ_LIST,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 7, 0), LIST(0, 0, 0)}}},
    {"more elements",
     "a tag with more elements than words",
     READ_LIST,
     {{4}, {STRUCT(0, 0, 1), LIST(0, 7, 1), TAG(2, 1, 0), 0}}},
    {"more elements",
     "a product that would overflow 32 bits",
     READ_LIST,
     {{4}, {STRUCT(0, 0, 1), LIST(0, 7, 1), TAG(0x10000, 0xffff, 1), 0}}},
    {NULL,
     "an empty list of structs",
     READ_STRUCTS,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 7, 0), TAG(0, 1, 1)}}},
    {NULL,
     "structs without size, few of them",
     READ_STRUCTS,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 7, 0), TAG(3, 0, 0)}}},
    {"not of structs",
     "bytes as structs",
     READ_STRUCTS,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 2, 8), 0}}},
    {"not of structs",
     "words as structs",
     READ_STRUCTS,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 5, 1), 0}}},
    {"not of bytes", "words as data", READ_DATA, {{3}, {STRUCT(0, 0, 1), LIST(0, 5, 1), 0}}},
    {"not of bytes",
     "structs as text",
     READ_TEXT,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 7, 0), TAG(0, 1, 0)}}},
    {"final NUL", "a text of no bytes", READ_TEXT, {{2}, {STRUCT(0, 0, 1), LIST(0, 2, 0)}}},
    {"final NUL",
     "a text that ends in a letter",
     READ_TEXT,
     {{3}, {STRUCT(0, 0, 1), LIST(0, 2, 1), 'x'}}},
    {NULL, "an empty text", READ_TEXT, {{3}, {STRUCT(0, 0, 1), LIST(0, 2, 1), 0}}},
    {NULL, "data of no bytes at the very end", READ_DATA, {{2}, {STRUCT(0, 0, 1), LIST(0, 2, 0)}}},
};

static const struct hostile hostile_far_pointers[] = {
    {"no such segment", "a far pointer to no segment", READ_ROOT, {{1}, {FAR(1, 0)}}},
    {"no such segment",
     "a far pointer to the last of all segments",
     READ_ROOT,
     {{1}, {FAR(UINT32_MAX, 0)}}},
    {"outside", "a far pointer behind its segment", READ_ROOT, {{1, 1}, {FAR(1, 1), 0}}},
    {"far pointer leads to a far", "a far pointer to itself", READ_ROOT, {{1}, {FAR(0, 0)}}},
    {"far pointer leads to a far",
     "far pointers in a ring",
     READ_ROOT,
     {{1, 1}, {FAR(1, 0), FAR(0, 0)}}},
    {"outside",
     "a landing pad that leads outside",
     READ_ROOT,
     {{1, 1}, {FAR(1, 0), STRUCT(0, 1, 0)}}},
    {"outside", "half of a double landing pad", READ_ROOT, {{1, 1}, {DOUBLE_FAR(1, 0), FAR(0, 0)}}},
    {"no far pointer",
     "a double far pointer to a near one",
     READ_ROOT,
     {{1, 2}, {DOUBLE_FAR(1, 0), STRUCT(0, 0, 0), STRUCT(0, 0, 0)}}},
    {"no far pointer",
     "a double far pointer to a double far one",
     READ_ROOT,
     {{1, 2}, {DOUBLE_FAR(1, 0), DOUBLE_FAR(1, 0), STRUCT(0, 0, 0)}}},
    {"has an offset",
     "a tag with an offset",
     READ_ROOT,
     {{1, 2}, {DOUBLE_FAR(1, 0), FAR(0, 0), STRUCT(1, 1, 0)}}},
    {"no such segment",
     "a double far pointer to no segment",
     READ_ROOT,
     {{1, 2}, {DOUBLE_FAR(1, 0), FAR(2, 0), STRUCT(0, 1, 0)}}},
    {"outside",
     "a double far pointer behind a segment",
     READ_ROOT,
     {{1, 2}, {DOUBLE_FAR(1, 0), FAR(1, 2), STRUCT(0, 1, 0)}}},
    {"no struct",
     "a double far pointer whose tag is far",
     READ_ROOT,
     {{1, 2}, {DOUBLE_FAR(1, 0), FAR(1, 0), FAR(0, 0)}}},
    {NULL, "a far pointer to a struct", READ_ROOT, {{1, 2}, {FAR(1, 0), STRUCT(0, 1, 0), 5}}},
    {NULL,
     "a double far pointer to a struct",
     READ_ROOT,
     {{1, 2, 1}, {DOUBLE_FAR(1, 0), FAR(2, 0), STRUCT(0, 1, 0), 5}}},
};

static void check_hostile(const struct hostile *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char bytes[256];
        struct capnp_message message;
        struct capnp_struct root;
        struct error err = {0};
        bool ok = capnp_message_open(&message, draw(&cases[i].sketch, bytes), &root, &err) &&
                  read_field(&root, cases[i].reading, &err);
        if (!cases[i].reason) {
            CHECK_CASE(ok, "%s: %s", cases[i].what, err.text);
            continue;
        }
        CHECK_CASE(!ok, "%s: taken", cases[i].what);
        CHECK_CASE(err.kind == ERROR_PROTOCOL && strstr(err.text, cases[i].reason), "%s: \"%s\"",
                   cases[i].what, err.text);
    }
}

TEST(hostile_structs_are_defined_errors)
{
    check_hostile(hostile_structs, ARRAY_LEN(hostile_structs));
}

TEST(hostile_lists_are_defined_errors)
{
    check_hostile(hostile_lists, ARRAY_LEN(hostile_lists));
}

TEST(hostile_far_pointers_are_defined_errors)
{
    check_hostile(hostile_far_pointers, ARRAY_LEN(hostile_far_pointers));
}

TEST(the_same_list_read_again_and_again_uses_up_the_budget)
{
    /* Sixty pointers to one list of 60 words: 3600 words of work in a message of 121, which allows
     * 484; the root takes 60 of them. */
    const size_t count = 60;
    char bytes[1024] = {0};
    struct capnp_message message;
    struct capnp_struct root;
    struct span data;
    put(bytes + 4, 1 + 2 * count, 4);
    put(bytes + 8, STRUCT(0, 0, count), 8);
    for (size_t i = 0; i < count; i++)
        put(bytes + 16 + i * 8, LIST(count - 1 - i, 2, count * 8), 8);
    struct span all = span_make(bytes, (2 + 2 * count) * 8);
    REQUIRE(capnp_message_open(&message, all, &root, NULL));
    size_t read = 0;
    while (read < count && capnp_read_data(&root, read, &data, NULL))
        read++;
    CHECK_SIZE(read, 7);
}

TEST(the_table_of_segments_tells_how_many_bytes_a_message_needs)
{
    static const struct {
        const char *what;
        struct span start;
        bool ok;
        uint64_t need;
    } cases[] = {
        {"nothing yet", SPAN_INIT(""), true, 8},
        {"half a word", SPAN_INIT("\0\0\0\0"), true, 8},
        {"one segment of 3 words", SPAN_INIT("\0\0\0\0\3\0\0\0"), true, 32},
        {"more than the message", SPAN_INIT("\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"), true, 16},
        {"two segments, their sizes are missing", SPAN_INIT("\1\0\0\0\1\0\0\0"), true, 16},
        {"two segments", SPAN_INIT("\1\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0"), true, 40},
        {"three segments", SPAN_INIT("\2\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), true, 64},
        {"an empty segment behind", SPAN_INIT("\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"), true, 24},
        {"0 words", SPAN_INIT("\0\0\0\0\0\0\0\0"), false, 0},
        {"0 words in the first segment", SPAN_INIT("\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"), false, 0},
        {"64 segments", SPAN_INIT("\x3f\0\0\0\1\0\0\0"), true, 264},
        {"65 segments", SPAN_INIT("\x40\0\0\0\1\0\0\0"), false, 0},
        {"four billion segments", SPAN_INIT("\xff\xff\xff\xff\1\0\0\0"), false, 0},
        {"the largest segment", SPAN_INIT("\0\0\0\0\xff\xff\xff\xff"), true,
         8 + UINT64_C(0xffffffff) * 8},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t need = 0;
        struct error err = {0};
        bool ok = capnp_message_need(cases[i].start, &need, &err);
        CHECK_CASE(ok == cases[i].ok, "%s: %s", cases[i].what, err.text);
        CHECK_CASE(!ok || need == cases[i].need, "%s: %llu", cases[i].what,
                   (unsigned long long)need);
        CHECK_CASE(ok || err.kind == ERROR_PROTOCOL, "%s", cases[i].what);
    }
}

TEST(a_message_has_exactly_the_bytes_that_it_claims)
{
    static const char good[] = "\0\0\0\0\1\0\0\0\xfc\xff\xff\xff\0\0\0";
    struct capnp_message message;
    struct capnp_struct root;
    CHECK(capnp_message_open(&message, span_make(good, 16), &root, NULL));
    CHECK(!capnp_message_open(&message, span_make(good, 15), &root, NULL));
    char longer[24] = {0};
    memcpy(longer, good, 16);
    CHECK(!capnp_message_open(&message, span_make(longer, 24), &root, NULL));
}

TEST(scalars_are_little_endian_and_zero_beyond_the_struct)
{
    static const struct sketch sketch = {{2}, {STRUCT(0, 1, 0), UINT64_C(0x8877665544332211)}};
    char bytes[256];
    struct capnp_message message;
    struct capnp_struct root;
    REQUIRE(capnp_message_open(&message, draw(&sketch, bytes), &root, NULL));
    CHECK_SIZE(capnp_read_u8(&root, 1), 0x22);
    CHECK_SIZE(capnp_read_u16(&root, 2), 0x4433);
    CHECK_SIZE(capnp_read_u32(&root, 4), 0x88776655);
    CHECK_SIZE(capnp_read_u64(&root, 0), UINT64_C(0x8877665544332211));
    CHECK(capnp_read_bit(&root, 63));
    CHECK(!capnp_read_bit(&root, 62));
    CHECK(!capnp_read_bit(&root, 64));
    CHECK_SIZE(capnp_read_u8(&root, 8), 0);
    CHECK_SIZE(capnp_read_u32(&root, 6), 0);
    CHECK_SIZE(capnp_read_u64(&root, 8), 0);
    struct capnp_struct none = {0};
    CHECK_SIZE(capnp_read_u64(&none, 0), 0);
}

TEST(far_pointers_lead_to_texts_and_lists_in_other_segments)
{
    static const struct sketch sketch = {{4, 4, 2, 3},
                                         {STRUCT(0, 0, 3), FAR(1, 0), DOUBLE_FAR(1, 2),
                                          DOUBLE_FAR(2, 0),
                                          /* segment 1: a pad, its text, a double pad */
                                          LIST(0, 2, 2), 'a', FAR(3, 0), LIST(0, 2, 2),
                                          /* segment 2: a double pad */
                                          FAR(3, 1), LIST(0, 7, 1),
                                          /* segment 3: a text, a list of structs */
                                          'b', TAG(1, 1, 0), 'c'}};
    char bytes[256];
    struct capnp_message message;
    struct capnp_struct root;
    struct capnp_struct element;
    struct capnp_list list;
    struct span text;
    REQUIRE(capnp_message_open(&message, draw(&sketch, bytes), &root, NULL));
    REQUIRE(capnp_read_text(&root, 0, &text, NULL));
    CHECK_SPAN(text, SPAN("a"));
    REQUIRE(capnp_read_text(&root, 1, &text, NULL));
    CHECK_SPAN(text, SPAN("b"));
    REQUIRE(capnp_read_list(&root, 2, &list, NULL) && list.count == 1);
    REQUIRE(capnp_list_struct(&list, 0, &element, NULL));
    CHECK_SIZE(capnp_read_u8(&element, 0), 'c');
}

TEST(a_list_of_texts_may_have_grown_into_a_list_of_structs)
{
    static const struct sketch pointers = {
        {6}, {STRUCT(0, 0, 1), LIST(0, 6, 2), LIST(1, 2, 2), LIST(1, 2, 2), 'a', 'b'}};
    static const struct sketch structs = {{9},
                                          {STRUCT(0, 0, 1), LIST(0, 7, 4), TAG(2, 1, 1), 7,
                                           LIST(2, 2, 2), 8, LIST(1, 2, 2), 'a', 'b'}};
    const struct sketch *const both[] = {&pointers, &structs};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        char bytes[256];
        struct capnp_message message;
        struct capnp_struct root;
        struct capnp_list list;
        struct span text;
        REQUIRE(capnp_message_open(&message, draw(both[i], bytes), &root, NULL));
        REQUIRE(capnp_read_list(&root, 0, &list, NULL));
        REQUIRE(list.count == 2);
        REQUIRE(capnp_list_text(&list, 0, &text, NULL));
        CHECK_SPAN(text, SPAN("a"));
        REQUIRE(capnp_list_text(&list, 1, &text, NULL));
        CHECK_SPAN(text, SPAN("b"));
    }
}

TEST(a_capability_is_a_number_and_nothing_else)
{
    static const struct {
        uint64_t word;
        bool is;
    } cases[] = {
        {CAPABILITY(0), true},      {CAPABILITY(UINT32_MAX), true}, {0, false},
        {CAPABILITY(1) | 4, false}, {STRUCT(-1, 0, 0), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sketch sketch = {{2}, {STRUCT(0, 0, 1), cases[i].word}};
        char bytes[256];
        struct capnp_message message;
        struct capnp_struct root;
        uint32_t number = 77;
        REQUIRE(capnp_message_open(&message, draw(&sketch, bytes), &root, NULL));
        CHECK_CASE(capnp_read_capability(&root, 0, &number) == cases[i].is, "case %zu", i);
        CHECK_CASE(number == (cases[i].is ? cases[i].word >> 32 : 77), "case %zu", i);
        CHECK(!capnp_read_capability(&root, 1, &number));
    }
}
