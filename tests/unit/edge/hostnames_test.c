#include "culvert/edge/hostnames.h"

#include "harness.h"

TEST(a_visitors_authority_becomes_the_name_of_a_route)
{
    static const struct {
        const char *authority, *name; /* NULL: refused */
    } cases[] = {
        {"app.example.com", "app.example.com"},
        {"App.EXAMPLE.com", "app.example.com"},
        {"app.example.com.", "app.example.com"},
        {"app.example.com.:8443", "app.example.com"},
        {"app.localhost:8080", "app.localhost"},
        {"localhost", "localhost"},
        {"a_b.example", "a_b.example"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"127.0.0.1:8080", "127.0.0.1"},
        {"[::1]:8080", "::1"},
        {"[0:0::1]", "::1"},
        {"", NULL},
        {".", NULL},
        {":80", NULL},
        {"a..b", NULL},
        {".a", NULL},
        {"a.b..", NULL},
        {"a b", NULL},
        {"a/b", NULL},
        {"*.example", NULL},
        {"b\xc3\xbc"
         "cher.example",
         NULL},
        {"user@app.example", NULL},
        {"app.example:", NULL},
        {"app.example:99999", NULL},
        {"[::1", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[STORE_HOSTNAME_SIZE];
        bool ok = hostname_normalise(span_of(cases[i].authority), name);
        CHECK_CASE(ok == (cases[i].name != NULL), "%s", cases[i].authority);
        if (ok && cases[i].name)
            CHECK_TEXT(name, cases[i].name);
    }
}

TEST(a_name_of_253_characters_fits_and_one_of_254_does_not)
{
    char long_name[STORE_HOSTNAME_SIZE + 2];
    char name[STORE_HOSTNAME_SIZE];
    memset(long_name, 'a', sizeof long_name);
    CHECK(hostname_normalise(span_make(long_name, 253), name));
    CHECK(!hostname_normalise(span_make(long_name, 254), name));
}

static struct store_route route(const char *hostname, unsigned char tunnel)
{
    struct store_route route = {.tunnel_id = {{tunnel}}};
    (void)snprintf(route.hostname, sizeof route.hostname, "%s", hostname);
    return route;
}

/* The number of the tunnel, 0: none. */
static unsigned tunnel_of(const struct hostnames *hostnames, const char *name)
{
    const struct uuid *id = hostnames_find(hostnames, span_of(name));
    return id ? id->bytes[0] : 0;
}

TEST(exact_names_go_before_wildcards_and_near_wildcards_before_far_ones)
{
    static const struct {
        const char *name;
        unsigned tunnel;
        const char *why;
    } cases[] = {
        {"app.example.com", 1, "the exact name"},
        {"other.example.com", 2, "the wildcard of the parent"},
        {"a.b.example.com", 3, "the nearer wildcard"},
        {"x.a.b.example.com", 3, "a wildcard stands for several labels"},
        {"b.example.com", 2, "the name of a wildcard is not in it"},
        {"c.d.example.com", 2, "the far wildcard when no near one fits"},
        {"example.com", 0, "the parent itself has no route"},
        {"com", 0, "one label"},
        {"notexample.com", 0, "labels are compared as a whole"},
        {"*.example.com", 2, "as written in the route"},
        {"", 0, "nothing"},
    };
    struct store_route routes[] = {route("app.example.com", 1), route("*.example.com", 2),
                                   route("*.b.example.com", 3)};
    struct hostnames *hostnames = hostnames_new(routes, ARRAY_LEN(routes), NULL);
    REQUIRE(hostnames);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(tunnel_of(hostnames, cases[i].name) == cases[i].tunnel, "%s: %s", cases[i].name,
                   cases[i].why);
    hostnames_unref(hostnames);
}

TEST(a_table_without_routes_knows_no_name)
{
    struct hostnames *hostnames = hostnames_new(NULL, 0, NULL);
    REQUIRE(hostnames);
    CHECK_SIZE(hostnames_count(hostnames), 0);
    CHECK(tunnel_of(hostnames, "a.example") == 0);
    hostnames_unref(hostnames);
}

TEST(a_table_lives_until_its_last_owner_lets_go)
{
    struct store_route routes[] = {route("a.example", 1), route("b.example", 2)};
    struct hostnames *hostnames = hostnames_new(routes, 2, NULL);
    REQUIRE(hostnames);
    CHECK_SIZE(hostnames_count(hostnames), 2);
    struct hostnames *shared = hostnames_ref(hostnames);
    hostnames_unref(hostnames);
    CHECK(tunnel_of(shared, "b.example") == 2);
    hostnames_unref(shared);
}
