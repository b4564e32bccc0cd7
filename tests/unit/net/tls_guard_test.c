/* A client of OpenSSL's own that keeps a server busy without saying anything. */
#include "culvert/base/file.h"
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_ear.h"
#include "support/tls_pair.h"
#include "support/turned_loop.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

struct scene {
    struct turned_loop turned;
    struct tls_fixture fixture;
    struct tls_context *context;
    struct conn_ear server;
    struct raw_peer peer;
    SSL_CTX *client_context;
    SSL *client;
    size_t gone;
    enum conn_cut cut;
};

static void on_gone(void *arg, enum conn_cut cut)
{
    struct scene *scene = arg;
    scene->gone++;
    scene->cut = cut;
}

static void close_when_lost(struct conn_ear *ear, char letter)
{
    if (letter != 'l')
        return;
    conn_close(ear->conn);
    ear->conn = NULL;
    ear->done = true;
}

struct name_case {
    const char *server_name, *name;
    bool served;
};

static const struct tls_identity *choose(void *arg, const char *server_name)
{
    const struct scene *scene = arg;
    (void)server_name;
    return scene->fixture.identity;
}

static void scene_begin(struct scene *scene, int version)
{
    struct error err;
    *scene = (struct scene){0};
    turned_loop_init(&scene->turned);
    tls_fixture_init(&scene->fixture, "edge.example");
    const struct tls_server_options options = {.choose = choose, .arg = scene};
    scene->context = tls_server_new(&options, &err);
    scene->client_context = SSL_CTX_new(TLS_client_method());
    if (!scene->context || !scene->client_context)
        abort();
    (void)SSL_CTX_set_max_proto_version(scene->client_context, version);
    conn_ear_open(&scene->server, scene->turned.loop, raw_peer_open(&scene->peer));
    scene->server.act = close_when_lost;
    conn_on_gone(scene->server.conn, on_gone, scene);
    CHECK(conn_start_tls(scene->server.conn, scene->context, NULL, 10 * 1000, &err));
    scene->client = SSL_new(scene->client_context);
    if (!scene->client || SSL_set_fd(scene->client, scene->peer.fd) != 1)
        abort();
    SSL_set_connect_state(scene->client);
}

/* In place of the fixture's; borrowed. */
static void scene_take_identity(struct scene *scene, struct tls_identity *identity)
{
    REQUIRE(identity);
    tls_identity_free(scene->fixture.identity);
    scene->fixture.identity = identity;
}

static void scene_shake(struct scene *scene, const char *server_name)
{
    char name[64]; /* the library's macro takes it as mutable */
    if (server_name) {
        (void)snprintf(name, sizeof name, "%s", server_name);
        (void)SSL_set_tlsext_host_name(scene->client, name);
    }
    for (int i = 0; i < 10 && SSL_do_handshake(scene->client) != 1; i++)
        turned_loop_settle(&scene->turned);
    turned_loop_settle(&scene->turned);
    CHECK(SSL_is_init_finished(scene->client));
    CHECK_SIZE(scene->server.opened, 1);
}

static void scene_end(struct scene *scene)
{
    SSL_free(scene->client);
    SSL_CTX_free(scene->client_context);
    ERR_clear_error();
    conn_ear_release(&scene->server);
    raw_peer_close(&scene->peer);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
    tls_context_unref(scene->context);
    tls_fixture_release(&scene->fixture);
}

TEST(who_renegotiates_is_cut_off)
{
    struct scene scene;
    scene_begin(&scene, TLS1_2_VERSION);
    scene_shake(&scene, "edge.example");
    CHECK(SSL_write(scene.client, "before", 6) == 6);
    turned_loop_settle(&scene.turned);
    CHECK_SPAN(buf_span(&scene.server.got), SPAN("before"));
    CHECK(SSL_renegotiate(scene.client) == 1);
    (void)SSL_do_handshake(scene.client);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.gone, 1);
    CHECK(scene.cut == CONN_CUT_RENEGOTIATION);
    CHECK(scene.server.why.kind == ERROR_LIMIT);
    scene_end(&scene);
}

static void write_all(struct scene *scene, const char *data, size_t len)
{
    while (len > 0 && scene->gone == 0) {
        int n = SSL_write(scene->client, data, len < 8192 ? (int)len : 8192);
        if (n > 0)
            len -= (size_t)n;
        turned_loop_settle(&scene->turned);
    }
}

