/* The TLS of one worker: its contexts, and the certificates they choose from. Each worker has its
 * own over the same files, since choosing issues and forgets leaves. */
#ifndef CULVERT_SRC_EDGE_EDGE_TLS_H
#define CULVERT_SRC_EDGE_EDGE_TLS_H

#include "culvert/edge/edge_worker.h"
#include "culvert/net/tls.h"

/* From the team's options; names are allowed by the worker's newest host names. The caller owns it.
 * NULL: `err` names the file. */
struct edge_tls *edge_tls_new(const struct edge_worker *worker, struct error *err);
void edge_tls_free(struct edge_tls *tls); /* NULL is allowed; its connections must be closed */

/* Borrowed. */
struct tls_context *edge_tls_tunnel(const struct edge_tls *tls);
struct tls_context *edge_tls_public(const struct edge_tls *tls);

#endif
