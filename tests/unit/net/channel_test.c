/* A bounded way for bytes: order, marks, memory, who is told what. */
#include "culvert/net/channel.h"
#include "harness.h"
#include "support/turned_loop.h"

#include <stdlib.h>
#include <string.h>

struct ear {
    size_t filled;
    size_t drained;
    size_t changes;
};

static void on_filled(void *arg)
{
    ((struct ear *)arg)->filled++;
}

static void on_drained(void *arg, size_t bytes)
{
    ((struct ear *)arg)->drained += bytes;
}

static const struct channel_events taker = {on_filled};

TEST(a_full_channel_holds_its_reader_until_it_has_drained_to_the_low_mark)
{
    struct gate reader = {0};
    struct channel *ch = channel_new(4, 8, &reader, NULL);
    REQUIRE(ch);
    CHECK_SIZE(channel_put(ch, "0123456789", 10), 8);
    CHECK(reader.holds == HOLD_CHANNEL);
    CHECK_SIZE(channel_room(ch), 0);
    CHECK(!channel_is_broken(ch));
    channel_drop(ch, 3); /* 5 bytes are left, the mark is 4 */
    CHECK(reader.holds == HOLD_CHANNEL);
    channel_drop(ch, 1);
    CHECK(reader.holds == 0);
    CHECK_SIZE(channel_room(ch), 4);
    channel_free(ch);
}

TEST(a_channel_filled_to_the_last_byte_holds_its_reader_at_once)
{
    struct gate reader = {0};
    struct channel *ch = channel_new(4, 8, &reader, NULL);
    REQUIRE(ch);
    CHECK_SIZE(channel_put(ch, "0123456", 7), 7);
    CHECK(reader.holds == 0);
    CHECK_SIZE(channel_put(ch, "7", 1), 1);
    CHECK(reader.holds == HOLD_CHANNEL);
    channel_free(ch);
}

TEST(a_drained_channel_opens_no_gate_that_others_hold)
{
    struct gate reader = {.holds = HOLD_DRAIN};
    struct channel *ch = channel_new(4, 8, &reader, NULL);
    REQUIRE(ch);
    CHECK_SIZE(channel_put(ch, "01234567", 8), 8);
    CHECK(reader.holds == (HOLD_CHANNEL | HOLD_DRAIN));
    channel_drop(ch, 8);
    CHECK(reader.holds == HOLD_DRAIN);
    channel_free(ch);
}

TEST(while_the_budget_is_exceeded_who_can_rest_rests_early)
{
    static const char bytes[CHANNEL_LIMIT];
    struct budget budget = {.limit = 50 * 1000};
    struct gate reader = {0};
    struct channel *stream = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, &budget);
    struct channel *gated = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, &reader, &budget);
    REQUIRE(stream && gated);
    CHECK_SIZE(channel_put(gated, bytes, 5000), 5000);
    CHECK(reader.holds == 0);
    CHECK_SIZE(channel_put(stream, bytes, 60 * 1000), 60 * 1000); /* its peer was promised it */
    CHECK_SIZE(channel_room(stream), CHANNEL_LIMIT - 60 * 1000);
    CHECK_SIZE(channel_room(gated), 0);
    channel_rest(gated);
    CHECK(reader.holds == HOLD_CHANNEL);
    channel_drop(gated, 1000);
    CHECK(reader.holds == HOLD_CHANNEL); /* more than half of the small limit is left */
    channel_drop(gated, 3000);
    CHECK(reader.holds == 0);
    CHECK_SIZE(channel_put(gated, bytes, 10000), CHANNEL_SQUEEZED - 1000);
    CHECK(reader.holds == HOLD_CHANNEL);
    channel_drop(stream, 60 * 1000);
    CHECK_SIZE(channel_room(gated), CHANNEL_LIMIT - CHANNEL_SQUEEZED);
    channel_drop(gated, 1);
    CHECK(reader.holds == 0);
    channel_free(gated);
    channel_free(stream);
}

