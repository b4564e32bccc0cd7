/* Two TLS sessions joined in memory, and identities to give them. */
#ifndef CULVERT_TESTS_SUPPORT_TLS_PAIR_H
#define CULVERT_TESTS_SUPPORT_TLS_PAIR_H

#include "culvert/base/clock.h"
#include "culvert/net/tls_issue.h"

struct tls_pair {
    struct ssl_st *client;
    struct ssl_st *server;
    struct error client_error; /* kind NONE: its handshake is done or still waits */
    struct error server_error;
    bool done; /* both are */
};

/* Makes both sessions and turns the handshake until it is done or one failed. */
void tls_pair_open(struct tls_pair *pair, struct tls_context *client, const char *server_name,
                   struct tls_context *server);
/* As tls_pair_open, with what a client of ours would not do: `version_max` its highest version (0:
 * as it is), `offered` its ALPN list in wire form (NULL: as it is, "": none). */
struct tls_pair_client {
    struct tls_context *context;
    const char *server_name;
    int version_max;
    const char *offered;
};
void tls_pair_open_with(struct tls_pair *pair, const struct tls_pair_client *client,
                        struct tls_context *server);
void tls_pair_close(struct tls_pair *pair);

/* Checks that clients of the one make their handshake with the other under each of the names. */
void tls_pair_check_names(const struct tls_client_options *client,
                          const struct tls_server_options *server, const char *const *names,
                          size_t count);

/* Sends a word each way; did both arrive? */
bool tls_pair_talks(struct tls_pair *pair);

/* A CA, its PEM text, and a leaf for `name`, valid now. Aborts when it cannot. */
struct tls_fixture {
    struct tls_issuer *issuer;
    struct buf ca_pem;
    struct tls_identity *identity;
};
void tls_fixture_init(struct tls_fixture *fixture, const char *name);
void tls_fixture_release(struct tls_fixture *fixture);

/* For tls_server_options: gives the identity that is `arg`, whatever the name. */
const struct tls_identity *tls_fixture_choose(void *arg, const char *server_name);

#endif
