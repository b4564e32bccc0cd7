/* A connection that the head of the edge accepted, on its way to the worker that serves it. It
 * comes back when the connection is gone: so the head knows what is open. */
#ifndef CULVERT_EDGE_HANDOVER_H
#define CULVERT_EDGE_HANDOVER_H

#include "culvert/edge/admission.h"
#include "culvert/edge/edge_worker.h"

enum door { DOOR_TUNNEL, DOOR_HTTP, DOOR_HTTPS, DOORS };

/* Made by the head, from then on the worker's until it gives it back. */
struct handover {
    struct letter letter;
    struct edge_team *team;
    size_t worker; /* who serves it */
    enum door door;
    int fd; /* who takes the connection takes this out, leaving -1 */
    struct ip_address from;
    struct visit visit; /* while it is the worker's only to note what was asked, or excused */
    bool said;          /* the visitor said something: it is owed an answer */
    bool crowds;        /* one more than may be open: an idle one has to go, or this */
    /* On the head's loop, when the connection is gone; frees it. */
    void (*back)(struct handover *handover);
    void *arg;
};

/* By the head: gives it to the worker, which takes it in a later turn; at once when there is only
 * the head's own. */
void handover_send(struct handover *handover);

/* By the worker, once, in every case. Closes the descriptor if nobody took it. */
void handover_back(struct handover *handover);

#endif
