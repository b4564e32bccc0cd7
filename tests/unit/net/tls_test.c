#include "culvert/net/tls.h"

#include "harness.h"
#include "support/tls_pair.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

struct party {
    struct tls_fixture fixture;
    struct tls_context *server;
    struct tls_context *client;
    struct tls_pair pair;
};

/* A server with a leaf for `name` and a client that trusts its CA. */
static bool meet(struct party *party, const char *name, bool http2)
{
    *party = (struct party){0};
    tls_fixture_init(&party->fixture, name);
    party->server = tls_server_new(
        &(struct tls_server_options){tls_fixture_choose, party->fixture.identity, http2}, NULL);
    party->client =
        tls_client_new(&(struct tls_client_options){.ca_pem = buf_span(&party->fixture.ca_pem),
                                                    .http2_alpn = http2},
                       NULL);
    return party->server && party->client;
}

static void part(struct party *party)
{
    tls_pair_close(&party->pair);
    tls_context_unref(party->client);
    tls_context_unref(party->server);
    tls_fixture_release(&party->fixture);
}

TEST(a_client_that_trusts_the_ca_and_asks_for_the_right_name_gets_through)
{
    struct party p;
    REQUIRE(meet(&p, "h2.cftunnel.com", false));
    tls_pair_open(&p.pair, p.client, "h2.cftunnel.com", p.server);
    CHECK(tls_pair_talks(&p.pair));
    CHECK_TEXT(SSL_get_version(p.pair.client), "TLSv1.3");
    CHECK_SPAN(tls_session_protocol(p.pair.client), SPAN(""));
    part(&p);
}

TEST(tls_1_2_works_with_the_suites_that_http2_allows)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    struct tls_pair_client old = {p.client, "a.example", TLS1_2_VERSION, NULL};
    tls_pair_open_with(&p.pair, &old, p.server);
    CHECK(tls_pair_talks(&p.pair));
    CHECK_TEXT(SSL_get_version(p.pair.client), "TLSv1.2");
    CHECK_TEXT(SSL_get_cipher_name(p.pair.client), "ECDHE-ECDSA-AES128-GCM-SHA256");
    part(&p);
}

TEST(tls_1_1_is_refused)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    struct tls_pair_client old = {p.client, "a.example", TLS1_1_VERSION, NULL};
    tls_pair_open_with(&p.pair, &old, p.server);
    CHECK_TEXT(p.pair.client_error.text,
               "TLS: the peer refused with the alert \"protocol version\"");
    part(&p);
}

TEST(a_certificate_that_does_not_fit_is_named_in_one_sentence)
{
    static const struct {
        const char *leaf, *asked, *text;
    } cases[] = {
        {"a.example", "b.example",
         "certificate of the peer: hostname mismatch, it is not for b.example"},
        {"a.example", "127.0.0.1",
         "certificate of the peer: IP address mismatch, it is not for 127.0.0.1"},
        {"127.0.0.2", "127.0.0.1",
         "certificate of the peer: IP address mismatch, it is not for 127.0.0.1"},
        {"127.0.0.1", "localhost",
         "certificate of the peer: hostname mismatch, it is not for localhost"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct party p;
        REQUIRE(meet(&p, cases[i].leaf, false));
        tls_pair_open(&p.pair, p.client, cases[i].asked, p.server);
        CHECK(!p.pair.done);
        CHECK(p.pair.client_error.kind == ERROR_PROTOCOL);
        CHECK_TEXT(p.pair.client_error.text, cases[i].text);
        CHECK(p.pair.server_error.kind == ERROR_PROTOCOL);
        CHECK(ERR_peek_error() == 0);
        part(&p);
    }
}

TEST(an_address_is_verified_but_never_sent_as_a_server_name)
{
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct party p;
        REQUIRE(meet(&p, addresses[i], false));
        tls_pair_open(&p.pair, p.client, addresses[i], p.server);
        CHECK_CASE(tls_pair_talks(&p.pair), "%s: %s", addresses[i], p.pair.client_error.text);
        CHECK(SSL_get_servername(p.pair.server, TLSEXT_NAMETYPE_host_name) == NULL);
        part(&p);
    }
}

