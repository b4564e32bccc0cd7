/* What a visitor can do to TLS before and beside HTTP: each is ended by a limit that is counted. A
 * name that the certificate is not for is refused, and the connection goes on. */
#include "culvert/net/sockets.h"
#include "support/siege.h"

#include "harness.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

/* A client of OpenSSL's own, turned by the condition that is waited for. */
struct client {
    struct siege *siege;
    SSL_CTX *context;
    SSL *session;
    int fd;
    /* What it does when it has shaken hands, again and again. */
    void (*act)(struct client *client);
    bool ended;
};

static void client_begin(struct client *client, struct siege *siege, int version)
{
    const struct sockets *sockets = loop_sockets(siege->loop);
    *client = (struct client){.siege = siege};
    (void)signal(SIGPIPE, SIG_IGN); /* the library writes to who is gone */
    client->fd = sockets->connect(sockets, &siege->https, NULL);
    client->context = SSL_CTX_new(TLS_client_method());
    client->session = client->context ? SSL_new(client->context) : NULL;
    if (client->fd == -1 || !client->session || SSL_set_fd(client->session, client->fd) != 1)
        abort();
    (void)SSL_set_max_proto_version(client->session, version);
    (void)SSL_set_tlsext_host_name(client->session, SIEGE_NAME);
    SSL_set_connect_state(client->session);
}

static void client_end(struct client *client)
{
    SSL_free(client->session);
    SSL_CTX_free(client->context);
    ERR_clear_error();
    (void)close(client->fd);
}

static bool is_over(void *arg)
{
    struct client *client = arg;
    ERR_clear_error();
    if (client->ended)
        return true;
    if (!SSL_is_init_finished(client->session))
        (void)SSL_do_handshake(client->session);
    else
        client->act(client);
    client->ended = client->ended || sockets_peer_left(client->fd);
    return client->ended;
}

static void renegotiate(struct client *client)
{
    (void)SSL_renegotiate(client->session);
    (void)SSL_do_handshake(client->session);
}

static void change_keys(struct client *client)
{
    (void)SSL_key_update(client->session, SSL_KEY_UPDATE_REQUESTED);
    (void)SSL_do_handshake(client->session);
}

/* ---- in clear under what should be TLS ---- */

static void begin_half_hello(struct attacker *attacker)
{
    static const char half[] = {22, 3, 1, 2, 0, 1, 0, 1, (char)0xfc, 3, 3};
    if (!buf_put(&attacker->out, half, sizeof half))
        abort();
}

/* A ClientHello of 64 KiB, in records of 8 KiB. */
static void put_record(struct attacker *attacker)
{
    static const char first[] = {22, 3, 1, 0x20, 0, 1, 0, (char)0xff, (char)0xff, 3, 3};
    static const char zeros[8 * 1024];
    size_t len = attacker->round == 0 ? sizeof first : 5;
    if (!buf_put(&attacker->out, first, len) ||
        !buf_put(&attacker->out, zeros, sizeof zeros + 5 - len))
        abort();
}

/* The last one shakes hands and is silent then. */
static const struct attack attacks[] = {
    {.name = "tls-silent", .limit = "handshake_time"},
    {.name = "tls-half-hello", .limit = "handshake_time", .begin = begin_half_hello},
    {.name = "tls-long-hello", .limit = "tls_hello", .more = put_record},
    {.name = "tls-handshake", .limit = "silent"},
};

enum { OF_EACH = 75, FLOOD = OF_EACH * (int)ARRAY_LEN(attacks) };

static bool attacker_is_over(void *arg)
{
    return attacker_is_ended(arg);
}

static bool flood_is_over(void *arg)
{
    struct attacker *flood = arg;
    bool all = true;
    for (size_t i = 0; i < FLOOD; i++)
        all = attacker_is_ended(&flood[i]) && all;
    return all;
}

