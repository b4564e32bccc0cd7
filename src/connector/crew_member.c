/* What one worker holds, and which of its parts a stream goes to. */
#include "crew_member.h"

#include "culvert/connector/edge_answer.h"
#include "culvert/net/resolver.h"
#include "culvert/tunnel/stream_kind.h"

enum { RESOLVER_THREADS = 2 }; /* of each worker that has to look names up */

static const struct metric_desc channel_desc = {
    .name = "culvert_channel_bytes",
    .help = "Bytes that wait between two peers",
    .kind = METRIC_GAUGE,
};

/* ---- streams that are not about the connection itself ---- */

static void on_request(void *arg, struct inbound *in, size_t index)
{
    struct crew_member *member = arg;
    enum stream_kind kind = stream_kind_of(&in->head);
    if (kind == STREAM_CONFIGURATION) {
        config_ear_hear(&member->ear, in);
        return;
    }
    if (kind == STREAM_TCP)
        request_handler_serve_flow(member->requests, in, index);
    else
        request_handler_serve(member->requests, in, index);
}

/* ---- making it ---- */

static bool make_resolver(struct crew_member *member, struct loop *loop, struct error *err)
{
    if (!member->has_thread)
        return true;
    member->jobs = jobs_new(loop, RESOLVER_THREADS, err);
    if (!member->jobs)
        return false;
    member->own_resolver = resolver_new(loop, member->jobs);
    return member->own_resolver ? true : error_memory(err);
}

static bool make_metrics(struct crew_member *member, struct error *err)
{
    member->metrics = metrics_new();
    if (!member->metrics)
        return error_memory(err);
    member->channel_bytes = metrics_single(member->metrics, &channel_desc);
    member->tunnel_metrics = tunnel_metrics_new(member->metrics, err);
    return member->tunnel_metrics != NULL;
}

static bool make_requests(struct crew_member *member, struct blueprint *blueprint,
                          struct error *err)
{
    struct openers_options openers = *member->options->openers;
    openers.budget = &member->budget;
    openers.metrics = member->tunnel_metrics;
    openers.workers = member->options->workers;
    member->config =
        live_config_new(member->shared.loop, member->shared.resolver, &openers, blueprint, err);
    if (!member->config)
        return false;
    const struct verifier_options verifier = {
        .worker = member->worker,
        .home = member->home,
        .keys = member->options->keys,
    };
    member->verifier = verifier_new(&verifier);
    if (!member->verifier)
        return error_memory(err);
    const struct request_handler_options requests = {
        .loop = member->shared.loop,
        .config = member->config,
        .verifier = member->verifier,
        .metrics = member->tunnel_metrics,
        .management_hostname = member->options->management_hostname,
    };
    member->requests = request_handler_new(&requests);
    return member->requests ? true : error_memory(err);
}

bool crew_member_set_up(struct crew_member *member, struct blueprint *blueprint, struct error *err)
{
    const struct crew_options *options = member->options;
    struct loop *loop = worker_loop(member->worker);
    member->budget.limit = options->budget / options->workers;
    member->budget.loop = loop;
    member->ear = (struct config_ear){.here = member->worker,
                                      .head = member->home,
                                      .judge = options->on_push,
                                      .arg = options->arg};
    if (!make_resolver(member, loop, err) || !make_metrics(member, err))
        return false;
    member->shared = *options->shared;
    member->shared.loop = loop;
    member->shared.resolver = member->own_resolver ? member->own_resolver : options->resolver;
    member->shared.metrics = member->tunnel_metrics;
    member->shared.budget = &member->budget;
    member->shared.on_request = on_request;
    member->shared.arg = member;
    member->is_ready = make_requests(member, blueprint, err);
    return member->is_ready;
}

bool crew_member_change(struct crew_member *member, struct blueprint *blueprint, struct error *err)
{
    if (!live_config_change(member->config, blueprint, err))
        return false;
    request_handler_rules_changed(member->requests);
    return true;
}

/* ---- taking it apart ---- */

void crew_member_cut(struct crew_member *member, const struct error *why)
{
    if (member->requests)
        request_handler_cut(member->requests, why);
}

void crew_member_release_requests(struct crew_member *member)
{
    member->is_ready = false;
    request_handler_free(member->requests);
    member->requests = NULL;
    live_config_free(member->config);
    member->config = NULL;
}

bool crew_member_is_idle(const struct crew_member *member)
{
    return !member->verifier || verifier_is_idle(member->verifier);
}

void crew_member_release(struct crew_member *member)
{
    verifier_free(member->verifier);
    tunnel_metrics_free(member->tunnel_metrics);
    metrics_free(member->metrics);
    member->metrics = NULL;
    member->channel_bytes = NULL;
    resolver_free(member->own_resolver);
    jobs_free(member->jobs);
}

const struct metrics *crew_member_figures(void *arg)
{
    struct crew_member *member = arg;
    metric_set(member->channel_bytes, (double)member->budget.used);
    return member->metrics;
}
