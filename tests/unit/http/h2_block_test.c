/* Header blocks that are written anew: what nghttp2 gets, and what goes round it. */
#include "culvert/http/h2_block.h"

#include "harness.h"
#include "support/must.h"
#include "support/packed_string.h"

enum { BLOCK_MAX = 32 * 1024 * 1024, VALUES_MAX = 1024 * 1024, LITERAL = 0x00, INDEXED = 0x40 };

/* Bytes of one letter. */
static void put_letters(struct buf *to, char letter, size_t len)
{
    char *room = len > 0 ? buf_room(to, len) : NULL;
    if (room) {
        memset(room, letter, len);
        buf_added(to, len);
    }
}

/* `code` is 0x80 for one that is packed. */
static void put_length(struct buf *to, unsigned code, size_t len)
{
    size_t more = len - 127;
    must(buf_put_char(to, (char)(code | (len < 127 ? len : 127))));
    for (; len >= 127 && more >= 128; more >>= 7)
        must(buf_put_char(to, (char)(128 | (more & 127))));
    if (len >= 127)
        must(buf_put_char(to, (char)more));
}

/* "n: vvv...", as it is. */
static void put_field(struct buf *to, unsigned kind, char letter, size_t len)
{
    must(buf_put_char(to, (char)kind) && buf_put_span(to, SPAN("\1n")));
    put_length(to, 0, len);
    put_letters(to, letter, len);
}

static struct h2_block *feed(const struct buf *bytes, bool *ok)
{
    struct h2_block *block = h2_block_new(VALUES_MAX);
    must(block != NULL);
    *ok = h2_block_feed(block, buf_span(bytes)) && h2_block_is_whole(block);
    return block;
}

TEST(a_block_without_long_strings_stays_as_it_is)
{
    static const struct span blocks[] = {
        SPAN_INIT(""),
        SPAN_INIT("\x82\x87\xff\x00"),
        SPAN_INIT("\x3f\xe1\x1f\x82"),
        SPAN_INIT("\x40\1n\1v\x00\1n\0\x10\1n\1v\x0f\x13\1v\x41\1v"),
        SPAN_INIT("\x44\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
    };
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        struct h2_block *block = h2_block_new(VALUES_MAX);
        must(block != NULL);
        CHECK(h2_block_feed(block, blocks[i]) && h2_block_is_whole(block));
        CHECK_SPAN(h2_block_bytes(block), blocks[i]);
        CHECK(!h2_block_is_cut(block) && !h2_block_value(block, 0).data);
        h2_block_free(block);
    }
}

TEST(long_values_are_kept_by_the_number_of_their_field)
{
    struct buf bytes = BUF_LIMIT(BLOCK_MAX);
    bool ok;
    must(buf_put_span(&bytes, SPAN("\x20\x82"))); /* a size of the table; an entry of it */
    put_field(&bytes, LITERAL, 'a', 70000);
    put_field(&bytes, LITERAL, 'b', H2_BLOCK_STRING_MAX);
    put_field(&bytes, LITERAL, 'c', H2_BLOCK_STRING_MAX + 1);
    struct h2_block *block = feed(&bytes, &ok);
    CHECK(ok && !h2_block_is_cut(block));
    CHECK(!h2_block_value(block, 0).data && !h2_block_value(block, 2).data);
    CHECK_SIZE(h2_block_value(block, 1).len, 70000);
    CHECK_SIZE(h2_block_value(block, 3).len, H2_BLOCK_STRING_MAX + 1);
    CHECK(h2_block_value(block, 1).data[0] == 'a' && h2_block_value(block, 3).data[0] == 'c');
    CHECK_SIZE(h2_block_bytes(block).len, 2 + 5 + (3 + 4 + H2_BLOCK_STRING_MAX) + 5);
    h2_block_forget_bytes(block);
    CHECK_SIZE(h2_block_bytes(block).len, 0);
    CHECK_SIZE(h2_block_value(block, 1).len, 70000);
    h2_block_free(block);
    buf_release(&bytes);
}

