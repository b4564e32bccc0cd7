#include "culvert/edge/presence.h"

#include "harness.h"

static const struct uuid web = {{1}}, mail = {{2}};

TEST(a_tunnel_that_nobody_holds_is_nowhere)
{
    struct presence *presence = presence_new(3);
    REQUIRE(presence);
    CHECK(presence_pick(presence, &web, 0) == PRESENCE_NONE);
    CHECK_SIZE(presence_count(presence, &web, presence_bit(1)), 0);
    CHECK(presence_set(presence, &web, 1, 0));
    CHECK_SIZE(presence_tunnels(presence), 0);
    presence_free(presence);
}

TEST(workers_are_picked_as_often_as_they_hold_connections)
{
    struct presence *presence = presence_new(3);
    size_t picked[3] = {0};
    REQUIRE(presence);
    CHECK(presence_set(presence, &web, 0, 1));
    CHECK(presence_set(presence, &web, 2, 3));
    for (int i = 0; i < 40; i++) {
        int worker = presence_pick(presence, &web, 0);
        REQUIRE(worker >= 0 && worker < 3);
        picked[worker]++;
    }
    CHECK_SIZE(picked[0], 10);
    CHECK_SIZE(picked[1], 0);
    CHECK_SIZE(picked[2], 30);
    presence_free(presence);
}

TEST(who_asks_for_another_worker_never_gets_itself)
{
    struct presence *presence = presence_new(3);
    REQUIRE(presence);
    CHECK(presence_set(presence, &web, 1, 4));
    CHECK(presence_pick(presence, &web, presence_bit(1)) == PRESENCE_NONE);
    CHECK(presence_set(presence, &web, 2, 1));
    for (int i = 0; i < 10; i++)
        CHECK(presence_pick(presence, &web, presence_bit(1)) == 2);
    CHECK(presence_pick(presence, &mail, presence_bit(1)) == PRESENCE_NONE);
    presence_free(presence);
}

TEST(a_tunnel_is_forgotten_with_its_last_connection)
{
    struct presence *presence = presence_new(2);
    REQUIRE(presence);
    CHECK(presence_set(presence, &web, 0, 2));
    CHECK(presence_set(presence, &web, 1, 1));
    CHECK(presence_set(presence, &mail, 1, 1));
    CHECK_SIZE(presence_tunnels(presence), 2);
    CHECK(presence_set(presence, &web, 0, 0));
    CHECK(presence_pick(presence, &web, 0) == 1);
    CHECK(presence_set(presence, &web, 1, 0));
    CHECK_SIZE(presence_tunnels(presence), 1);
    CHECK(presence_pick(presence, &web, 0) == PRESENCE_NONE);
    presence_free(presence);
}