TEST(bytes_come_out_as_they_went_in_however_they_are_cut)
{
    enum { TOTAL = 300 * 1000 };
    static const size_t puts[] = {1, 7, 1000, 1008, 1009, 16383, 16384, 16385, 40000};
    static const size_t takes[] = {3, 1, 16384, 999, 70000, 5};
    static char in[TOTAL], out[TOTAL];
    for (size_t i = 0; i < TOTAL; i++)
        in[i] = (char)(i * 31 + i / 251);
    struct channel *ch = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    REQUIRE(ch);
    size_t put = 0;
    size_t taken = 0;
    for (size_t turn = 0; taken < TOTAL; turn++) {
        size_t len = puts[turn % ARRAY_LEN(puts)];
        put += channel_put(ch, in + put, len < TOTAL - put ? len : TOTAL - put);
        taken += channel_take(ch, out + taken, takes[turn % ARRAY_LEN(takes)]);
        CHECK_SIZE(channel_len(ch), put - taken);
    }
    CHECK(memcmp(in, out, TOTAL) == 0);
    CHECK_SIZE(channel_total(ch), TOTAL);
    CHECK_SIZE(channel_take(ch, out, 1), 0);
    CHECK_SIZE(channel_peek(ch).len, 0);
    channel_free(ch);
}

TEST(a_look_shows_contiguous_bytes_and_takes_none)
{
    struct channel *ch = channel_new(4, 100, NULL, NULL);
    REQUIRE(ch);
    CHECK_SIZE(channel_put(ch, "ab", 2), 2);
    CHECK_SIZE(channel_put(ch, "cd", 2), 2);
    CHECK_SPAN(channel_peek(ch), SPAN("abcd"));
    CHECK_SPAN(channel_peek(ch), SPAN("abcd"));
    channel_drop(ch, 3);
    CHECK_SPAN(channel_peek(ch), SPAN("d"));
    channel_free(ch);
}

TEST(the_taker_hears_of_the_first_bytes_and_of_the_end_only)
{
    struct ear ear = {0};
    struct channel *ch = channel_new(4, 8, NULL, NULL);
    REQUIRE(ch);
    CHECK_SIZE(channel_put(ch, "x", 1), 1);
    channel_set_taker(ch, &taker, &ear);
    CHECK_SIZE(ear.filled, 0); /* it looks for itself */
    CHECK_SIZE(channel_put(ch, "y", 1), 1);
    CHECK_SIZE(ear.filled, 0);
    channel_drop(ch, 2);
    CHECK_SIZE(channel_put(ch, "z", 1), 1);
    CHECK_SIZE(ear.filled, 1);
    channel_end(ch);
    CHECK_SIZE(ear.filled, 2);
    channel_end(ch);
    CHECK_SIZE(ear.filled, 2);
    channel_free(ch);
}

TEST(nobody_is_told_after_the_taker_left)
{
    struct ear ear = {0};
    struct channel *ch = channel_new(4, 8, NULL, NULL);
    REQUIRE(ch);
    channel_set_taker(ch, &taker, &ear);
    channel_set_taker(ch, NULL, NULL);
    CHECK_SIZE(channel_put(ch, "x", 1), 1);
    channel_end(ch);
    CHECK_SIZE(ear.filled, 0);
    channel_free(ch);
}

TEST(an_ended_channel_is_done_when_its_bytes_are_gone)
{
    struct channel *ch = channel_new(4, 8, NULL, NULL);
    REQUIRE(ch);
    CHECK(!channel_is_ended(ch) && !channel_is_done(ch));
    CHECK_SIZE(channel_put(ch, "ab", 2), 2);
    channel_end(ch);
    CHECK(channel_is_ended(ch) && !channel_is_done(ch));
    channel_drop(ch, 2);
    CHECK(channel_is_done(ch));
    channel_free(ch);
}

TEST(what_leaves_is_reported_to_the_putting_side)
{
    struct ear ear = {0};
    char out[8];
    struct channel *ch = channel_new(4, 8, NULL, NULL);
    REQUIRE(ch);
    channel_set_drained(ch, on_drained, &ear);
    CHECK_SIZE(channel_put(ch, "01234567", 8), 8);
    channel_drop(ch, 0);
    CHECK_SIZE(ear.drained, 0);
    channel_drop(ch, 3);
    CHECK_SIZE(ear.drained, 3);
    CHECK_SIZE(channel_take(ch, out, sizeof out), 5);
    CHECK_SIZE(ear.drained, 8);
    channel_free(ch);
}

