#include "culvert/edge/authority.h"

#include "culvert/base/file.h"
#include "culvert/net/tls_issue.h"
#include "harness.h"
#include "support/place.h"
#include "support/tls_pair.h"
#include "support/turned_clock.h"

#include <sys/stat.h>
#include <unistd.h>

static const uint64_t day = 24ULL * 60 * 60 * 1000;

static mode_t mode_of(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? facts.st_mode & 07777 : 0;
}

TEST(the_first_start_makes_a_ca_and_the_next_one_keeps_it)
{
    struct test_place place = place_make();
    struct error err = {0};
    struct authority *first = authority_open(place.directory, NULL, clock_system(), &err);
    REQUIRE(first);
    CHECK_SIZE(mode_of(place_path(&place, "ca.pem")), 0644);
    CHECK_SIZE(mode_of(place_path(&place, "ca.key")), 0600);

    struct authority *second = authority_open(place.directory, NULL, clock_system(), &err);
    REQUIRE(second);
    CHECK_SPAN(authority_ca_pem(second), authority_ca_pem(first));
    authority_free(second);
    authority_free(first);
    place_remove(&place);
}

TEST(the_tunnel_listener_has_the_names_that_connectors_ask_for)
{
    static const char *const names[] = {"h2.cftunnel.com", "quic.cftunnel.com", "edge.localhost"};
    struct test_place place = place_make();
    struct authority *authority =
        authority_open(place.directory, "edge.localhost", clock_system(), NULL);
    REQUIRE(authority);
    struct tls_server_options server_options = {authority_choose, authority, false};
    struct tls_client_options client_options = {.ca_file = place_path(&place, "ca.pem")};
    tls_pair_check_names(&client_options, &server_options, names, ARRAY_LEN(names));
    authority_free(authority);
    place_remove(&place);
}

TEST(the_tunnel_certificate_is_renewed_when_less_than_a_third_is_left)
{
    struct test_place place = place_make();
    struct turned_clock clock = turned_clock_make(0);
    struct authority *authority = authority_open(place.directory, NULL, &clock.clock, NULL);
    REQUIRE(authority);
    const struct tls_identity *first = authority_choose(authority, "");
    turned_clock_add(&clock, 59 * day);
    CHECK(authority_choose(authority, "") == first);
    turned_clock_add(&clock, 2 * day);
    int64_t from_ms, until_ms;
    tls_identity_validity(authority_choose(authority, ""), &from_ms, &until_ms);
    CHECK(until_ms / 1000 == (clock.calendar_ms + 90 * (int64_t)day) / 1000);
    authority_free(authority);
    place_remove(&place);
}

/* What lies in the state directory before the start, and what the start says to it. */
static void check_start(struct test_place *place, const struct clock *clock, enum error_kind kind,
                        const char *words)
{
    struct error err = {0};
    struct authority *authority = authority_open(place->directory, NULL, clock, &err);
    CHECK(!authority);
    CHECK(err.kind == kind);
    CHECK_CASE(strstr(err.text, words), "%s", err.text);
    authority_free(authority);
}

TEST(a_state_directory_that_lost_something_is_refused_with_a_way_out)
{
    struct test_place place = place_make();
    struct turned_clock clock = turned_clock_make(0);
    struct authority *authority = authority_open(place.directory, NULL, &clock.clock, NULL);
    REQUIRE(authority);
    authority_free(authority);

    REQUIRE(chmod(place_path(&place, "ca.key"), 0620) == 0);
    check_start(&place, &clock.clock, ERROR_DENIED, "ca.key: others may write it");
    REQUIRE(chmod(place_path(&place, "ca.key"), 0600) == 0);

    turned_clock_add(&clock, 3651 * day);
    check_start(&place, &clock.clock, ERROR_INVALID, "has expired: move it and its key away");
    clock = turned_clock_make(0);

    REQUIRE(unlink(place_path(&place, "ca.key")) == 0);
    check_start(&place, &clock.clock, ERROR_INVALID, "ca.key is missing: put it back, or remove ");

    REQUIRE(file_create(place_path(&place, "ca.key"), SPAN("no key"), 0600, NULL));
    check_start(&place, &clock.clock, ERROR_INVALID, "ca.key: no private key in the PEM text");
    place_remove(&place);
}

TEST(a_crash_between_key_and_certificate_is_mended_with_the_key_that_is_there)
{
    struct test_place place = place_make();
    struct buf before = BUF_LIMIT(TLS_PEM_MAX);
    struct buf after = BUF_LIMIT(TLS_PEM_MAX);
    struct authority *authority = authority_open(place.directory, NULL, clock_system(), NULL);
    authority_free(authority);
    REQUIRE(file_read(place_path(&place, "ca.key"), &before, NULL));
    REQUIRE(unlink(place_path(&place, "ca.pem")) == 0);

    authority = authority_open(place.directory, NULL, clock_system(), NULL);
    REQUIRE(authority);
    REQUIRE(file_read(place_path(&place, "ca.key"), &after, NULL));
    CHECK_SPAN(buf_span(&after), buf_span(&before));
    authority_free(authority);
    authority = authority_open(place.directory, NULL, clock_system(), NULL);
    CHECK(authority);
    authority_free(authority);
    buf_wipe(&before);
    buf_wipe(&after);
    place_remove(&place);
}

TEST(a_state_directory_that_is_not_there_is_named)
{
    struct error err = {0};
    CHECK(!authority_open("/nonexistent/state", NULL, clock_system(), &err));
    CHECK_CASE(strstr(err.text, "/nonexistent/state"), "%s", err.text);
    CHECK(err.kind == ERROR_SYSTEM);
}