/* Changes its keys again and again; how often until it was cut off. */
static size_t change_keys(struct scene *scene, size_t times, const char *data, size_t len)
{
    for (size_t i = 0; i < times; i++) {
        if (scene->gone > 0)
            return i;
        CHECK(SSL_key_update(scene->client, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
        (void)SSL_do_handshake(scene->client);
        if (len > 0)
            write_all(scene, data, len);
        turned_loop_settle(&scene->turned);
        buf_clear(&scene->server.got);
    }
    return times;
}

TEST(who_changes_keys_all_the_time_is_cut_off_and_a_busy_peer_may)
{
    static const char data[128 * 1024];
    static const struct {
        size_t len;
        bool is_cut;
    } cases[] = {{0, true}, {1, true}, {sizeof data, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene, TLS1_3_VERSION);
        scene_shake(&scene, "edge.example");
        size_t times = change_keys(&scene, 100, data, cases[i].len);
        CHECK_CASE((times < 100) == cases[i].is_cut && times >= 32, "%zu times with %zu bytes",
                   times, cases[i].len);
        CHECK(scene.cut == (cases[i].is_cut ? CONN_CUT_MESSAGES : CONN_CUT_NONE));
        scene_end(&scene);
    }
}

TEST(a_thousand_small_records_with_data_are_no_offence)
{
    struct scene scene;
    scene_begin(&scene, TLS1_3_VERSION);
    scene_shake(&scene, "edge.example");
    for (int i = 0; i < 1000; i++) {
        CHECK(SSL_write(scene.client, "x", 1) == 1);
        if (i % 100 == 0)
            turned_loop_settle(&scene.turned);
    }
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.server.got.len, 1000);
    CHECK_SIZE(scene.gone, 0);
    scene_end(&scene);
}

TEST(a_hello_without_end_is_cut_off)
{
    /* A ClientHello that names 64 KiB, in records of 8 KiB. */
    static unsigned char record[5 + 8192] = {22, 3, 1, 0x20, 0, 1, 0, 0xff, 0xff, 3, 3};
    struct scene scene;
    scene_begin(&scene, TLS1_3_VERSION);
    for (size_t i = 0; i < 8 && scene.gone == 0; i++) {
        (void)raw_peer_put(&scene.peer, span_make(record, sizeof record));
        memset(record + 5, 0, sizeof record - 5);
        turned_loop_settle(&scene.turned);
    }
    CHECK_SIZE(scene.gone, 1);
    CHECK(scene.cut == CONN_CUT_HELLO);
    CHECK_SIZE(scene.server.opened, 0);
    scene_end(&scene);
}

TEST(a_handshake_that_takes_too_long_is_cut_off)
{
    struct scene scene;
    scene_begin(&scene, TLS1_3_VERSION);
    turned_loop_pass(&scene.turned, 10 * 1000);
    CHECK(scene.gone == 1 && scene.cut == CONN_CUT_HANDSHAKE);
    scene_end(&scene);
}

static void check_names(const struct name_case *cases, size_t count, struct tls_identity *identity)
{
    for (size_t i = 0; i < count; i++) {
        struct scene scene;
        scene_begin(&scene, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
        scene_take_identity(&scene, identity);
        scene_shake(&scene, cases[i].server_name);
        CHECK_CASE(conn_serves_name(scene.server.conn, span_of(cases[i].name)) == cases[i].served,
                   "%s with %s", cases[i].name, cases[i].server_name ? cases[i].server_name : "-");
        scene.fixture.identity = NULL;
        scene_end(&scene);
    }
    tls_identity_free(identity);
}

TEST(a_connection_serves_the_names_of_its_certificate)
{
    static const char *const names[] = {"edge.example", "localhost", "127.0.0.1"};
    static const struct name_case cases[] = {
        {"edge.example", "edge.example", true},
        {"edge.example", "localhost", true},
        {"edge.example", "other.example", false},
        {"edge.example", "127.0.0.1", true},
        {"edge.example", "127.0.0.2", false},
        {"edge.example", "a.edge.example", false},
        {NULL, "edge.example", true},
        {NULL, "other.example", true},
        {NULL, "127.0.0.1", true},
        {"Edge.Example", "edge.example", true},
    };
    int64_t now = clock_system()->unix_ms(clock_system());
    struct tls_issuer *issuer = tls_issuer_make("Test CA", SPAN_NONE, now, NULL);
    check_names(cases, ARRAY_LEN(cases), tls_issue(issuer, names, ARRAY_LEN(names), now, NULL));
    tls_issuer_free(issuer);
}

TEST(a_wildcard_serves_one_label)
{
    static const struct name_case cases[] = {
        {"b.wild.example", "b.wild.example", true},
        {"b.wild.example", "c.wild.example", true},
        {"b.wild.example", "wild.example", false},
        {"b.wild.example", "c.d.wild.example", false},
    };
    struct buf chain = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    struct error err;
    REQUIRE(file_read(TEST_VECTORS "/tls/wildcard.pem", &chain, &err) &&
            file_read(TEST_VECTORS "/tls/wildcard.key", &key, &err));
    check_names(cases, ARRAY_LEN(cases),
                tls_identity_parse(buf_span(&chain), buf_span(&key), &err));
    buf_release(&chain);
    buf_release(&key);
}
