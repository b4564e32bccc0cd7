#include "culvert/origin/roster.h"

#include "harness.h"

static struct roster_turn take(struct roster *roster, uint64_t now)
{
    return roster_pick(roster, now, ROSTER_NONE);
}

/* A request that fails at `index`, begun and ended at `now`; how long the address is put aside, 0:
 * it is not. Every other address that is picked works. */
static uint64_t fail_at(struct roster *roster, size_t index, uint64_t now)
{
    for (int i = 0; i < 100; i++) {
        struct roster_turn turn = take(roster, now);
        uint64_t aside = 0;
        if (turn.index != index)
            (void)roster_worked(roster, &turn);
        else if (!roster_failed(roster, &turn, now, &aside))
            aside = 0;
        roster_leave(roster, &turn);
        if (turn.index == index)
            return aside;
    }
    CHECK_CASE(false, "address %zu is never picked", index);
    return 0;
}

/* How many of 100 requests that do not overlap go to `index`. */
static size_t share_of(struct roster *roster, size_t index, uint64_t now)
{
    size_t count = 0;
    for (int i = 0; i < 100; i++) {
        struct roster_turn turn = take(roster, now);
        (void)roster_worked(roster, &turn);
        roster_leave(roster, &turn);
        count += turn.index == index;
    }
    return count;
}

TEST(addresses_take_turns_and_who_has_least_in_hand_goes_first)
{
    struct roster *roster = roster_new(3, NULL, NULL);
    REQUIRE(roster);
    struct roster_turn turns[6];
    size_t in_hand[3] = {0};
    for (size_t i = 0; i < 6; i++) {
        turns[i] = take(roster, 0);
        in_hand[turns[i].index]++;
    }
    for (size_t i = 0; i < 3; i++)
        CHECK_SIZE(in_hand[i], 2);
    roster_leave(roster, &turns[1]);
    roster_leave(roster, &turns[4]);
    CHECK_SIZE(turns[1].index, turns[4].index);
    CHECK_SIZE(take(roster, 0).index, turns[1].index);
    CHECK_SIZE(take(roster, 0).index, turns[1].index);
    roster_free(roster);
}

TEST(an_address_that_fails_three_times_in_a_row_is_put_aside_until_its_trial_works)
{
    struct roster *roster = roster_new(2, NULL, NULL);
    REQUIRE(roster);
    CHECK(fail_at(roster, 1, 0) == 0);
    CHECK(fail_at(roster, 1, 0) == 0);
    uint64_t aside = fail_at(roster, 1, 0);
    CHECK(aside >= ROSTER_ASIDE_MS / 5 && aside <= ROSTER_ASIDE_MS);
    CHECK_SIZE(roster_aside(roster), 1);
    CHECK_SIZE(share_of(roster, 1, aside - 1), 0);
    /* One request finds out; the others go on as before. */
    struct roster_turn trial = take(roster, aside);
    CHECK(trial.index == 1 && trial.is_trial);
    CHECK_SIZE(share_of(roster, 1, aside), 0);
    CHECK(roster_worked(roster, &trial));
    roster_leave(roster, &trial);
    CHECK_SIZE(roster_aside(roster), 0);
    CHECK_SIZE(share_of(roster, 1, aside), 50);
    roster_free(roster);
}

TEST(a_success_between_failures_begins_the_count_anew)
{
    struct roster *roster = roster_new(2, NULL, NULL);
    REQUIRE(roster);
    for (int i = 0; i < 10; i++) {
        CHECK(fail_at(roster, 1, 0) == 0);
        CHECK(fail_at(roster, 1, 0) == 0);
        CHECK(share_of(roster, 1, 0) > 0);
    }
    CHECK_SIZE(roster_aside(roster), 0);
    roster_free(roster);
}

TEST(each_trial_that_fails_doubles_the_time_up_to_a_limit)
{
    struct roster *roster = roster_new(2, NULL, NULL);
    REQUIRE(roster);
    uint64_t now = 0;
    uint64_t longest = 0;
    uint64_t limit = ROSTER_ASIDE_MS;
    for (int i = 0; i < 2; i++)
        CHECK(fail_at(roster, 1, now) == 0);
    for (int i = 0; i < 40; i++) {
        uint64_t aside = fail_at(roster, 1, now);
        CHECK_CASE(aside > 0 && aside <= limit, "%d: %llu ms", i, (unsigned long long)aside);
        now += aside;
        limit = limit * 2 < ROSTER_ASIDE_MAX_MS ? limit * 2 : ROSTER_ASIDE_MAX_MS;
        longest = aside > longest ? aside : longest;
    }
    CHECK(longest > ROSTER_ASIDE_MS);
    roster_free(roster);
}

