/* Answers a call of the REST interface from the store. Runs on the store's thread; what the loop
 * has to do afterwards stands in the answer. */
#ifndef CULVERT_EDGE_API_RUN_H
#define CULVERT_EDGE_API_RUN_H

#include "culvert/edge/api_request.h"
#include "culvert/store/routes.h"
#include "culvert/tunnel/edge_contact.h"

struct api_context {
    struct database *db;                /* of this thread */
    const struct edge_contact *contact; /* what tunnel tokens say about us; NULL: nothing */
    struct span own_host;               /* the edge's own name, which nobody may route; "" none */
    int64_t now_ms;                     /* since 1970 */
};

struct api_answer {
    int status;
    struct buf json; /* Content-Type: application/json, without parameters. May hold a secret */

    /* The loop's part, to be done before the answer goes out. */
    bool routes_changed;
    struct store_route_list routes; /* then: all of them, for hostnames_new */
    bool drops_connections;         /* of this tunnel, perhaps only of one client */
    bool deleted;                   /* and it is gone for good */
    bool only_client;
    struct uuid tunnel_id;
    struct uuid client_id;

    struct error failure; /* kind NONE, or what went wrong on our side: for the log */
};

/* Fills `answer` in every case. */
void api_run(const struct api_call *call, const struct api_context *context,
             struct api_answer *answer);
void api_answer_release(struct api_answer *answer);

#endif
