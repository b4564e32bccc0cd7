/* The REST interface on the visitor listeners: gathers a call, runs it on the store's thread,
 * answers, and applies what follows from it to the tables of all workers. The head's. */
#ifndef CULVERT_EDGE_API_SERVER_H
#define CULVERT_EDGE_API_SERVER_H

#include "culvert/edge/api_request.h"
#include "culvert/edge/registrar.h"
#include "culvert/net/jobs.h"
#include "culvert/tunnel/edge_contact.h"

struct api_server;
struct routing;

struct api_server_options {
    struct loop *loop;
    struct jobs *store_jobs; /* the one thread that uses `db`; borrowed */
    struct database *db;
    struct registrar *registrar;
    struct routing *routing;
    const struct edge_contact *contact; /* what tokens carry; borrowed */
    const char *own_host;               /* the edge's own name, which nobody may route */
};

/* The caller owns it. NULL: memory. */
struct api_server *api_server_new(const struct api_server_options *options);
/* Calls that run are given up; their requests are closed. NULL is allowed. */
void api_server_free(struct api_server *server);

/* Takes `in` over. */
void api_server_serve(struct api_server *server, struct inbound *in);

#endif
