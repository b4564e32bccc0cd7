/* The letters of a claim. Those of one side arrive in order, so `left` is the last to come. */
#include "claim.h"

#include "culvert/edge/registrar.h"
#include "culvert/store/tunnels.h"

#include "peer_text.h"

/* ---- what comes to the head ---- */

static void at_head_ask(struct worker_call *call)
{
    struct claim *claim = CONTAINER_OF(call, struct claim, ask.call);
    registrar_on_ask(claim->worker->team->registrar, claim);
}

static void at_head_added(struct worker_call *call)
{
    struct claim *claim = CONTAINER_OF(call, struct claim, added.call);
    registrar_on_added(claim->worker->team->registrar, claim);
}

static void at_head_alive(struct worker_call *call)
{
    struct claim *claim = CONTAINER_OF(call, struct claim, alive.call);
    registrar_on_alive(claim->worker->team->registrar, claim);
}

static void at_head_leave(struct worker_call *call)
{
    struct claim *claim = CONTAINER_OF(call, struct claim, leave.call);
    registrar_on_leave(claim->worker->team->registrar, claim);
}

static void to_head(struct claim *claim, struct letter *letter,
                    void (*run)(struct worker_call *call))
{
    outbox_send(&claim->worker->outbox, letter, claim->worker->team->head, run);
}

void claim_added(struct claim *claim, bool ok)
{
    claim->was_added = ok;
    to_head(claim, &claim->added, at_head_added);
}

void claim_alive(struct claim *claim)
{
    to_head(claim, &claim->alive, at_head_alive);
}

void claim_leave(struct claim *claim)
{
    to_head(claim, &claim->leave, at_head_leave);
}

void claim_forget(struct claim *claim)
{
    if (claim)
        claim->arg = NULL;
}

/* ---- what comes to the session ---- */

static void at_worker_granted(struct worker_call *call)
{
    const struct claim *claim = CONTAINER_OF(call, struct claim, granted.call);
    if (claim->arg)
        claim->events->on_granted(claim->arg);
}

static void at_worker_refused(struct worker_call *call)
{
    const struct claim *claim = CONTAINER_OF(call, struct claim, refused.call);
    if (claim->arg)
        claim->events->on_refused(claim->arg);
}

static void at_worker_serving(struct worker_call *call)
{
    const struct claim *claim = CONTAINER_OF(call, struct claim, serving.call);
    if (claim->arg)
        claim->events->on_serving(claim->arg);
}

static void at_worker_probe(struct worker_call *call)
{
    const struct claim *claim = CONTAINER_OF(call, struct claim, probe.call);
    if (claim->arg)
        claim->events->on_probe(claim->arg);
}

static void at_worker_drain(struct worker_call *call)
{
    const struct claim *claim = CONTAINER_OF(call, struct claim, drain.call);
    if (claim->arg)
        claim->events->on_drain(claim->arg);
}

static void at_worker_drop(struct worker_call *call)
{
    const struct claim *claim = CONTAINER_OF(call, struct claim, drop.call);
    if (claim->arg)
        claim->events->on_drop(claim->arg);
}

static void destroy(struct claim *claim)
{
    broadcast_release(&claim->broadcast);
    buf_release(&claim->account);
    buf_wipe(&claim->secret);
    free(claim);
}

static void at_worker_left(struct worker_call *call)
{
    struct claim *claim = CONTAINER_OF(call, struct claim, left.call);
    void *arg = claim->arg;
    const struct claim_events *events = claim->events;
    destroy(claim);
    if (arg)
        events->on_left(arg);
}

static void to_worker(struct claim *claim, struct letter *letter,
                      void (*run)(struct worker_call *call))
{
    struct edge_team *team = claim->worker->team;
    outbox_send(&team->outbox, letter, team->workers[claim->worker->number], run);
}

void claim_grant(struct claim *claim)
{
    to_worker(claim, &claim->granted, at_worker_granted);
}

void claim_refuse(struct claim *claim)
{
    to_worker(claim, &claim->refused, at_worker_refused);
}

void claim_serve(struct claim *claim)
{
    to_worker(claim, &claim->serving, at_worker_serving);
}

void claim_probe(struct claim *claim)
{
    to_worker(claim, &claim->probe, at_worker_probe);
}

void claim_drain(struct claim *claim)
{
    to_worker(claim, &claim->drain, at_worker_drain);
}

void claim_drop(struct claim *claim)
{
    to_worker(claim, &claim->drop, at_worker_drop);
}

void claim_left(struct claim *claim)
{
    to_worker(claim, &claim->left, at_worker_left);
}

/* ---- its beginning ---- */

struct claim *claim_new(struct edge_worker *worker, const struct registration_params *params,
                        const struct ip_address *origin, const struct claim_events *events,
                        void *arg)
{
    struct claim *claim = calloc(1, sizeof *claim);
    if (!claim)
        return NULL;
    if (!broadcast_init(&claim->broadcast, worker->team)) {
        free(claim);
        return NULL;
    }
    claim->worker = worker;
    claim->events = events;
    claim->arg = arg;
    struct listed *listed = &claim->listed;
    listed->tunnel_id = params->tunnel_id;
    listed->client_id = params->client_id;
    listed->index = params->index;
    listed->attempts = params->attempts;
    listed->origin = *origin;
    peer_text_keep(listed->version, sizeof listed->version, params->version);
    peer_text_keep(listed->arch, sizeof listed->arch, params->arch);
    peer_text_keep_list(listed->features, sizeof listed->features, params->features,
                        params->feature_count);
    claim->replaces = params->replace_existing;
    claim->account.limit = STORE_ID_SIZE;
    claim->secret.limit = STORE_TUNNEL_SECRET_MAX;
    /* What is too long is no account and no secret of ours: left empty, it fits nothing. */
    if (!buf_put_span(&claim->account, params->account_tag) ||
        !buf_put_span(&claim->secret, params->tunnel_secret))
        buf_clear(&claim->account);
    to_head(claim, &claim->ask, at_head_ask);
    return claim;
}
