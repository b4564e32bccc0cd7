#include "culvert/net/tls_issue.h"

#include "harness.h"
#include "support/tls_pair.h"
#include "support/turned_clock.h"

#include <openssl/err.h>

/* 2026-01-02T03:04:05Z */
static const int64_t now = 1767323045000;
static const int64_t day = 24LL * 60 * 60 * 1000;

TEST(a_ca_survives_its_way_through_pem)
{
    struct buf certificate = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    struct error err = {0};
    struct tls_issuer *made = tls_issuer_make("Test CA", SPAN_NONE, now, &err);
    REQUIRE(made);
    REQUIRE(tls_issuer_certificate(made, &certificate, &err));
    REQUIRE(tls_issuer_key(made, &key, &err));
    CHECK(span_starts(buf_span(&certificate), SPAN("-----BEGIN CERTIFICATE-----\n")));
    CHECK(span_starts(buf_span(&key), SPAN("-----BEGIN PRIVATE KEY-----\n")));

    struct tls_issuer *read = tls_issuer_parse(buf_span(&certificate), buf_span(&key), &err);
    REQUIRE(read);
    CHECK(tls_issuer_until(read) == now + 3650 * day);
    tls_issuer_free(read);
    tls_issuer_free(made);
    buf_release(&certificate);
    buf_wipe(&key);
}

TEST(a_ca_can_be_made_anew_on_its_old_key)
{
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    struct buf certificate = BUF_LIMIT(TLS_PEM_MAX);
    struct tls_issuer *old = tls_issuer_make("Test CA", SPAN_NONE, now, NULL);
    REQUIRE(old && tls_issuer_key(old, &key, NULL));
    struct tls_issuer *anew = tls_issuer_make("Test CA", buf_span(&key), now, NULL);
    REQUIRE(anew && tls_issuer_certificate(anew, &certificate, NULL));
    struct tls_issuer *read = tls_issuer_parse(buf_span(&certificate), buf_span(&key), NULL);
    CHECK(read);
    tls_issuer_free(read);
    tls_issuer_free(anew);
    tls_issuer_free(old);
    buf_release(&certificate);
    buf_wipe(&key);
}

TEST(what_is_no_ca_is_refused)
{
    struct tls_fixture ours, other;
    struct buf leaf = BUF_LIMIT(TLS_PEM_MAX);
    struct buf leaf_key = BUF_LIMIT(TLS_PEM_MAX);
    struct buf other_key = BUF_LIMIT(TLS_PEM_MAX);
    tls_fixture_init(&ours, "a.example");
    tls_fixture_init(&other, "a.example");
    REQUIRE(tls_identity_format(ours.identity, &leaf, &leaf_key, NULL));
    REQUIRE(tls_issuer_key(other.issuer, &other_key, NULL));
    struct span encrypted = SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n"
                                 "-----END ENCRYPTED PRIVATE KEY-----\n");
    const struct {
        struct span certificate, key;
        const char *text;
    } cases[] = {
        {buf_span(&leaf), buf_span(&leaf_key), "the certificate is not one of a CA"},
        {buf_span(&ours.ca_pem), buf_span(&other_key), "the private key does not belong to the CA"},
        {buf_span(&ours.ca_pem), SPAN(""), "no private key in the PEM text"},
        {buf_span(&ours.ca_pem), encrypted, "the private key is encrypted"},
        {SPAN(""), buf_span(&other_key), "no certificate in the PEM text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        CHECK(!tls_issuer_parse(cases[i].certificate, cases[i].key, &err));
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].text)), "%s", err.text);
        CHECK(err.kind == ERROR_INVALID);
        CHECK(ERR_peek_error() == 0);
    }
    buf_release(&leaf);
    buf_wipe(&leaf_key);
    buf_wipe(&other_key);
    tls_fixture_release(&ours);
    tls_fixture_release(&other);
}

