#include "culvert/store/tunnels.h"

#include "harness.h"
#include "support/stored.h"

TEST(a_tunnel_is_found_by_id_and_by_name)
{
    struct stored s = stored_open();
    struct error err = {0};
    struct store_tunnel tunnel;
    struct uuid id = stored_id(1);
    CHECK(stored_tunnel(&s, 1, "web", 77) == STORE_OK);
    CHECK(store_tunnels_find(s.db, s.account.id, &id, &tunnel, &err) == STORE_OK);
    CHECK_TEXT(tunnel.name, "web");
    CHECK_TEXT(tunnel.account_id, s.account.id);
    CHECK(tunnel.created_ms == 77 && tunnel.deleted_ms == 0);
    CHECK(store_tunnels_find_name(s.db, s.account.id, SPAN("web"), &tunnel, &err) == STORE_OK);
    CHECK(uuid_equal(&tunnel.id, &id));
    CHECK(store_tunnels_find_name(s.db, s.account.id, SPAN("Web"), &tunnel, &err) == STORE_NONE);
    CHECK(store_tunnels_find(s.db, "another", &id, &tunnel, &err) == STORE_NONE);
    stored_close(&s);
}

TEST(a_name_is_taken_until_its_tunnel_is_deleted)
{
    struct stored s = stored_open();
    struct store_tunnel tunnel;
    struct store_tunnel_delete gone = {s.account.id, stored_id(1), false, 5};
    CHECK(stored_tunnel(&s, 1, "web", 1) == STORE_OK);
    CHECK(stored_tunnel(&s, 2, "web", 2) == STORE_EXISTS);
    CHECK(stored_tunnel(&s, 2, "WEB", 2) == STORE_OK);
    CHECK(store_tunnels_delete(s.db, &gone, &tunnel, NULL) == STORE_OK);
    CHECK(stored_tunnel(&s, 3, "web", 6) == STORE_OK);
    stored_close(&s);
}