TEST(a_packed_value_is_kept_unpacked_and_its_code_is_judged)
{
    for (size_t i = 0; i < 2; i++) {
        struct buf text = BUF_LIMIT(BLOCK_MAX);
        struct buf packed = BUF_LIMIT(BLOCK_MAX);
        struct buf bytes = BUF_LIMIT(BLOCK_MAX);
        bool ok;
        for (size_t k = 0; k < 100000; k++)
            must(buf_put_char(&text, "abcXYZ~ \x01\xff"[k % 10]));
        packed_string_put(&packed, buf_span(&text));
        if (i == 1)
            packed.data[packed.len - 1] = (char)~packed.data[packed.len - 1];
        must(packed.len > H2_BLOCK_STRING_MAX && buf_put_span(&bytes, SPAN("\x40\1n")));
        put_length(&bytes, 0x80, packed.len);
        must(buf_put_span(&bytes, buf_span(&packed)));
        struct h2_block *block = feed(&bytes, &ok);
        CHECK(ok == (i == 0));
        if (ok)
            CHECK(span_equal(h2_block_value(block, 0), buf_span(&text)));
        h2_block_free(block);
        buf_release(&text);
        buf_release(&packed);
        buf_release(&bytes);
    }
}

TEST(what_is_more_than_may_be_kept_is_cut_and_the_block_goes_on)
{
    static const struct {
        const char *what;
        size_t count, len;
        bool is_cut;
    } cases[] = {
        {"one at the limit", 1, VALUES_MAX, false},
        {"one above", 1, VALUES_MAX + 1, true},
        {"together at the limit", 8, VALUES_MAX / 8, false},
        {"together above", 9, VALUES_MAX / 8, true},
        {"many megabytes", 20, VALUES_MAX, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf bytes = BUF_LIMIT(BLOCK_MAX);
        bool ok;
        for (size_t k = 0; k < cases[i].count; k++)
            put_field(&bytes, LITERAL, 'v', cases[i].len);
        struct h2_block *block = feed(&bytes, &ok);
        CHECK_CASE(ok && h2_block_is_cut(block) == cases[i].is_cut, "%s", cases[i].what);
        CHECK_CASE((h2_block_value(block, 0).data == NULL) == cases[i].is_cut, "%s", cases[i].what);
        CHECK_SIZE(h2_block_bytes(block).len, 5 * cases[i].count);
        h2_block_free(block);
        buf_release(&bytes);
    }
}

TEST(strings_of_usual_length_are_bounded_too)
{
    struct buf bytes = BUF_LIMIT(BLOCK_MAX);
    bool ok;
    while (bytes.len <= H2_BLOCK_KEPT_MAX)
        put_field(&bytes, INDEXED, 'v', 4000);
    struct h2_block *block = feed(&bytes, &ok);
    CHECK(!ok);
    CHECK(h2_block_bytes(block).len <= H2_BLOCK_KEPT_MAX);
    h2_block_free(block);
    buf_release(&bytes);
}

/* Bytes that are as long as possible when they are packed: what arrives as 6000 is 1700 in the
 * table, and stays there. */
TEST(in_a_crowded_block_a_packed_string_is_left_out_only_if_it_empties_the_table)
{
    static const struct {
        size_t len;
        bool is_left_out;
    } cases[] = {{1700, false}, {4000, false}, {5300, false}, {5400, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(BLOCK_MAX);
        struct buf packed = BUF_LIMIT(BLOCK_MAX);
        struct buf bytes = BUF_LIMIT(BLOCK_MAX);
        bool ok;
        while (bytes.len <= H2_BLOCK_KEPT_MAX / 2)
            put_field(&bytes, INDEXED, 'v', 4000);
        put_letters(&text, '\xf9', cases[i].len);
        packed_string_put(&packed, buf_span(&text));
        must(packed.len > 5000 && buf_put_span(&bytes, SPAN("\x40\1n")));
        put_length(&bytes, 0x80, packed.len);
        must(buf_put_span(&bytes, buf_span(&packed)));
        struct h2_block *block = feed(&bytes, &ok);
        bool is_same = span_equal(h2_block_bytes(block), buf_span(&bytes));
        CHECK_CASE(ok && is_same == !cases[i].is_left_out, "%zu bytes", cases[i].len);
        h2_block_free(block);
        buf_release(&text);
        buf_release(&packed);
        buf_release(&bytes);
    }
}

TEST(a_block_that_ends_within_a_field_is_not_whole)
{
    static const struct span block_bytes = SPAN_INIT("\x40\1n\1v");
    struct h2_block *block = h2_block_new(VALUES_MAX);
    must(block != NULL);
    CHECK(h2_block_is_whole(block));
    for (size_t i = 0; i < block_bytes.len; i++) {
        CHECK(h2_block_feed(block, span_first(span_skip(block_bytes, i), 1)));
        CHECK(h2_block_is_whole(block) == (i + 1 == block_bytes.len));
    }
    h2_block_free(block);
}
