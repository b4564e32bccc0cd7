/* A change goes to all workers; they drop the table they had. */
#include "routing.h"

#include "culvert/edge/broadcast.h"

struct change {
    struct broadcast broadcast;
    struct routing *routing;
    struct hostnames *fresh; /* NULL: nothing new */
    void (*done)(void *arg);
    void *arg;
};

static void hear(struct broadcast_part *part, struct edge_worker *worker)
{
    const struct change *change = CONTAINER_OF(part->all, struct change, broadcast);
    if (change->fresh)
        edge_worker_set_hostnames(worker, hostnames_ref(change->fresh));
    broadcast_answer(part, worker, true);
}

static void destroy(struct change *change)
{
    broadcast_release(&change->broadcast);
    hostnames_unref(change->fresh);
    free(change);
}

static void all_heard(struct broadcast *broadcast, bool ok)
{
    struct change *change = CONTAINER_OF(broadcast, struct change, broadcast);
    void (*done)(void *arg) = change->done;
    void *arg = change->arg;
    (void)ok; /* nothing of it can fail */
    change->routing->changes--;
    destroy(change);
    done(arg);
}

bool routing_change(struct routing *routing, struct hostnames *fresh, void (*done)(void *arg),
                    void *arg)
{
    struct change *change = calloc(1, sizeof *change);
    if (!change || !broadcast_init(&change->broadcast, routing->team)) {
        free(change);
        hostnames_unref(fresh);
        return false;
    }
    change->routing = routing;
    change->fresh = fresh;
    change->done = done;
    change->arg = arg;
    if (fresh) {
        hostnames_unref(routing->hostnames);
        routing->hostnames = hostnames_ref(fresh);
    }
    routing->changes++;
    broadcast_send(&change->broadcast, hear, all_heard);
    return true;
}