TEST(what_was_begun_before_an_address_was_put_aside_says_nothing_about_it)
{
    struct roster *roster = roster_new(1, NULL, NULL);
    struct roster_turn turns[6];
    uint64_t aside = 0;
    REQUIRE(roster);
    for (size_t i = 0; i < 6; i++)
        turns[i] = take(roster, 0);
    CHECK(!roster_failed(roster, &turns[0], 0, &aside) &&
          !roster_failed(roster, &turns[1], 0, &aside) &&
          roster_failed(roster, &turns[2], 0, &aside));
    CHECK(!roster_failed(roster, &turns[3], 0, &aside));
    CHECK(!roster_worked(roster, &turns[4]));
    CHECK_SIZE(roster_aside(roster), 1);
    /* It is the only one, so it is picked all the same; that this works says something. */
    struct roster_turn late = take(roster, 0);
    CHECK(late.index == 0 && !late.is_trial);
    CHECK(!roster_failed(roster, &late, 0, &aside));
    CHECK(roster_worked(roster, &late));
    roster_free(roster);
}

TEST(when_all_are_put_aside_all_count_again)
{
    struct roster *roster = roster_new(3, NULL, NULL);
    REQUIRE(roster);
    for (size_t index = 0; index < 3; index++)
        for (int i = 0; i < ROSTER_FAILURES_MAX; i++)
            (void)fail_at(roster, index, 0);
    CHECK_SIZE(roster_aside(roster), 3);
    struct roster_turn turns[3];
    size_t seen = 0;
    for (size_t i = 0; i < 3; i++) {
        turns[i] = take(roster, 0);
        seen |= (size_t)1 << turns[i].index;
    }
    CHECK_SIZE(seen, 7);
    roster_free(roster);
}

TEST(a_second_try_goes_elsewhere_if_there_is_an_elsewhere)
{
    struct roster *roster = roster_new(2, NULL, NULL);
    struct roster *alone = roster_new(1, NULL, NULL);
    REQUIRE(roster && alone);
    for (int i = 0; i < 10; i++) {
        struct roster_turn turn = roster_pick(roster, 0, 1);
        CHECK_SIZE(turn.index, 0);
    }
    CHECK_SIZE(roster_pick(alone, 0, 0).index, 0);
    roster_free(roster);
    roster_free(alone);
}

TEST(an_address_that_is_not_well_by_its_checks_is_left_out_until_it_is)
{
    struct health_board *board = health_board_new(2);
    struct roster *roster = roster_new(2, board, NULL);
    REQUIRE(board && roster);
    health_board_set(board, 1, false);
    CHECK_SIZE(share_of(roster, 1, 0), 0);
    health_board_set(board, 0, false);
    CHECK_SIZE(share_of(roster, 1, 0), 50);
    health_board_set(board, 1, true);
    CHECK_SIZE(share_of(roster, 1, 0), 100);
    roster_free(roster);
    health_board_free(board);
}

TEST(checks_that_find_an_address_well_again_end_its_time_aside)
{
    struct health_board *board = health_board_new(2);
    struct roster *roster = roster_new(2, board, NULL);
    REQUIRE(board && roster);
    for (int i = 0; i < ROSTER_FAILURES_MAX; i++)
        (void)fail_at(roster, 1, 0);
    health_board_set(board, 1, true); /* nothing new */
    CHECK_SIZE(share_of(roster, 1, 0), 0);
    health_board_set(board, 1, false);
    CHECK_SIZE(share_of(roster, 1, 0), 0);
    health_board_set(board, 1, true);
    CHECK_SIZE(share_of(roster, 1, 0), 50);
    CHECK_SIZE(roster_aside(roster), 0);
    roster_free(roster);
    health_board_free(board);
}

TEST(a_trial_whose_visitor_leaves_is_made_by_the_next_request)
{
    struct roster *roster = roster_new(2, NULL, NULL);
    REQUIRE(roster);
    uint64_t aside = 0;
    for (int i = 0; i < ROSTER_FAILURES_MAX; i++)
        aside = fail_at(roster, 0, 0);
    struct roster_turn trial = take(roster, aside);
    CHECK(trial.index == 0 && trial.is_trial);
    roster_leave(roster, &trial);
    trial = take(roster, aside);
    CHECK(trial.index == 0 && trial.is_trial);
    roster_free(roster);
}
