/* See the header. Bytes cross over a pair of memory BIOs. */
#include "support/tls_pair.h"

#include "harness.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { TURNS_MAX = 20 };

/* True: nothing more to do for this side, done or failed. */
static bool shake(SSL *session, struct error *err)
{
    if (err->kind != ERROR_NONE || SSL_is_init_finished(session))
        return true;
    ERR_clear_error();
    int code = SSL_do_handshake(session);
    int why = SSL_get_error(session, code);
    if (code == 1)
        return true;
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return false;
    (void)tls_session_error(session, err);
    return true;
}

static void distort(SSL *client, const struct tls_pair_client *how)
{
    if (how->version_max != 0) {
        SSL_set_security_level(client, 0);
        (void)SSL_set_min_proto_version(client, how->version_max);
        (void)SSL_set_max_proto_version(client, how->version_max);
        (void)SSL_set_cipher_list(client, "ALL");
    }
    if (how->offered)
        (void)SSL_set_alpn_protos(client, (const unsigned char *)how->offered,
                                  (unsigned)strlen(how->offered));
}

void tls_pair_open(struct tls_pair *pair, struct tls_context *client, const char *server_name,
                   struct tls_context *server)
{
    tls_pair_open_with(pair, &(struct tls_pair_client){client, server_name, 0, NULL}, server);
}

void tls_pair_open_with(struct tls_pair *pair, const struct tls_pair_client *client,
                        struct tls_context *server)
{
    BIO *near = NULL;
    BIO *far = NULL;
    *pair = (struct tls_pair){0};
    pair->client = tls_session_new(client->context, client->server_name, &pair->client_error);
    pair->server = tls_session_new(server, NULL, &pair->server_error);
    if (!pair->client || !pair->server)
        return;
    distort(pair->client, client);
    assert(BIO_new_bio_pair(&near, 65536, &far, 65536) == 1);
    SSL_set_bio(pair->client, near, near);
    SSL_set_bio(pair->server, far, far);
    for (int i = 0; i < TURNS_MAX; i++) {
        (void)shake(pair->client, &pair->client_error);
        (void)shake(pair->server, &pair->server_error);
    }
    pair->done = pair->client_error.kind == ERROR_NONE && pair->server_error.kind == ERROR_NONE &&
                 SSL_is_init_finished(pair->client) && SSL_is_init_finished(pair->server);
}

void tls_pair_close(struct tls_pair *pair)
{
    SSL_free(pair->client);
    SSL_free(pair->server);
    *pair = (struct tls_pair){0};
}

void tls_pair_check_names(const struct tls_client_options *client,
                          const struct tls_server_options *server, const char *const *names,
                          size_t count)
{
    struct error err = {0};
    struct tls_context *far = tls_client_new(client, &err);
    struct tls_context *near = tls_server_new(server, &err);
    CHECK_CASE(far && near, "%s", err.text);
    for (size_t i = 0; far && near && i < count; i++) {
        struct tls_pair pair;
        tls_pair_open(&pair, far, names[i], near);
        CHECK_CASE(pair.done, "%s: %s", names[i], pair.client_error.text);
        tls_pair_close(&pair);
    }
    tls_context_unref(far);
    tls_context_unref(near);
}

static bool crosses(SSL *from, SSL *to)
{
    char word[8] = "";
    return SSL_write(from, "word", 4) == 4 && SSL_read(to, word, sizeof word) == 4 &&
           memcmp(word, "word", 4) == 0;
}

bool tls_pair_talks(struct tls_pair *pair)
{
    return pair->done && crosses(pair->client, pair->server) && crosses(pair->server, pair->client);
}

void tls_fixture_init(struct tls_fixture *fixture, const char *name)
{
    int64_t now = clock_system()->unix_ms(clock_system());
    *fixture = (struct tls_fixture){.ca_pem = BUF_LIMIT(TLS_PEM_MAX)};
    fixture->issuer = tls_issuer_make("Test CA", SPAN_NONE, now, NULL);
    assert(fixture->issuer);
    fixture->identity = tls_issue(fixture->issuer, &name, 1, now, NULL);
    assert(fixture->identity);
    assert(tls_issuer_certificate(fixture->issuer, &fixture->ca_pem, NULL));
}

void tls_fixture_release(struct tls_fixture *fixture)
{
    tls_identity_free(fixture->identity);
    tls_issuer_free(fixture->issuer);
    buf_release(&fixture->ca_pem);
}

const struct tls_identity *tls_fixture_choose(void *arg, const char *server_name)
{
    (void)server_name;
    return arg;
}
