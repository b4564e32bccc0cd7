/* The edge's own certificate authority: a CA in the state directory, the certificate of the tunnel
 * listener, and leaves for exact names. No event loop; owned by one worker. */
#ifndef CULVERT_EDGE_AUTHORITY_H
#define CULVERT_EDGE_AUTHORITY_H

#include "culvert/base/clock.h"
#include "culvert/net/tls.h"

struct authority;

/* Reads <state_dir>/ca.pem and ca.key, or makes them on the first start (0644 and 0600; the key
 * first, so that a crash leaves nothing that was ever trusted). `host_name`: the edge's own name,
 * NULL for none. `clock` is borrowed. NULL: `err` (DENIED: others may write the key; INVALID: one
 * file is missing or broken, or the CA has expired). */
struct authority *authority_open(const char *state_dir, const char *host_name,
                                 const struct clock *clock, struct error *err);
void authority_free(struct authority *authority); /* NULL is allowed */

/* The CA certificate as PEM; lives as long as the authority. */
struct span authority_ca_pem(const struct authority *authority);

/* For tls_server_options of the tunnel listener, `arg` is the authority: one leaf for the names
 * that connectors ask for (protocol: h2.cftunnel.com, quic.cftunnel.com) and the edge's own,
 * whatever the name; issued anew when less than a third of its life is left. Borrowed until the
 * next call. */
const struct tls_identity *authority_choose(void *arg, const char *server_name);

/* A leaf for these exact names or addresses, valid from now; the caller owns it. NULL: `err`. */
struct tls_identity *authority_issue(const struct authority *authority, const char *const *names,
                                     size_t count, struct error *err);

/* Has `identity` less than a third of its life left? */
bool authority_is_due(const struct authority *authority, const struct tls_identity *identity);

#endif