TEST(the_budget_counts_what_lies_there_and_nothing_else)
{
    struct budget budget = {.limit = 100};
    struct channel *a = channel_new(4, 8, NULL, &budget);
    struct channel *b = channel_new(4, 8, NULL, &budget);
    REQUIRE(a && b);
    CHECK_SIZE(channel_put(a, "0123456789", 10), 8);
    CHECK_SIZE(channel_put(b, "012", 3), 3);
    CHECK_SIZE(budget.used, 11);
    channel_drop(a, 5);
    CHECK_SIZE(budget.used, 6);
    channel_free(a);
    CHECK_SIZE(budget.used, 3);
    channel_free(b);
    CHECK_SIZE(budget.used, 0);
}

TEST(a_smaller_limit_keeps_what_lies_there_and_a_larger_one_makes_room)
{
    struct gate reader = {0};
    struct channel *ch = channel_new(2, 8, &reader, NULL);
    REQUIRE(ch);
    CHECK_SIZE(channel_put(ch, "01234567", 8), 8);
    channel_set_limit(ch, 4);
    CHECK_SIZE(channel_len(ch), 8);
    CHECK_SIZE(channel_room(ch), 0);
    CHECK_SIZE(channel_put(ch, "x", 1), 0);
    channel_set_limit(ch, 16);
    CHECK_SIZE(channel_room(ch), 8);
    CHECK_SIZE(channel_put(ch, "89", 2), 2);
    CHECK_SPAN(channel_peek(ch), SPAN("0123456789"));
    channel_free(ch);
}

TEST(a_channel_outlives_its_reader)
{
    struct gate *reader = calloc(1, sizeof *reader);
    struct channel *ch = channel_new(4, 8, reader, NULL);
    REQUIRE(ch && reader);
    CHECK_SIZE(channel_put(ch, "01234567", 8), 8);
    channel_set_reader(ch, NULL);
    free(reader);
    channel_drop(ch, 8);
    CHECK_SIZE(channel_put(ch, "0123456789", 10), 8);
    channel_free(ch);
}

TEST(a_closed_channel_counts_no_more_and_is_there_for_its_taker_until_the_turn_is_over)
{
    struct turned_loop turned;
    turned_loop_init(&turned);
    struct budget budget = {.limit = 100};
    struct ear ear = {0};
    struct gate reader = {0};
    struct channel *ch = channel_new(4, 8, &reader, &budget);
    REQUIRE(ch);
    channel_set_drained(ch, on_drained, &ear);
    CHECK_SIZE(channel_put(ch, "0123456789", 10), 8);
    channel_close(ch, turned.loop);
    CHECK_SIZE(budget.used, 0);
    CHECK_SPAN(channel_peek(ch), SPAN("01234567"));
    channel_drop(ch, 8);
    channel_set_taker(ch, NULL, NULL);
    CHECK_SIZE(ear.drained, 0);
    CHECK(reader.holds == HOLD_CHANNEL);
    channel_close(NULL, turned.loop);
    turned_loop_release(&turned);
}

TEST(bulk_passes_in_larger_steps_as_long_as_its_taker_keeps_up)
{
    static const char block[CHANNEL_LIMIT];
    struct gate reader = {0};
    struct channel *ch = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, &reader, NULL);
    REQUIRE(ch != NULL);
    CHECK_SIZE(channel_read_size(ch), CHANNEL_LIMIT);
    while (channel_total(ch) < CHANNEL_BULK_AFTER) {
        CHECK_SIZE(channel_put(ch, block, sizeof block), sizeof block);
        channel_drop(ch, sizeof block);
    }
    CHECK_SIZE(channel_read_size(ch), CHANNEL_BULK);
    CHECK_SIZE(channel_put(ch, block, 1000), 1000); /* it lags */
    CHECK_SIZE(channel_read_size(ch), CHANNEL_LIMIT - 1000);
    CHECK_SIZE(reader.holds, 0);
    CHECK_SIZE(channel_put(ch, block, CHANNEL_LIMIT - 2000), CHANNEL_LIMIT - 2000);
    CHECK_SIZE(channel_read_size(ch), 1000);
    CHECK(reader.holds == HOLD_CHANNEL); /* a read might bring more */
    channel_drop(ch, channel_len(ch));
    CHECK_SIZE(reader.holds, 0);
    channel_free(ch);
}