TEST(a_name_of_a_server_is_sent_without_its_last_dot_and_in_lower_case)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    tls_pair_open(&p.pair, p.client, "A.Example.", p.server);
    CHECK(tls_pair_talks(&p.pair));
    CHECK_TEXT(SSL_get_servername(p.pair.server, TLSEXT_NAMETYPE_host_name), "a.example");
    part(&p);
}

TEST(what_cannot_be_a_name_makes_no_session)
{
    static const char *const names[] = {"", ".", "a b", "a/b", "[::1]", "b\xc3\xbc"};
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct error err = {0};
        CHECK_CASE(!tls_session_new(p.client, names[i], &err), "\"%s\"", names[i]);
        CHECK(err.kind == ERROR_INVALID);
    }
    part(&p);
}

TEST(an_unknown_issuer_is_refused_unless_nothing_is_verified)
{
    struct party p, other;
    REQUIRE(meet(&p, "a.example", false));
    REQUIRE(meet(&other, "a.example", false));
    tls_pair_open(&p.pair, other.client, "a.example", p.server);
    CHECK_TEXT(p.pair.client_error.text,
               "certificate of the peer: unable to get local issuer certificate");
    CHECK_TEXT(p.pair.server_error.text, "TLS: the peer refused with the alert \"unknown CA\"");
    tls_pair_close(&p.pair);

    struct tls_context *careless =
        tls_client_new(&(struct tls_client_options){.no_verify = true}, NULL);
    REQUIRE(careless);
    tls_pair_open(&p.pair, careless, "b.example", p.server);
    CHECK(tls_pair_talks(&p.pair));
    CHECK_TEXT(SSL_get_servername(p.pair.server, TLSEXT_NAMETYPE_host_name), "b.example");
    tls_context_unref(careless);
    part(&other);
    part(&p);
}

struct asked {
    char name[64];
    const struct tls_identity *answer;
};

static const struct tls_identity *note_name(void *arg, const char *server_name)
{
    struct asked *asked = arg;
    (void)snprintf(asked->name, sizeof asked->name, "%s", server_name);
    return asked->answer;
}

TEST(the_server_asks_for_an_identity_and_refuses_names_without_one)
{
    struct party p;
    struct asked asked = {.name = "?"};
    REQUIRE(meet(&p, "a.example", false));
    struct tls_context *server =
        tls_server_new(&(struct tls_server_options){.choose = note_name, .arg = &asked}, NULL);
    REQUIRE(server);
    tls_pair_open(&p.pair, p.client, "a.example", server);
    CHECK_TEXT(asked.name, "a.example");
    CHECK_TEXT(p.pair.client_error.text,
               "TLS: the peer refused with the alert \"unrecognized name\"");
    tls_pair_close(&p.pair);

    asked.answer = p.fixture.identity;
    tls_pair_open(&p.pair, p.client, NULL, server);
    CHECK_TEXT(asked.name, "");
    CHECK(tls_pair_talks(&p.pair));
    tls_pair_close(&p.pair);
    tls_context_unref(server);
    part(&p);
}

TEST(alpn_prefers_h2_and_refuses_who_offers_neither)
{
    static const struct {
        const char *offered, *agreed; /* NULL: refused */
    } cases[] = {
        {"\x02h2\x08http/1.1", "h2"}, {"\x08http/1.1\x02h2", "h2"},
        {"\x08http/1.1", "http/1.1"}, {"\x03spx\x08http/1.1", "http/1.1"},
        {"\x02h3\x08http/1.0", NULL}, {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct party p;
        REQUIRE(meet(&p, "a.example", true));
        struct tls_pair_client offering = {p.client, "a.example", 0, cases[i].offered};
        tls_pair_open_with(&p.pair, &offering, p.server);
        CHECK_CASE(p.pair.done == (cases[i].agreed != NULL), "case %zu", i);
        if (cases[i].agreed)
            CHECK_SPAN(tls_session_protocol(p.pair.server), span_of(cases[i].agreed));
        else
            CHECK_TEXT(p.pair.client_error.text,
                       "TLS: the peer refused with the alert \"no application protocol\"");
        part(&p);
    }
}

TEST(a_client_that_offers_alpn_gets_h2)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", true));
    tls_pair_open(&p.pair, p.client, "a.example", p.server);
    CHECK_SPAN(tls_session_protocol(p.pair.client), SPAN("h2"));
    part(&p);
}

