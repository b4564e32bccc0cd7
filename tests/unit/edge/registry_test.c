/* Which connection of a tunnel a request is given to. */
#include "culvert/edge/registry.h"
#include "culvert/http/h2_life.h"

#include "harness.h"
#include "support/h2_scene.h"

#include <stdlib.h>

enum { CONNECTIONS = 3 };

/* Connections of one tunnel, with a connector's end each. */
struct held {
    struct registry *registry;
    struct h2_scene scenes[CONNECTIONS];
    struct registered entries[CONNECTIONS];
};

static const struct uuid tunnel_id = {{1}};

static void begin(struct held *held)
{
    held->registry = registry_new();
    REQUIRE(held->registry);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        h2_scene_begin(&held->scenes[i]);
        held->entries[i] = (struct registered){.tunnel_id = tunnel_id,
                                               .connection_id = uuid_make(),
                                               .session = held->scenes[i].client.session};
        CHECK(registry_add(held->registry, &held->entries[i], NULL));
    }
}

static void end(struct held *held)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        registry_remove(held->registry, &held->entries[i]);
        h2_scene_end(&held->scenes[i]);
    }
    registry_free(held->registry);
}

/* Its place among the entries; CONNECTIONS: there is none. */
static size_t pick(struct held *held, const struct uuid *not_this)
{
    const struct registered *entry = registry_pick(held->registry, &tunnel_id, not_this);
    return entry ? (size_t)(entry - held->entries) : CONNECTIONS;
}

TEST(connections_that_are_equally_busy_take_turns)
{
    static struct held held;
    begin(&held);
    for (size_t i = 0; i < 2 * (size_t)CONNECTIONS; i++)
        CHECK_SIZE(pick(&held, NULL), i % CONNECTIONS);
    end(&held);
}

TEST(the_connection_with_the_fewest_streams_is_picked)
{
    static struct held held;
    struct ask asks[CONNECTIONS];
    begin(&held);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        ask_init(&asks[i], "GET", "/");
        CHECK(buf_put_span(&asks[i].head.scheme, SPAN("https")));
        CHECK(ask_send(&asks[i], &held.scenes[i].opener));
        turned_loop_settle(&held.scenes[i].turned);
    }
    ask_close(&asks[1]);
    turned_loop_settle(&held.scenes[1].turned);
    for (size_t i = 0; i < 3; i++)
        CHECK_SIZE(pick(&held, NULL), 1);
    for (size_t i = 0; i < CONNECTIONS; i++)
        ask_release(&asks[i]);
    end(&held);
}

TEST(a_connection_that_failed_one_already_or_is_leaving_is_not_picked)
{
    static struct held held;
    begin(&held);
    const struct uuid *first = &held.entries[0].connection_id;
    CHECK_SIZE(pick(&held, first), 1);
    h2_session_goaway(held.scenes[1].client.session);
    CHECK_SIZE(pick(&held, first), 2);
    CHECK_SIZE(pick(&held, first), 2);
    registry_remove(held.registry, &held.entries[2]);
    CHECK_SIZE(pick(&held, first), CONNECTIONS);
    CHECK_SIZE(pick(&held, NULL), 0);
    end(&held);
}

/* The scenes have clocks of their own. */
TEST(a_silent_connection_is_asked_for_a_sign_of_life_and_only_picked_when_all_are_silent)
{
    static struct held held;
    begin(&held);
    for (size_t i = 0; i < 2; i++)
        turned_loop_pass(&held.scenes[i].turned, H2_DOUBT_AFTER_MS);
    CHECK(registry_has_other(held.registry, &held.entries[0]));
    CHECK(!registry_has_other(held.registry, &held.entries[2]));
    for (size_t i = 0; i < 3; i++)
        CHECK_SIZE(pick(&held, NULL), 2);
    turned_loop_settle(&held.scenes[1].turned); /* it answers, the first one does not */
    CHECK(!h2_session_is_silent(held.entries[1].session));
    CHECK_SIZE(pick(&held, NULL), 1);
    CHECK_SIZE(pick(&held, NULL), 2);
    for (size_t i = 1; i < CONNECTIONS; i++)
        turned_loop_pass(&held.scenes[i].turned, H2_DOUBT_AFTER_MS);
    CHECK_SIZE(pick(&held, NULL), 0);
    end(&held);
}

TEST(a_tunnel_without_connections_is_unknown)
{
    static struct held held;
    const struct uuid other = {{2}};
    begin(&held);
    CHECK(!registry_pick(held.registry, &other, NULL));
    CHECK_SIZE(registry_count(held.registry), CONNECTIONS);
    for (size_t i = 0; i < CONNECTIONS; i++)
        registry_remove(held.registry, &held.entries[i]);
    CHECK_SIZE(registry_count(held.registry), 0);
    CHECK_SIZE(pick(&held, NULL), CONNECTIONS);
    end(&held);
}

TEST(the_number_of_tunnels_is_bounded)
{
    struct registry *registry = registry_new();
    struct registered *entries = calloc(REGISTRY_TUNNELS_MAX + 1, sizeof *entries);
    struct error err = {0};
    REQUIRE(registry && entries);
    for (size_t i = 0; i <= REGISTRY_TUNNELS_MAX; i++) {
        memcpy(entries[i].tunnel_id.bytes, &i, sizeof i);
        CHECK_CASE(registry_add(registry, &entries[i], &err) == (i < REGISTRY_TUNNELS_MAX),
                   "tunnel %zu", i);
    }
    CHECK(err.kind == ERROR_LIMIT);
    CHECK_TEXT(err.text, "more than 10000 tunnels are connected");
    registry_remove(registry, &entries[0]);
    CHECK(registry_add(registry, &entries[REGISTRY_TUNNELS_MAX], &err));
    for (size_t i = 1; i <= REGISTRY_TUNNELS_MAX; i++)
        registry_remove(registry, &entries[i]);
    CHECK_SIZE(registry_count(registry), 0);
    registry_free(registry);
    free(entries);
}
