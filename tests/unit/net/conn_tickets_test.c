/* What a server says behind its handshake comes in pieces: nothing can be sealed until the message
 * is whole, and then what waited for it leaves. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_ear.h"
#include "support/tls_pair.h"
#include "support/turned_loop.h"

#include <openssl/ssl.h>
#include <unistd.h>

enum { FRAGMENT = 512, TICKET = 2000, RECORD_HEAD = 5, WIRE_MAX = 16 * 1024 };

struct scene {
    struct turned_loop turned;
    struct tls_fixture fixture;
    struct tls_context *contexts[2];
    struct conn_ear client;
    SSL *server; /* played by hand */
    BIO *in, *out;
    int wire;
};

/* As of a server that keeps its client's certificates in its tickets. */
static int fill_ticket(SSL *server, void *arg)
{
    static const char bytes[TICKET] = "";
    (void)arg;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(server), bytes, sizeof bytes);
}

static void scene_begin(struct scene *scene)
{
    int ends[2];
    struct error err;
    *scene = (struct scene){0};
    turned_loop_init(&scene->turned);
    tls_fixture_init(&scene->fixture, "origin.example");
    scene->contexts[0] = tls_client_new(&(struct tls_client_options){.no_verify = true}, &err);
    scene->contexts[1] = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = scene->fixture.identity},
        &err);
    REQUIRE(scene->contexts[0] && scene->contexts[1]);
    scene->server = tls_session_new(scene->contexts[1], NULL, &err);
    scene->in = BIO_new(BIO_s_mem());
    scene->out = BIO_new(BIO_s_mem());
    REQUIRE(scene->server && scene->in && scene->out);
    SSL_set_bio(scene->server, scene->in, scene->out);
    SSL_clear_options(scene->server, SSL_OP_NO_TICKET);
    REQUIRE(SSL_set_num_tickets(scene->server, 1) == 1 &&
            SSL_set_max_send_fragment(scene->server, FRAGMENT) == 1 &&
            SSL_CTX_set_session_ticket_cb(SSL_get_SSL_CTX(scene->server), fill_ticket, NULL,
                                          NULL) == 1);
    memory_pair(ends);
    scene->wire = ends[1];
    conn_ear_open(&scene->client, scene->turned.loop, ends[0]);
    REQUIRE(conn_start_tls(scene->client.conn, scene->contexts[0], NULL, 0, &err));
}

static void scene_end(struct scene *scene)
{
    conn_ear_release(&scene->client);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
    SSL_free(scene->server);
    (void)close(scene->wire);
    tls_context_unref(scene->contexts[0]);
    tls_context_unref(scene->contexts[1]);
    tls_fixture_release(&scene->fixture);
}

/* What the client said reaches the server. */
static void hear(struct scene *scene)
{
    char bytes[WIRE_MAX];
    ssize_t n = read(scene->wire, bytes, sizeof bytes);
    if (n > 0)
        REQUIRE(BIO_write(scene->in, bytes, (int)n) == n);
}

/* The next `most` bytes of the server's reach the client. */
static size_t speak(struct scene *scene, size_t most)
{
    char bytes[WIRE_MAX];
    int n = BIO_read(scene->out, bytes, (int)(most < sizeof bytes ? most : sizeof bytes));
    if (n > 0)
        CHECK(write(scene->wire, bytes, (size_t)n) == n);
    turned_loop_settle(&scene->turned);
    return n > 0 ? (size_t)n : 0;
}

/* Until the server has shaken hands; its ticket has not left then. */
static void shake_hands(struct scene *scene)
{
    for (int i = 0; i < 10 && !SSL_is_init_finished(scene->server); i++) {
        turned_loop_settle(&scene->turned);
        hear(scene);
        (void)SSL_do_handshake(scene->server);
        while (!SSL_is_init_finished(scene->server) && speak(scene, WIRE_MAX) > 0)
            ;
    }
    REQUIRE(SSL_is_init_finished(scene->server) && scene->client.opened == 1);
}

TEST(what_is_put_within_a_message_of_many_records_leaves_when_it_is_whole)
{
    struct scene scene;
    char word[16] = "";
    scene_begin(&scene);
    shake_hands(&scene);
    REQUIRE(BIO_ctrl_pending(scene.out) > TICKET);
    REQUIRE(speak(&scene, FRAGMENT + 100) == FRAGMENT + 100); /* a record of the ticket, and more */
    REQUIRE(conn_put(scene.client.conn, "request", 7));
    turned_loop_settle(&scene.turned);
    while (speak(&scene, WIRE_MAX) > 0)
        ;
    hear(&scene);
    CHECK(SSL_read(scene.server, word, sizeof word) == 7);
    CHECK_TEXT(word, "request");
    CHECK_SIZE(scene.client.lost, 0);
    scene_end(&scene);
}