TEST(a_leaf_is_valid_for_ninety_days_and_an_hour_back)
{
    static const char *const names[] = {"a.example"};
    int64_t from_ms, until_ms;
    struct tls_issuer *issuer = tls_issuer_make("Test CA", SPAN_NONE, now, NULL);
    struct tls_identity *leaf = tls_issue(issuer, names, 1, now, NULL);
    REQUIRE(leaf);
    tls_identity_validity(leaf, &from_ms, &until_ms);
    CHECK(from_ms == now - 3600 * 1000LL);
    CHECK(until_ms == now + 90 * day);
    tls_identity_free(leaf);

    leaf = tls_issue(issuer, names, 1, now + 3600 * day, NULL);
    REQUIRE(leaf);
    tls_identity_validity(leaf, &from_ms, &until_ms);
    CHECK(until_ms == tls_issuer_until(issuer));
    tls_identity_free(leaf);
    tls_issuer_free(issuer);
}

static void gather(void *arg, struct span name)
{
    CHECK(buf_put_span(arg, name) && buf_put_char(arg, ' '));
}

TEST(a_leaf_serves_every_name_and_address_it_was_made_for)
{
    static const char *const names[] = {"h2.cftunnel.com", "edge.localhost", "127.0.0.1", "::1",
                                        "a_b.example"};
    struct buf seen = BUF_LIMIT(256);
    struct tls_fixture fixture;
    tls_fixture_init(&fixture, "x.example");
    int64_t unix_ms = clock_system()->unix_ms(clock_system());
    struct tls_identity *leaf = tls_issue(fixture.issuer, names, ARRAY_LEN(names), unix_ms, NULL);
    REQUIRE(leaf);
    tls_identity_names(leaf, gather, &seen);
    CHECK_TEXT(buf_text(&seen), "h2.cftunnel.com edge.localhost a_b.example ");

    struct tls_server_options server_options = {tls_fixture_choose, leaf, false};
    struct tls_client_options client_options = {.ca_pem = buf_span(&fixture.ca_pem)};
    tls_pair_check_names(&client_options, &server_options, names, ARRAY_LEN(names));
    tls_identity_free(leaf);
    buf_release(&seen);
    tls_fixture_release(&fixture);
}

TEST(a_name_that_is_not_exact_and_normal_gets_no_leaf)
{
    static const struct {
        const char *name, *why;
    } cases[] = {
        {"*.example", "wildcards are not exact"},
        {"A.example", "upper case"},
        {"a.example.", "last dot"},
        {"", "nothing"},
        {"a,DNS:b", "a list"},
        {"a b", "a blank"},
        {"http://a", "a URL"},
    };
    struct tls_issuer *issuer = tls_issuer_make("Test CA", SPAN_NONE, now, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        CHECK_CASE(!tls_issue(issuer, &cases[i].name, 1, now, &err), "%s", cases[i].why);
        CHECK(err.kind == ERROR_INVALID);
    }
    CHECK(!tls_issue(issuer, NULL, 0, now, NULL));
    tls_issuer_free(issuer);
}

TEST(a_chain_and_key_survive_their_way_through_pem)
{
    struct buf chain = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    struct buf again = BUF_LIMIT(TLS_PEM_MAX);
    struct tls_fixture fixture;
    tls_fixture_init(&fixture, "a.example");
    REQUIRE(tls_identity_format(fixture.identity, &chain, &key, NULL));
    REQUIRE(buf_put_span(&chain, buf_span(&fixture.ca_pem))); /* the CA may follow its leaf */

    struct tls_identity *read = tls_identity_parse(buf_span(&chain), buf_span(&key), NULL);
    REQUIRE(read);
    REQUIRE(tls_identity_format(read, &again, NULL, NULL));
    CHECK_SPAN(buf_span(&again), buf_span(&chain));
    tls_identity_free(read);
    buf_release(&chain);
    buf_release(&again);
    buf_wipe(&key);
    tls_fixture_release(&fixture);
}

TEST(a_chain_with_a_foreign_key_is_refused)
{
    struct error err = {0};
    struct buf chain = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    struct tls_fixture ours, other;
    tls_fixture_init(&ours, "a.example");
    tls_fixture_init(&other, "a.example");
    REQUIRE(tls_identity_format(ours.identity, &chain, NULL, NULL));
    REQUIRE(tls_identity_format(other.identity, NULL, &key, NULL));
    CHECK(!tls_identity_parse(buf_span(&chain), buf_span(&key), &err));
    CHECK_TEXT(err.text, "the private key does not belong to the first certificate");
    CHECK(ERR_peek_error() == 0);
    buf_release(&chain);
    buf_wipe(&key);
    tls_fixture_release(&ours);
    tls_fixture_release(&other);
}
