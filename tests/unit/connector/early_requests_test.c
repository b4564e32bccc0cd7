#include "culvert/connector/early_requests.h"

#include "harness.h"
#include "support/scarce_memory.h"
#include "support/turned_loop.h"

/* An inbound whose owner is watched. */
struct fake_inbound {
    struct inbound in;
    size_t closed, served_as; /* served_as: its place among all that were served, from 1 */
};

struct hall {
    struct turned_loop turned;
    struct early_requests early;
    size_t served;
    size_t last_index;
};

static void on_close(struct inbound *in)
{
    CONTAINER_OF(in, struct fake_inbound, in)->closed++;
}

static const struct inbound_ops ops = {.close = on_close};

static void serve(void *arg, struct inbound *in, size_t index)
{
    struct hall *hall = arg;
    CONTAINER_OF(in, struct fake_inbound, in)->served_as = ++hall->served;
    hall->last_index = index;
}

static void hall_open(struct hall *hall)
{
    *hall = (struct hall){.served = 0};
    turned_loop_init(&hall->turned);
    early_requests_init(&hall->early, hall->turned.loop, serve, hall);
}

static void hall_close(struct hall *hall)
{
    early_requests_release(&hall->early);
    turned_loop_settle(&hall->turned);
    turned_loop_release(&hall->turned);
}

static struct fake_inbound fake(void)
{
    return (struct fake_inbound){.in = {.ops = &ops}};
}

TEST(the_end_serves_all_in_their_order_and_nobody_waits_after_it)
{
    struct hall hall;
    struct fake_inbound asks[3] = {fake(), fake(), fake()};
    hall_open(&hall);
    CHECK(early_requests_hold(&hall.early, &asks[0].in, 0));
    CHECK(early_requests_hold(&hall.early, &asks[1].in, 7));
    CHECK_SIZE(hall.served, 0);
    early_requests_end(&hall.early);
    CHECK(asks[0].served_as == 1 && asks[1].served_as == 2 && hall.last_index == 7);
    CHECK(!early_requests_hold(&hall.early, &asks[2].in, 0));
    CHECK(asks[2].served_as == 0 && asks[2].closed == 0);
    hall_close(&hall);
}

TEST(the_time_counts_from_the_first_one)
{
    struct hall hall;
    struct fake_inbound asks[2] = {fake(), fake()};
    hall_open(&hall);
    turned_loop_pass(&hall.turned, 10ULL * EARLY_WAIT_MS);
    CHECK(early_requests_hold(&hall.early, &asks[0].in, 0));
    turned_loop_pass(&hall.turned, EARLY_WAIT_MS - 1);
    CHECK(early_requests_hold(&hall.early, &asks[1].in, 0));
    CHECK_SIZE(hall.served, 0);
    turned_loop_pass(&hall.turned, 1);
    CHECK_SIZE(hall.served, 2);
    hall_close(&hall);
}

TEST(who_goes_away_or_is_taken_is_not_served)
{
    struct hall hall;
    struct fake_inbound asks[3] = {fake(), fake(), fake()};
    const struct error why = {.kind = ERROR_NETWORK};
    hall_open(&hall);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        CHECK(early_requests_hold(&hall.early, &asks[i].in, i));
    asks[1].in.events->on_aborted(asks[1].in.arg, &why);
    CHECK(asks[1].closed == 1);
    CHECK(early_requests_take(&hall.early) == &asks[0].in);
    early_requests_end(&hall.early);
    CHECK(asks[0].served_as == 0 && asks[1].served_as == 0 && asks[2].served_as == 1);
    CHECK(!early_requests_take(&hall.early));
    hall_close(&hall);
}

TEST(without_memory_a_request_does_not_wait_and_stays_its_owners)
{
    bool held = false;
    for (size_t n = 0; !held; n++) {
        struct hall hall;
        struct fake_inbound one = fake();
        hall_open(&hall);
        scarce_memory_begin(n);
        held = early_requests_hold(&hall.early, &one.in, 0);
        bool failed = scarce_memory_end();
        CHECK(held != failed && (n > 0 || failed));
        CHECK(one.closed == 0 && one.served_as == 0);
        early_requests_end(&hall.early);
        CHECK_SIZE(hall.served, held);
        hall_close(&hall);
    }
}
