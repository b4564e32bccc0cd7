/* A letter to each worker, which comes back with the answer. */
#include "culvert/edge/broadcast.h"

bool broadcast_init(struct broadcast *broadcast, struct edge_team *team)
{
    *broadcast = (struct broadcast){.team = team};
    broadcast->parts = calloc(team->count, sizeof *broadcast->parts);
    return broadcast->parts != NULL;
}

void broadcast_release(struct broadcast *broadcast)
{
    assert(broadcast->waiting == 0);
    free(broadcast->parts);
    broadcast->parts = NULL;
}

static void hear(struct worker_call *call)
{
    struct broadcast_part *part = CONTAINER_OF(call, struct broadcast_part, letter.call);
    part->all->heard(part, part->all->team->members[part->number]);
}

void broadcast_send(struct broadcast *broadcast,
                    void (*heard)(struct broadcast_part *part, struct edge_worker *worker),
                    void (*done)(struct broadcast *broadcast, bool ok))
{
    struct edge_team *team = broadcast->team;
    assert(broadcast->waiting == 0);
    broadcast->heard = heard;
    broadcast->done = done;
    broadcast->ok = true;
    broadcast->waiting = team->count;
    for (size_t i = 0; i < team->count; i++) {
        struct broadcast_part *part = &broadcast->parts[i];
        part->all = broadcast;
        part->number = i;
        outbox_send(&team->outbox, &part->letter, team->workers[i], hear);
    }
}

static void come_back(struct worker_call *call)
{
    const struct broadcast_part *part = CONTAINER_OF(call, struct broadcast_part, letter.call);
    struct broadcast *broadcast = part->all;
    broadcast->ok = broadcast->ok && part->ok;
    if (--broadcast->waiting == 0)
        broadcast->done(broadcast, broadcast->ok);
}

void broadcast_answer(struct broadcast_part *part, struct edge_worker *worker, bool ok)
{
    part->ok = ok;
    outbox_send(&worker->outbox, &part->letter, worker->team->head, come_back);
}
