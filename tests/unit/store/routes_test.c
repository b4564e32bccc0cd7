#include "culvert/store/routes.h"

#include "harness.h"
#include "support/stored.h"

static enum store_route_put put(struct stored *s, const char *hostname, int tunnel, bool overwrite)
{
    struct store_route_new what = {.hostname = span_of(hostname),
                                   .zone_id = span_of(s->zone.id),
                                   .tunnel_id = stored_id(tunnel),
                                   .overwrite = overwrite,
                                   .now_ms = 10 + tunnel};
    return store_routes_put(s->db, &what, NULL);
}

TEST(a_name_goes_to_one_tunnel_and_to_another_only_when_asked_to_overwrite)
{
    struct stored s = stored_open();
    CHECK(stored_tunnel(&s, 1, "one", 1) == STORE_OK);
    CHECK(stored_tunnel(&s, 2, "two", 1) == STORE_OK);
    CHECK(put(&s, "app.example.com", 1, false) == STORE_ROUTE_NEW);
    CHECK(put(&s, "app.example.com", 1, false) == STORE_ROUTE_UNCHANGED);
    CHECK(put(&s, "app.example.com", 2, false) == STORE_ROUTE_EXISTS);
    CHECK(put(&s, "app.example.com", 1, true) == STORE_ROUTE_UNCHANGED);
    CHECK(put(&s, "app.example.com", 2, true) == STORE_ROUTE_UPDATED);
    struct store_route_list list;
    CHECK(store_routes_list(s.db, &list, NULL) == STORE_OK);
    REQUIRE(list.count == 1);
    struct uuid second = stored_id(2);
    CHECK_TEXT(list.items[0].hostname, "app.example.com");
    CHECK_TEXT(list.items[0].zone_id, s.zone.id);
    CHECK(uuid_equal(&list.items[0].tunnel_id, &second));
    CHECK(list.items[0].created_ms == 11 && list.items[0].changed_ms == 12);
    store_route_list_release(&list);
    stored_close(&s);
}

TEST(a_route_needs_a_live_tunnel_of_the_account_of_its_zone)
{
    struct stored s = stored_open();
    struct store_tunnel tunnel;
    struct store_tunnel_delete gone = {s.account.id, stored_id(1), true, 5};
    CHECK(put(&s, "app.example.com", 1, true) == STORE_ROUTE_NO_TUNNEL);
    CHECK(stored_tunnel(&s, 1, "one", 1) == STORE_OK);
    CHECK(store_tunnels_delete(s.db, &gone, &tunnel, NULL) == STORE_OK);
    CHECK(put(&s, "app.example.com", 1, true) == STORE_ROUTE_NO_TUNNEL);
    CHECK(stored_tunnel(&s, 2, "two", 1) == STORE_OK);
    (void)snprintf(s.zone.id, sizeof s.zone.id, "unknown");
    CHECK(put(&s, "app.example.com", 2, true) == STORE_ROUTE_NO_TUNNEL);
    stored_close(&s);
}

TEST(a_name_that_is_not_normalised_is_refused)
{
    struct stored s = stored_open();
    struct error err = {0};
    struct store_route_new what = {.hostname = SPAN("App.example.com"),
                                   .zone_id = span_of(s.zone.id),
                                   .tunnel_id = stored_id(1)};
    CHECK(stored_tunnel(&s, 1, "one", 1) == STORE_OK);
    CHECK(store_routes_put(s.db, &what, &err) == STORE_ROUTE_FAILED);
    CHECK(err.kind == ERROR_INVALID);
    what.hostname = SPAN("");
    CHECK(store_routes_put(s.db, &what, &err) == STORE_ROUTE_FAILED);
    CHECK(err.kind == ERROR_INVALID);
    stored_close(&s);
}

TEST(the_routes_of_a_tunnel_are_removed_together_and_no_others)
{
    struct stored s = stored_open();
    struct uuid first = stored_id(1);
    size_t removed = 0;
    CHECK(stored_tunnel(&s, 1, "one", 1) == STORE_OK);
    CHECK(stored_tunnel(&s, 2, "two", 1) == STORE_OK);
    CHECK(put(&s, "b.example.com", 1, false) == STORE_ROUTE_NEW);
    CHECK(put(&s, "*.example.com", 1, false) == STORE_ROUTE_NEW);
    CHECK(put(&s, "a.example.com", 2, false) == STORE_ROUTE_NEW);
    CHECK(store_routes_remove_tunnel(s.db, &first, &removed, NULL) == STORE_OK);
    CHECK_SIZE(removed, 2);
    CHECK(store_routes_remove_tunnel(s.db, &first, &removed, NULL) == STORE_OK);
    CHECK_SIZE(removed, 0);
    struct store_route_list list;
    CHECK(store_routes_list(s.db, &list, NULL) == STORE_OK);
    REQUIRE(list.count == 1);
    CHECK_TEXT(list.items[0].hostname, "a.example.com");
    store_route_list_release(&list);
    stored_close(&s);
}

TEST(hundreds_of_routes_are_listed_by_name)
{
    enum { ROUTES = 300 };
    struct stored s = stored_open();
    CHECK(stored_tunnel(&s, 1, "one", 1) == STORE_OK);
    for (int i = 0; i < ROUTES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "h%03d.example.com", (i * 7) % ROUTES);
        CHECK(put(&s, name, 1, false) == STORE_ROUTE_NEW);
    }
    struct store_route_list list;
    CHECK(store_routes_list(s.db, &list, NULL) == STORE_OK);
    REQUIRE(list.count == ROUTES);
    CHECK_TEXT(list.items[ROUTES - 1].hostname, "h299.example.com");
    store_route_list_release(&list);
    stored_close(&s);
}
