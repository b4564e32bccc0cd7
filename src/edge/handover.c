/* There and back: one letter does for both. */
#include "culvert/edge/handover.h"

#include <unistd.h>

static void arrive(struct worker_call *call)
{
    struct handover *handover = CONTAINER_OF(call, struct handover, letter.call);
    edge_worker_take(handover->team->members[handover->worker], handover);
}

void handover_send(struct handover *handover)
{
    struct edge_team *team = handover->team;
    if (team->count == 1)
        edge_worker_take(team->members[0], handover);
    else
        outbox_send(&team->outbox, &handover->letter, team->workers[handover->worker], arrive);
}

static void come_back(struct worker_call *call)
{
    struct handover *handover = CONTAINER_OF(call, struct handover, letter.call);
    handover->back(handover);
}

void handover_back(struct handover *handover)
{
    struct edge_team *team = handover->team;
    struct edge_worker *worker = team->members[handover->worker];
    if (handover->fd != -1)
        (void)close(handover->fd);
    handover->fd = -1;
    if (team->count == 1)
        handover->back(handover);
    else
        outbox_send(&worker->outbox, &handover->letter, team->head, come_back);
}
