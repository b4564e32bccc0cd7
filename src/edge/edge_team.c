/* What the head tells all workers at once. Starting and closing wait for every answer; the orders
 * lie on the stack of who waits. */
#include "edge_team.h"

#include "culvert/edge/broadcast.h"
#include "culvert/edge/edge.h"

enum { WAIT_MS = 50 }; /* between looks; an answer wakes the loop by itself */

struct order {
    uint16_t port;
    bool done, ok;
};

static struct order *order_of(const struct broadcast_part *part)
{
    return part->all->arg;
}

static void on_done(struct broadcast *broadcast, bool ok)
{
    struct order *order = broadcast->arg;
    order->done = true;
    order->ok = ok;
}

static bool is_done(void *arg)
{
    const struct order *order = arg;
    return order->done;
}

void team_wait(const struct edge_team *team, bool (*is_over)(void *arg), void *arg)
{
    while (!is_over(arg))
        (void)loop_turn(worker_loop(team->head), WAIT_MS);
}

/* Says it and waits until all have done it; false: one could not. */
static bool tell(struct edge_team *team, struct order *order,
                 void (*heard)(struct broadcast_part *part, struct edge_worker *worker))
{
    team->order->arg = order;
    broadcast_send(team->order, heard, on_done);
    team_wait(team, is_done, order);
    return order->ok;
}

/* ---- starting ---- */

static void hear_start(struct broadcast_part *part, struct edge_worker *worker)
{
    bool ok = edge_worker_start(worker, &worker->failure);
    if (ok) /* what a part put there in advance */
        worker->failure = (struct error){0};
    broadcast_answer(part, worker, ok);
}

static bool add_worker(struct edge_team *team, struct loop *loop,
                       const struct loop_options *threads, struct error *err)
{
    size_t number = team->count;
    struct edge_worker *member = calloc(1, sizeof *member);
    (void)error_memory(err);
    if (!member)
        return false;
    bool is_here = number == 0 || !threads;
    struct worker *worker = is_here ? worker_here(loop, err) : worker_new(threads, err);
    if (!worker) {
        free(member);
        return false;
    }
    member->team = team;
    member->number = number;
    team->workers[number] = worker;
    team->members[number] = member;
    team->count++;
    return true;
}

bool team_start(struct edge_team *team, struct loop *loop, const struct loop_options *threads,
                struct hostnames *hostnames, struct error *err)
{
    struct order order = {0};
    size_t wanted = team->options->workers > 0 ? team->options->workers : 1;
    outbox_init(&team->outbox, loop);
    team->head = worker_here(loop, err);
    if (!team->head)
        return false;
    while (team->count < wanted)
        if (!add_worker(team, loop, threads, err))
            return false;
    team->order = calloc(1, sizeof *team->order);
    if (!team->order || !broadcast_init(team->order, team))
        return error_memory(err);
    for (size_t i = 0; i < team->count; i++)
        team->members[i]->hostnames = hostnames_ref(hostnames);
    team->started = true;
    if (tell(team, &order, hear_start))
        return true;
    for (size_t i = 0; i < team->count; i++)
        if (team->members[i]->failure.kind != ERROR_NONE)
            *err = team->members[i]->failure;
    return false;
}

static void hear_redirect(struct broadcast_part *part, struct edge_worker *worker)
{
    edge_worker_redirect(worker, order_of(part)->port);
    broadcast_answer(part, worker, true);
}

void team_redirect(struct edge_team *team, uint16_t port)
{
    struct order order = {.port = port};
    (void)tell(team, &order, hear_redirect);
}

/* ---- ending ---- */

static void hear_close(struct broadcast_part *part, struct edge_worker *worker)
{
    edge_worker_close(worker, part);
}

void team_close(struct edge_team *team)
{
    struct order order = {0};
    if (team->started)
        (void)tell(team, &order, hear_close);
}

static void hear_release(struct broadcast_part *part, struct edge_worker *worker)
{
    edge_worker_release(worker);
    broadcast_answer(part, worker, true);
}

static bool is_over(void *arg)
{
    const struct edge_team *team = arg;
    for (size_t i = 0; i < team->count; i++)
        if (!worker_is_over(team->workers[i]))
            return false;
    return true;
}

/* Meanwhile the head hears signals, and last bytes of its own connections leave. */
void team_end(struct edge_team *team, uint64_t linger_ms)
{
    struct order order = {0};
    if (team->started)
        (void)tell(team, &order, hear_release);
    for (size_t i = 0; i < team->count; i++)
        worker_end(team->workers[i], linger_ms);
    if (team->head)
        team_wait(team, is_over, team);
    for (size_t i = 0; i < team->count; i++) {
        worker_free(team->workers[i]);
        free(team->members[i]);
    }
    if (team->order)
        broadcast_release(team->order);
    free(team->order);
    worker_free(team->head);
    if (team->head)
        outbox_release(&team->outbox);
}
