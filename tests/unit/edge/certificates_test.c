#include "culvert/edge/certificates.h"

#include "culvert/base/file.h"
#include "culvert/net/tls_issue.h"
#include "harness.h"
#include "support/place.h"
#include "support/tls_pair.h"
#include "support/turned_clock.h"

#include <sys/stat.h>

static const uint64_t day = 24ULL * 60 * 60 * 1000;
static const char *const own_names[] = {"edge.localhost", "127.0.0.1"};

struct shop {
    struct test_place place;
    struct turned_clock clock;
    struct authority *authority;
    struct certificates *certificates;
    bool closed; /* no name is allowed any more */
};

static bool allows_localhost(void *arg, struct span name)
{
    struct shop *shop = arg;
    return !shop->closed && span_ends(name, SPAN(".localhost"));
}

static bool shop_open(struct shop *shop)
{
    *shop = (struct shop){.place = place_make(), .clock = turned_clock_make(0)};
    shop->authority = authority_open(shop->place.directory, NULL, &shop->clock.clock, NULL);
    shop->certificates = certificates_new(
        &(struct certificates_options){
            .authority = shop->authority,
            .own_names = own_names,
            .own_name_count = ARRAY_LEN(own_names),
            .is_allowed = allows_localhost,
            .arg = shop,
            .clock = &shop->clock.clock,
        },
        NULL);
    return shop->certificates != NULL;
}

static void shop_close(struct shop *shop)
{
    certificates_free(shop->certificates);
    authority_free(shop->authority);
    place_remove(&shop->place);
}

static void note_first(void *arg, struct span name)
{
    struct buf *text = arg;
    if (text->len == 0)
        CHECK(buf_put_span(text, name));
}

/* The first name of the certificate that `server_name` gets; "-" for none. */
static void check_choice(struct shop *shop, const char *server_name, const char *want)
{
    struct buf name = BUF_LIMIT(256);
    const struct tls_identity *identity = certificates_choose(shop->certificates, server_name);
    if (identity)
        tls_identity_names(identity, note_first, &name);
    CHECK_CASE(span_equal(identity ? buf_span(&name) : SPAN("-"), span_of(want)),
               "%s gets %s, not %s", server_name, buf_text(&name), want);
    buf_release(&name);
}

/* Writes NAME.pem and NAME.key with a leaf for these names, signed by another CA that may use
 * wildcards: made with the fixture's own means. */
static void write_pair(struct shop *shop, const char *file, struct span chain, struct span key)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s.pem", file);
    REQUIRE(file_replace(place_path(&shop->place, name), chain, 0644, NULL));
    (void)snprintf(name, sizeof name, "%s.key", file);
    REQUIRE(file_replace(place_path(&shop->place, name), key, 0600, NULL));
}

static void write_leaf(struct shop *shop, const char *file, const char *name)
{
    struct tls_fixture fixture;
    struct buf chain = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    tls_fixture_init(&fixture, name);
    CHECK(tls_identity_format(fixture.identity, &chain, &key, NULL));
    write_pair(shop, file, buf_span(&chain), buf_span(&key));
    buf_release(&chain);
    buf_wipe(&key);
    tls_fixture_release(&fixture);
}

static bool load(struct shop *shop, const char *const *files, size_t count, struct error *err)
{
    char paths[4][2][200];
    struct certificate_files pairs[4];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(paths[i][0], 200, "%s/%s.pem", shop->place.directory, files[i]);
        (void)snprintf(paths[i][1], 200, "%s/%s.key", shop->place.directory, files[i]);
        pairs[i] = (struct certificate_files){paths[i][0], paths[i][1]};
    }
    return certificates_load(shop->certificates, pairs, count, err);
}

TEST(our_ca_issues_one_leaf_for_each_allowed_name_and_keeps_it)
{
    struct shop shop;
    REQUIRE(shop_open(&shop));
    check_choice(&shop, "app.localhost", "app.localhost");
    check_choice(&shop, "foreign.example", "-");
    check_choice(&shop, "", "edge.localhost");
    check_choice(&shop, "edge.localhost", "edge.localhost");
    CHECK_SIZE(certificates_count(shop.certificates), 1);
    const struct tls_identity *first = certificates_choose(shop.certificates, "app.localhost");
    CHECK(certificates_choose(shop.certificates, "app.localhost") == first);
    shop_close(&shop);
}

TEST(a_visitor_verifies_the_leaf_with_the_ca_file)
{
    struct shop shop;
    REQUIRE(shop_open(&shop));
    struct tls_server_options server_options = {certificates_choose, shop.certificates, true};
    struct tls_client_options client_options = {.ca_pem = authority_ca_pem(shop.authority)};
    static const char *const names[] = {"app.localhost", "127.0.0.1", "edge.localhost"};
    tls_pair_check_names(&client_options, &server_options, names, ARRAY_LEN(names));
    shop_close(&shop);
}

