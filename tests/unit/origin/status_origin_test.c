#include "culvert/origin/status_origin.h"
#include "harness.h"
#include "support/ask.h"
#include "support/turned_clock.h"

static struct loop *new_loop(const struct turned_clock *clock)
{
    return loop_new(&(struct loop_options){.clock = &clock->clock}, NULL);
}

TEST(the_status_is_the_whole_answer_and_comes_in_a_later_turn)
{
    static const struct {
        const char *method;
        int status;
        int64_t length;
    } cases[] = {
        {"GET", 200}, {"HEAD", 200}, {"POST", 404}, {"GET", 204}, {"GET", 999}, {"GET", 304},
    };
    struct turned_clock clock = turned_clock_make(0);
    struct loop *loop = new_loop(&clock);
    REQUIRE(loop != NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct status_origin origin;
        struct ask ask;
        status_origin_init(&origin, loop, cases[i].status);
        ask_init(&ask, cases[i].method, "/");
        CHECK(ask_send(&ask, &origin.opener)); /* checks that nothing came yet */
        CHECK(settle(loop));
        CHECK_SIZE(ask.status, cases[i].status);
        CHECK_CASE(ask.got.length == LENGTH_UNKNOWN, "%d: length", cases[i].status);
        CHECK(ask.got.ends_here && ask.from == NULL && ask.done);
        CHECK_SIZE(ask.got.fields.count, 0);
        ask_release(&ask);
        CHECK(settle(loop));
    }
    loop_free(loop);
}

TEST(an_interim_status_is_said_and_followed_by_200)
{
    static const int statuses[] = {100, 102, 103, 199};
    struct turned_clock clock = turned_clock_make(0);
    struct loop *loop = new_loop(&clock);
    REQUIRE(loop != NULL);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct status_origin origin;
        struct ask ask;
        status_origin_init(&origin, loop, statuses[i]);
        ask_init(&ask, "GET", "/");
        CHECK(ask_send(&ask, &origin.opener));
        CHECK(settle(loop));
        CHECK(ask.informs == 1 && ask.inform_status == statuses[i]);
        CHECK(ask.status == 200 && ask.got.ends_here && ask.done);
        ask_release(&ask);
        CHECK(settle(loop));
    }
    loop_free(loop);
}

TEST(a_switch_of_protocols_breaks_off_behind_its_head)
{
    struct turned_clock clock = turned_clock_make(0);
    struct loop *loop = new_loop(&clock);
    struct status_origin origin;
    struct ask ask;
    REQUIRE(loop != NULL);
    status_origin_init(&origin, loop, 101);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &origin.opener));
    CHECK(settle(loop));
    CHECK(ask.status == 101 && ask.got.is_unasked && !ask.got.ends_here);
    CHECK(ask.failed && ask.why.kind == ERROR_PROTOCOL && ask.ends == 1);
    ask_release(&ask);
    CHECK(settle(loop));
    loop_free(loop);
}

TEST(a_body_stays_where_it_is_and_a_closed_outbound_is_silent)
{
    struct turned_clock clock = turned_clock_make(0);
    struct loop *loop = new_loop(&clock);
    struct status_origin origin;
    struct ask ask;
    REQUIRE(loop != NULL);
    status_origin_init(&origin, loop, 418);
    for (int closes_early = 0; closes_early < 3; closes_early++) {
        ask_init(&ask, "POST", "/");
        ask_announce(&ask, 3);
        ask_put(&ask, SPAN("abc"));
        ask.closes_first = closes_early == 2;
        CHECK(ask_send(&ask, &origin.opener));
        if (closes_early == 1)
            ask_close(&ask);
        CHECK(settle(loop));
        CHECK_SIZE(ask.status, closes_early == 1 ? 0 : 418);
        CHECK_SIZE(ask.ends, closes_early == 0);
        CHECK_SIZE(channel_len(ask.body.bytes), 3);
        ask_release(&ask);
        CHECK(settle(loop));
    }
    loop_free(loop);
}
