/* The head's part in registrations: compares secrets, tells equal connections apart, and lets every
 * worker know which of them serves what, before the connector or its owner is answered. */
#ifndef CULVERT_EDGE_REGISTRAR_H
#define CULVERT_EDGE_REGISTRAR_H

#include "culvert/edge/directory.h"
#include "culvert/edge/edge_worker.h"
#include "culvert/net/jobs.h"
#include "culvert/store/database.h"

struct claim;

struct registrar_options {
    struct loop *loop; /* the head's */
    const struct edge_team *team;
    struct jobs *store_jobs; /* the one thread that uses `db`; all borrowed */
    struct database *db;
    struct presence *presence; /* the head's own replica */
    const char *location;      /* what connectors and the API are told */
    /* A registration was taken (`refusal` NULL) or refused with that cause: for counting. */
    void (*on_registration)(void *arg, const struct listed *listed, const char *refusal);
    void *arg;
};

/* The caller owns it. NULL: memory. */
struct registrar *registrar_new(const struct registrar_options *options);
/* No claim may be left. NULL is allowed. */
void registrar_free(struct registrar *registrar);

/* Connections that are registered now. */
size_t registrar_count(const struct registrar *registrar);

/* What the REST interface says of them; the caller owns it. NULL: memory. */
struct doc *registrar_connectors(const struct registrar *registrar);

/* Ends the tunnel's connections, of one connector or (NULL) of all. */
void registrar_drop(struct registrar *registrar, const struct uuid *tunnel_id,
                    const struct uuid *client_id);

/* From now on nobody is told of who leaves: every worker is closing. */
void registrar_close(struct registrar *registrar);

/* Claims that are not over. */
size_t registrar_claims(const struct registrar *registrar);

/* What sessions say. */
void registrar_on_ask(struct registrar *registrar, struct claim *claim);
void registrar_on_added(struct registrar *registrar, struct claim *claim);
void registrar_on_alive(struct registrar *registrar, struct claim *claim);
void registrar_on_leave(struct registrar *registrar, struct claim *claim);

#endif