TEST(a_name_that_is_no_longer_allowed_is_forgotten)
{
    struct shop shop;
    REQUIRE(shop_open(&shop));
    check_choice(&shop, "app.localhost", "app.localhost");
    shop.closed = true;
    check_choice(&shop, "app.localhost", "-");
    CHECK_SIZE(certificates_count(shop.certificates), 0);
    check_choice(&shop, "", "edge.localhost");
    shop_close(&shop);
}

TEST(leaves_are_renewed_when_less_than_a_third_of_their_life_is_left)
{
    struct shop shop;
    int64_t from_ms, until_ms;
    REQUIRE(shop_open(&shop));
    static const char *const names[] = {"app.localhost", ""};
    check_choice(&shop, "app.localhost", "app.localhost");
    turned_clock_add(&shop.clock, 61 * day);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        tls_identity_validity(certificates_choose(shop.certificates, names[i]), &from_ms,
                              &until_ms);
        CHECK_CASE(until_ms > shop.clock.calendar_ms + 89 * (int64_t)day, "\"%s\"", names[i]);
    }
    shop_close(&shop);
}

TEST(the_leaf_that_was_not_asked_for_the_longest_goes_first)
{
    struct shop shop;
    REQUIRE(shop_open(&shop));
    char name[32];
    for (int i = 0; i < CERTIFICATES_MAX; i++) {
        (void)snprintf(name, sizeof name, "n%d.localhost", i);
        REQUIRE(certificates_choose(shop.certificates, name));
    }
    const struct tls_identity *oldest = certificates_choose(shop.certificates, "n0.localhost");
    check_choice(&shop, "one-more.localhost", "one-more.localhost"); /* n1 goes */
    CHECK_SIZE(certificates_count(shop.certificates), CERTIFICATES_MAX);
    CHECK(certificates_choose(shop.certificates, "n0.localhost") == oldest);
    shop_close(&shop);
}

TEST(files_serve_their_names_before_our_ca)
{
    struct shop shop;
    struct error err = {0};
    static const char *const files[] = {"exact", "edge"};
    REQUIRE(shop_open(&shop));
    check_choice(&shop, "app.example", "-");
    write_leaf(&shop, "exact", "app.example");
    write_leaf(&shop, "edge", "edge.localhost");
    const struct tls_identity *own = certificates_choose(shop.certificates, "");
    CHECK_CASE(load(&shop, files, 2, &err), "%s", err.text);
    check_choice(&shop, "app.example", "app.example");
    check_choice(&shop, "other.example", "-");
    CHECK(certificates_choose(shop.certificates, "") != own);
    shop_close(&shop);
}

/* Names a.wild.example and *.wild.example each in a certificate of their own, valid for long. */
TEST(the_exact_name_goes_before_the_wildcard_and_the_wildcard_covers_one_label)
{
    struct shop shop;
    struct error err = {0};
    struct buf chain = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    static const char *const files[] = {"wild", "exact"};
    REQUIRE(shop_open(&shop));
    REQUIRE(file_read(vector_path("tls/wildcard.pem"), &chain, &err));
    REQUIRE(file_read(vector_path("tls/wildcard.key"), &key, &err));
    write_pair(&shop, "wild", buf_span(&chain), buf_span(&key));
    write_leaf(&shop, "exact", "a.wild.example");
    CHECK_CASE(load(&shop, files, 2, &err), "%s", err.text);
    check_choice(&shop, "a.wild.example", "a.wild.example");
    check_choice(&shop, "b.wild.example", "*.Wild.example");
    check_choice(&shop, "c.b.wild.example", "-");
    check_choice(&shop, "wild.example", "-");
    buf_release(&chain);
    buf_wipe(&key);
    shop_close(&shop);
}

TEST(files_that_are_wrong_are_named_and_change_nothing)
{
    struct shop shop;
    static const char *const good[] = {"good"};
    static const char *const bad[] = {"good", "bad"};
    static const struct {
        const char *chain, *key, *text;
    } cases[] = {
        {"nothing", "nothing", "bad.pem with key "},
        {"", "", "no certificate in the PEM text"},
    };
    REQUIRE(shop_open(&shop));
    write_leaf(&shop, "good", "app.example");
    REQUIRE(load(&shop, good, 1, NULL));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        write_pair(&shop, "bad", span_of(cases[i].chain), span_of(cases[i].key));
        CHECK(!load(&shop, bad, 2, &err));
        CHECK_CASE(strstr(err.text, cases[i].text), "%s", err.text);
        check_choice(&shop, "app.example", "app.example");
    }
    struct error err = {0};
    REQUIRE(chmod(place_path(&shop.place, "bad.key"), 0666) == 0);
    CHECK(!load(&shop, bad, 2, &err));
    CHECK(err.kind == ERROR_DENIED);
    static const char *const missing[] = {"missing"};
    CHECK(!load(&shop, missing, 1, &err));
    CHECK_CASE(strstr(err.text, "missing.pem"), "%s", err.text);
    shop_close(&shop);
}