TEST(names_and_secrets_have_bounds)
{
    struct stored s = stored_open();
    char longest[STORE_TUNNEL_NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    static const char secret[STORE_TUNNEL_SECRET_MAX + 1];
    const struct {
        struct span name, secret;
        bool ok;
    } cases[] = {
        {SPAN(""), span_make(secret, 32), false},
        {span_make(longest, sizeof longest), span_make(secret, 32), false},
        {span_make(longest, sizeof longest - 1), span_make(secret, 32), true},
        {SPAN("a"), span_make(secret, STORE_TUNNEL_SECRET_MIN - 1), false},
        {SPAN("a"), span_make(secret, STORE_TUNNEL_SECRET_MAX + 1), false},
        {SPAN("a"), span_make(secret, STORE_TUNNEL_SECRET_MAX), true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct store_tunnel tunnel;
        struct store_tunnel_new what = {s.account.id, uuid_make(), cases[i].name, cases[i].secret,
                                        1};
        enum store_result result = store_tunnels_create(s.db, &what, &tunnel, &err);
        CHECK_CASE((result == STORE_OK) == cases[i].ok, "case %zu: %s", i, err.text);
        CHECK_CASE(cases[i].ok || err.kind == ERROR_INVALID, "case %zu", i);
    }
    stored_close(&s);
}

TEST(the_secret_is_given_back_until_the_tunnel_is_deleted)
{
    struct stored s = stored_open();
    struct store_tunnel tunnel;
    struct uuid id = stored_id(1);
    struct buf secret = BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    struct store_tunnel_delete gone = {s.account.id, id, false, 5};
    CHECK(stored_tunnel(&s, 1, "web", 1) == STORE_OK);
    CHECK(store_tunnels_secret(s.db, span_of(s.account.id), &id, &secret, NULL) == STORE_OK);
    CHECK_SPAN(buf_span(&secret), SPAN("0123456789abcdef0123456789abcdef"));
    CHECK(store_tunnels_secret(s.db, SPAN("another"), &id, &secret, NULL) == STORE_NONE);
    CHECK(store_tunnels_delete(s.db, &gone, &tunnel, NULL) == STORE_OK);
    CHECK(store_tunnels_secret(s.db, span_of(s.account.id), &id, &secret, NULL) == STORE_NONE);
    buf_wipe(&secret);
    stored_close(&s);
}

TEST(a_tunnel_with_routes_is_deleted_only_with_them)
{
    struct stored s = stored_open();
    struct error err = {0};
    struct store_tunnel tunnel;
    struct store_route_list routes;
    struct store_tunnel_delete what = {s.account.id, stored_id(1), false, 9};
    struct store_route_new route = {.hostname = SPAN("app.example.com"),
                                    .zone_id = span_of(s.zone.id),
                                    .tunnel_id = stored_id(1)};
    CHECK(stored_tunnel(&s, 1, "web", 1) == STORE_OK);
    CHECK(store_routes_put(s.db, &route, &err) == STORE_ROUTE_NEW);
    CHECK(store_tunnels_delete(s.db, &what, &tunnel, &err) == STORE_IN_USE);
    CHECK(store_tunnels_find(s.db, s.account.id, &what.id, &tunnel, &err) == STORE_OK);
    CHECK(tunnel.deleted_ms == 0);
    what.cascade = true;
    CHECK(store_tunnels_delete(s.db, &what, &tunnel, &err) == STORE_OK);
    CHECK(tunnel.deleted_ms == 9);
    CHECK_TEXT(tunnel.name, "web");
    CHECK(store_routes_list(s.db, &routes, &err) == STORE_OK);
    CHECK_SIZE(routes.count, 0);
    store_route_list_release(&routes);
    CHECK(store_tunnels_delete(s.db, &what, &tunnel, &err) == STORE_NONE);
    CHECK(store_tunnels_find(s.db, s.account.id, &what.id, &tunnel, &err) == STORE_OK);
    CHECK(tunnel.deleted_ms == 9);
    what.id = stored_id(2);
    CHECK(store_tunnels_delete(s.db, &what, &tunnel, &err) == STORE_NONE);
    CHECK(database_check(s.db, &err));
    stored_close(&s);
}

/* The last hex digit of each listed tunnel's id, in order. */
static void check_listed(struct stored *s, const struct store_tunnel_filter *filter,
                         const char *want, const char *why)
{
    struct store_tunnel_list list;
    struct error err = {0};
    char got[32] = "";
    CHECK_CASE(store_tunnels_list(s->db, filter, &list, &err) == STORE_OK, "%s: %s", why, err.text);
    for (size_t i = 0; i < list.count && i < sizeof got - 1; i++)
        got[i] = (char)('0' + list.items[i].id.bytes[15]);
    CHECK_CASE(strcmp(got, want) == 0, "%s: %s, not %s", why, got, want);
    store_tunnel_list_release(&list);
}

TEST(a_list_holds_what_meets_every_condition)
{
    struct stored s = stored_open();
    const char *const a = s.account.id;
    struct store_tunnel tunnel;
    struct store_tunnel_delete gone = {a, stored_id(3), false, 50};
    struct uuid second = stored_id(2);
    struct uuid third = stored_id(3);
    CHECK(stored_tunnel(&s, 2, "web-2", 20) == STORE_OK);
    CHECK(stored_tunnel(&s, 1, "web", 10) == STORE_OK);
    CHECK(stored_tunnel(&s, 3, "old", 30) == STORE_OK);
    CHECK(stored_tunnel(&s, 4, "w%_b", 40) == STORE_OK);
    CHECK(store_tunnels_delete(s.db, &gone, &tunnel, NULL) == STORE_OK);
    const struct {
        struct store_tunnel_filter filter;
        const char *want, *why;
    } cases[] = {
        {{.account_id = a}, "1234", "everything, oldest first"},
        {{.account_id = "another"}, "", "of another account"},
        {{.account_id = a, .life = STORE_TUNNELS_LIVE}, "124", "the live ones"},
        {{.account_id = a, .life = STORE_TUNNELS_DELETED}, "3", "the deleted ones"},
        {{.account_id = a, .name = SPAN("web")}, "1", "the name is exact"},
        {{.account_id = a, .name = SPAN("WEB")}, "", "with its case"},
        {{.account_id = a, .name = SPAN("")}, "", "an empty name is a condition, too"},
        {{.account_id = a, .name_prefix = SPAN("web")}, "12", "a prefix"},
        {{.account_id = a, .name_prefix = SPAN("w%")}, "4", "signs of patterns are no patterns"},
        {{.account_id = a, .name_prefix = SPAN("w"), .exclude_prefix = SPAN("web")}, "4", "both"},
        {{.account_id = a, .id = &second}, "2", "an id"},
        {{.account_id = a, .id = &third, .life = STORE_TUNNELS_LIVE}, "", "an id, but live"},
        {{.account_id = a, .existed_at_ms = 35}, "123", "at a time before a deletion"},
        {{.account_id = a, .existed_at_ms = 50}, "124", "at the time of a deletion"},
        {{.account_id = a, .existed_at_ms = 9}, "", "before all"},
        {{.account_id = a, .per_page = 3}, "123", "the first page"},
        {{.account_id = a, .per_page = 3, .page = 2}, "4", "the second page"},
        {{.account_id = a, .per_page = 3, .page = 3}, "", "behind the last page"},
        {{.account_id = a, .per_page = 2, .page = UINT64_MAX}, "", "far behind the last page"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_listed(&s, &cases[i].filter, cases[i].want, cases[i].why);
    stored_close(&s);
}

TEST(a_page_says_how_many_there_are_on_all_pages)
{
    struct stored s = stored_open();
    struct store_tunnel_list list;
    for (int i = 1; i <= 5; i++) {
        char name[] = "t0";
        name[1] = (char)('0' + i);
        CHECK(stored_tunnel(&s, i, name, i) == STORE_OK);
    }
    struct store_tunnel_filter filter = {.account_id = s.account.id, .per_page = 2, .page = 3};
    CHECK(store_tunnels_list(s.db, &filter, &list, NULL) == STORE_OK);
    CHECK_SIZE(list.count, 1);
    CHECK_SIZE(list.total, 5);
    store_tunnel_list_release(&list);
    stored_close(&s);
}
