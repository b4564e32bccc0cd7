#include "culvert/rpc/capnp_write.h"

#include "culvert/rpc/capnp_read.h"
#include "harness.h"

TEST(what_is_written_can_be_read)
{
    struct capnp_writer writer;
    capnp_write_start(&writer, 4096);
    struct capnp_place root = capnp_write_root(&writer, 3, 5);
    capnp_write_bit(&writer, root, 1, true);
    capnp_write_bit(&writer, root, 2, true);
    capnp_write_bit(&writer, root, 1, false);
    capnp_write_u8(&writer, root, 1, 0xfe);
    capnp_write_u16(&writer, root, 2, 0xfdfc);
    capnp_write_u32(&writer, root, 4, 0xfbfaf9f8);
    capnp_write_u64(&writer, root, 8, UINT64_C(0xf7f6f5f4f3f2f1f0));
    capnp_write_text(&writer, root, 0, SPAN("seven b"));
    capnp_write_data(&writer, root, 1, SPAN("\0\1\2"));
    struct capnp_place texts = capnp_write_pointers(&writer, root, 2, 2);
    capnp_write_text(&writer, texts, 1, SPAN("b"));
    struct capnp_place one = {.data_words = 1};
    capnp_write_u8(&writer, capnp_write_structs(&writer, root, 3, 1, one), 0, 9);
    capnp_write_capability(&writer, root, 4, 6);

    struct span bytes;
    struct capnp_message message;
    struct capnp_struct at;
    struct capnp_struct element;
    struct capnp_list list;
    struct span text;
    uint32_t number;
    REQUIRE(capnp_write_finish(&writer, &bytes, NULL));
    REQUIRE(capnp_message_open(&message, bytes, &at, NULL));
    CHECK_SIZE(capnp_read_u8(&at, 0), 4);
    CHECK_SIZE(capnp_read_u8(&at, 1), 0xfe);
    CHECK_SIZE(capnp_read_u16(&at, 2), 0xfdfc);
    CHECK_SIZE(capnp_read_u32(&at, 4), 0xfbfaf9f8);
    CHECK_SIZE(capnp_read_u64(&at, 8), UINT64_C(0xf7f6f5f4f3f2f1f0));
    CHECK(capnp_read_text(&at, 0, &text, NULL));
    CHECK_SPAN(text, SPAN("seven b"));
    CHECK(capnp_read_data(&at, 1, &text, NULL));
    CHECK_SPAN(text, SPAN("\0\1\2"));
    REQUIRE(capnp_read_list(&at, 2, &list, NULL) && list.count == 2);
    CHECK(capnp_list_text(&list, 0, &text, NULL) && text.len == 0);
    CHECK(capnp_list_text(&list, 1, &text, NULL));
    CHECK_SPAN(text, SPAN("b"));
    REQUIRE(capnp_read_list(&at, 3, &list, NULL) && list.count == 1);
    REQUIRE(capnp_list_struct(&list, 0, &element, NULL));
    CHECK_SIZE(capnp_read_u8(&element, 0), 9);
    CHECK(capnp_read_capability(&at, 4, &number));
    CHECK_SIZE(number, 6);
    capnp_write_release(&writer);
}

TEST(empty_things_are_written_as_the_peers_write_them)
{
    /* An empty struct points at itself; an empty list of structs is its tag; empty text is null. */
    static const char want[] = "\0\0\0\0\6\0\0\0"
                               "\0\0\0\0\0\0\4\0"
                               "\xfc\xff\xff\xff\0\0\0\0"
                               "\x09\0\0\0\7\0\0\0"
                               "\0\0\0\0\0\0\0\0"
                               "\0\0\0\0\0\0\0\0"
                               "\0\0\0\0\1\0\1";
    struct capnp_writer writer;
    struct span bytes;
    capnp_write_start(&writer, 4096);
    struct capnp_place root = capnp_write_root(&writer, 0, 4);
    (void)capnp_write_struct(&writer, root, 0, 0, 0);
    struct capnp_place shape = {.data_words = 1, .pointer_count = 1};
    (void)capnp_write_structs(&writer, root, 1, 0, shape);
    capnp_write_text(&writer, root, 2, SPAN(""));
    capnp_write_data(&writer, root, 3, SPAN(""));
    REQUIRE(capnp_write_finish(&writer, &bytes, NULL));
    CHECK(span_equal(bytes, span_make(want, sizeof want)));
    capnp_write_release(&writer);
}

TEST(a_message_over_its_limit_fails_once_and_for_all)
{
    /* Framing, root pointer, root (1, 2): 40 bytes; text and data take 8 more each. */
    for (size_t limit = 0; limit <= 64; limit += 4) {
        struct capnp_writer writer;
        struct span bytes;
        struct error err = {0};
        capnp_write_start(&writer, limit);
        struct capnp_place root = capnp_write_root(&writer, 1, 2);
        capnp_write_text(&writer, root, 0, SPAN("a"));
        capnp_write_data(&writer, root, 1, SPAN("b"));
        capnp_write_u64(&writer, root, 0, 1);
        capnp_write_bit(&writer, root, 3, true);
        capnp_write_capability(&writer, root, 1, 1);
        bool ok = capnp_write_finish(&writer, &bytes, &err);
        CHECK_CASE(ok == (limit >= 56), "limit %zu", limit);
        CHECK_CASE(ok || err.kind == ERROR_LIMIT, "limit %zu", limit);
        capnp_write_release(&writer);
    }
}
