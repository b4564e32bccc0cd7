#include "culvert/rpc/frame.h"

#include "harness.h"
#include "support/rpc_vector.h"

/* Feeds `stream` in pieces of `size` bytes and appends the messages with their lengths to `seen`.
 */
static bool feed(struct span stream, size_t size, struct buf *seen, struct error *err)
{
    struct frame frame;
    enum frame_result result = FRAME_MORE;
    frame_init(&frame);
    while (stream.len > 0 && result != FRAME_BROKEN) {
        struct span piece = span_first(stream, size);
        struct span message;
        stream = span_skip(stream, piece.len);
        while ((result = frame_take(&frame, &piece, &message, err)) == FRAME_MESSAGE)
            if (!buf_printf(seen, "%zu ", message.len) || !buf_put_span(seen, message))
                return false;
    }
    frame_release(&frame);
    return result == FRAME_MORE;
}

TEST(a_session_falls_apart_into_the_same_messages_whatever_the_pieces)
{
    static const char *const sessions[] = {"session.connector", "session.edge"};
    for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
        struct buf stream = BUF_LIMIT(4096);
        struct buf whole = BUF_LIMIT(4096);
        REQUIRE(rpc_vector_bytes(sessions[i], &stream));
        CHECK(feed(buf_span(&stream), stream.len, &whole, NULL));
        for (size_t size = 1; size < 80; size++) {
            struct buf seen = BUF_LIMIT(4096);
            CHECK(feed(buf_span(&stream), size, &seen, NULL));
            CHECK_CASE(span_equal(buf_span(&seen), buf_span(&whole)), "pieces of %zu", size);
            buf_release(&seen);
        }
        buf_release(&whole);
        buf_release(&stream);
    }
}

TEST(the_messages_of_a_session_have_the_sizes_of_the_single_ones)
{
    struct buf stream = BUF_LIMIT(4096);
    REQUIRE(rpc_vector_bytes("session.connector", &stream));
    static const size_t sizes[] = {48, 552, 40, 40, 312, 40, 120, 40, 64};
    struct frame frame;
    struct span rest = buf_span(&stream);
    struct span message;
    frame_init(&frame);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        REQUIRE(frame_take(&frame, &rest, &message, NULL) == FRAME_MESSAGE);
        CHECK_SIZE(message.len, sizes[i]);
    }
    CHECK(frame_take(&frame, &rest, &message, NULL) == FRAME_MORE);
    CHECK_SIZE(rest.len, 0);
    frame_release(&frame);
    buf_release(&stream);
}

TEST(no_more_is_held_than_has_arrived_of_a_message_that_claims_much)
{
    /* 131,071 words and the framing are exactly the limit. */
    struct frame frame;
    struct span input = SPAN("\0\0\0\0\xff\xff\1\0");
    struct span message;
    frame_init(&frame);
    CHECK(frame_take(&frame, &input, &message, NULL) == FRAME_MORE);
    CHECK_SIZE(input.len, 0);
    CHECK(frame.bytes.cap < 1024);
    frame_release(&frame);
}

TEST(framing_that_no_message_has_is_refused)
{
    static const struct {
        const char *what;
        struct span bytes;
        enum error_kind kind;
    } cases[] = {
        {"0 words", SPAN_INIT("\0\0\0\0\0\0\0\0"), ERROR_PROTOCOL},
        {"one word over the limit", SPAN_INIT("\0\0\0\0\0\0\2\0"), ERROR_LIMIT},
        {"the largest segment", SPAN_INIT("\0\0\0\0\xff\xff\xff\xff"), ERROR_LIMIT},
        {"too many segments", SPAN_INIT("\x40\0\0\0\1\0\0\0"), ERROR_PROTOCOL},
        {"sizes whose sum passes 32 bits",
         SPAN_INIT("\2\0\0\0\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"), ERROR_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf seen = BUF_LIMIT(64);
        struct error err = {0};
        CHECK_CASE(!feed(cases[i].bytes, 3, &seen, &err), "%s", cases[i].what);
        CHECK_CASE(err.kind == cases[i].kind, "%s: %s", cases[i].what, err.text);
        buf_release(&seen);
    }
}