static void attack_at_once(struct siege *siege)
{
    static struct attacker flood[FLOOD];
    struct attacker_options target = {.at = siege->https, .authority = SIEGE_NAME};
    for (size_t i = 0; i < FLOOD; i++) {
        const struct attack *attack = &attacks[i % ARRAY_LEN(attacks)];
        target.tls = strcmp(attack->limit, "silent") == 0 ? siege->tls_h1 : NULL;
        attacker_begin(&flood[i], siege->loop, attack, &target);
    }
    CHECK(siege_until(siege, flood_is_over, flood));
    CHECK(siege_abuse(siege, "handshake_time") == 2 * OF_EACH);
    CHECK(siege_abuse(siege, "tls_hello") == OF_EACH);
    CHECK(siege_abuse(siege, "silent") == OF_EACH);
    for (size_t i = 0; i < FLOOD; i++)
        attacker_end(&flood[i]);
}

static void attack_with(struct siege *siege, int version, void (*act)(struct client *client),
                        const char *limit)
{
    struct client client;
    client_begin(&client, siege, version);
    client.act = act;
    CHECK_CASE(siege_until(siege, is_over, &client), "%s: it is not ended", limit);
    CHECK_CASE(siege_abuse(siege, limit) == 1, "%s does not rise", limit);
    client_end(&client);
}

static struct siege *opened(struct siege *siege)
{
    static const char *const flags[] = {"--config", TEST_VECTORS "/edge/impatient.yml", NULL};
    bool up = siege_open(siege, flags);
    CHECK(up);
    return up ? siege : NULL;
}

TEST(tls_without_a_request_is_ended_by_its_limits)
{
    static struct siege siege;
    if (opened(&siege)) {
        attack_at_once(&siege);
        attack_with(&siege, TLS1_2_VERSION, renegotiate, "tls_renegotiation");
        attack_with(&siege, TLS1_3_VERSION, change_keys, "tls_messages");
        CHECK(siege_serves(&siege, 2));
    }
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}

/* ---- names ---- */

static void ask_misdirected(struct attacker *attacker)
{
    if (!buf_put_span(&attacker->out, SPAN("GET /hello HTTP/1.1\r\nHost: " SIEGE_NAME
                                           "\r\n\r\nGET / HTTP/1.1\r\nHost: edge.localhost\r\n"
                                           "Connection: close\r\n\r\n")))
        abort();
}

static void ask_misdirected_h2(struct attacker *attacker)
{
    static const char *const fields[] = {":method",  "GET",   ":scheme", "https", ":authority",
                                         SIEGE_NAME, ":path", "/hello",  NULL};
    wire_put_headers(&attacker->out, 1, WIRE_END_STREAM, fields);
}

static bool has_answer(void *arg)
{
    const struct attacker *attacker = arg;
    return attacker->ended || attacker->answers > 0;
}

TEST(a_name_that_the_certificate_is_not_for_is_misdirected)
{
    static const struct attack h1 = {.name = "misdirected", .begin = ask_misdirected};
    static const struct attack h2 = {
        .name = "misdirected-h2", .h2 = true, .begin = ask_misdirected_h2};
    static struct siege siege;
    struct attacker attacker;
    if (opened(&siege)) {
        struct attacker_options target = siege_target(&siege, true);
        target.authority = "edge.localhost"; /* the name in TLS */
        attacker_begin(&attacker, siege.loop, &h2, &target);
        CHECK(siege_until(&siege, has_answer, &attacker));
        CHECK(!attacker.ended);
        CHECK(siege_metric(&siege, "culvert_edge_requests_total{code=\"421\"}") == 1);
        CHECK(siege_abuse(&siege, "misdirected") == 1);
        attacker_end(&attacker);
        target.tls = siege.tls_h1;
        attacker_begin(&attacker, siege.loop, &h1, &target);
        CHECK(siege_until(&siege, attacker_is_over, &attacker));
        /* The edge's own name is still answered on the same connection. */
        CHECK(span_starts(buf_span(&attacker.text), SPAN("HTTP/1.1 421 Misdirected Request\r\n")));
        CHECK(strstr(buf_text(&attacker.text), "HTTP/1.1 404 Not Found\r\n"));
        CHECK(siege_abuse(&siege, "misdirected") == 2);
        attacker_end(&attacker);
        CHECK(siege_serves(&siege, 2));
    }
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}