TEST(nothing_is_kept_for_resumption)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    tls_pair_open(&p.pair, p.client, "a.example", p.server);
    REQUIRE(tls_pair_talks(&p.pair));
    CHECK(!SSL_SESSION_has_ticket(SSL_get_session(p.pair.client)));
    CHECK(!SSL_SESSION_is_resumable(SSL_get_session(p.pair.client)));
    part(&p);
}

TEST(a_context_lives_until_its_last_reference)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    struct tls_context *second = tls_context_ref(p.client);
    tls_context_unref(p.client);
    tls_pair_open(&p.pair, second, "a.example", p.server);
    CHECK(p.pair.done);
    part(&p);
}

TEST(bytes_that_are_not_tls_are_called_that)
{
    struct error err = {0};
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    SSL *client = tls_session_new(p.client, "a.example", NULL);
    BIO *in = BIO_new_mem_buf("HTTP/1.1 400 Bad Request\r\n\r\n", -1);
    SSL_set_bio(client, in, BIO_new(BIO_s_null()));
    CHECK(SSL_do_handshake(client) != 1);
    CHECK(!tls_session_error(client, &err));
    CHECK_TEXT(err.text, "TLS: the peer does not speak TLS");
    CHECK(err.kind == ERROR_PROTOCOL);
    SSL_free(client);
    part(&p);
}

TEST(a_transport_that_fails_is_a_failure_of_the_network)
{
    static const struct {
        int cause;
        const char *text;
    } cases[] = {
        {ECONNRESET, "TLS: Connection reset by peer"},
        {0, "TLS: the peer closed the connection"},
        {EAGAIN, "TLS: the peer closed the connection"},
    };
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    SSL *client = tls_session_new(p.client, "a.example", NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        ERR_clear_error();
        errno = cases[i].cause;
        CHECK(!tls_session_error(client, &err));
        CHECK(err.kind == ERROR_NETWORK);
        CHECK_TEXT(err.text, cases[i].text);
    }
    SSL_free(client);
    part(&p);
}

TEST(a_client_context_refuses_roots_that_are_none)
{
    static const struct {
        struct tls_client_options options;
        const char *text;
    } cases[] = {
        {{.ca_pem = SPAN_INIT("hello")}, "CA certificates: no certificate in the PEM text"},
        {{.ca_file = "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"},
        {{.ca_file = "/dev/null"}, "no certificate"},
        {{.http2_alpn = true}, "no CA certificate to verify the peer with"},
        {{.ca_pem = SPAN_INIT("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")},
         "CA certificates: certificate 1 of the PEM text: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        CHECK(!tls_client_new(&cases[i].options, &err));
        CHECK_CASE(strstr(err.text, cases[i].text), "case %zu: %s", i, err.text);
        CHECK(ERR_peek_error() == 0);
    }
}

TEST(the_roots_of_the_machine_can_be_joined_by_others)
{
    struct party p;
    REQUIRE(meet(&p, "a.example", false));
    struct tls_context *both = tls_client_new(
        &(struct tls_client_options){.system_roots = true, .ca_pem = buf_span(&p.fixture.ca_pem)},
        NULL);
    REQUIRE(both);
    tls_pair_open(&p.pair, both, "a.example", p.server);
    CHECK(p.pair.done);
    tls_context_unref(both);
    part(&p);
}

TEST(post_quantum_only_either_works_or_says_what_is_missing)
{
    struct error err = {0};
    struct tls_client_options options = {.no_verify = true, .post_quantum_only = true};
    struct tls_context *context = tls_client_new(&options, &err);
    if (OpenSSL_version_num() < 0x30500000L) {
        CHECK(!context);
        CHECK(strstr(err.text, "post-quantum key agreement needs OpenSSL 3.5 or later, this is "));
    } else {
        CHECK(context);
    }
    tls_context_unref(context);
}
