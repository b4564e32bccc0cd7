/* A call's way: body gathered on the loop, run on the store's thread, its consequences applied on
 * the loop before the answer goes out, so that what was answered with success is in force. */
#include "culvert/edge/api_server.h"

#include "culvert/edge/api_run.h"
#include "culvert/http/reply.h"

#include "routing.h"

struct api_server {
    struct api_server_options options;
    struct list running;
};

struct api_job {
    struct job job;
    struct link link;
    struct api_server *server; /* NULL: given up */
    struct inbound *in;        /* NULL: the caller left */
    struct api_call call;
    struct api_context context;
    struct api_answer answer;
};

struct api_server *api_server_new(const struct api_server_options *options)
{
    struct api_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->options = *options;
    list_init(&server->running);
    return server;
}

void api_server_free(struct api_server *server)
{
    if (!server)
        return;
    LIST_EACH_SAFE (it, after, &server->running) {
        struct api_job *job = CONTAINER_OF(it, struct api_job, link);
        list_remove(&server->running, it);
        if (job->in)
            inbound_close(job->in);
        job->in = NULL;
        job->server = NULL;
    }
    free(server);
}

static void free_job(struct api_job *job)
{
    api_call_release(&job->call);
    api_answer_release(&job->answer);
    free(job);
}

/* What was answered is in force in every worker. */
static void answer(void *arg)
{
    struct api_job *job = arg;
    struct api_server *server = job->server;
    if (server)
        list_remove(&server->running, &job->link);
    if (server && job->in) {
        const struct reply reply = {.status = job->answer.status,
                                    .content_type = "application/json",
                                    .text = buf_span(&job->answer.json)};
        reply_send(server->options.loop, job->in, &reply);
    }
    free_job(job);
}

/* What only the loops can do: routing first, so that a deleted tunnel is gone when it is said. */
static void apply(struct api_server *server, struct api_job *job)
{
    struct error err;
    const struct api_answer *what = &job->answer;
    struct hostnames *fresh = NULL;
    error_memory(&err);
    if (what->routes_changed)
        fresh = hostnames_new(what->routes.items, what->routes.count, &err);
    if (what->drops_connections)
        registrar_drop(server->options.registrar, &what->tunnel_id,
                       what->only_client ? &what->client_id : NULL);
    if (what->failure.kind != ERROR_NONE)
        log_error(loop_log(server->options.loop), "An API call failed", LOG_ERROR(&what->failure));
    if (!what->routes_changed && !what->drops_connections) {
        answer(job);
        return;
    }
    bool lost = what->routes_changed && !fresh;
    bool waits = routing_change(server->options.routing, fresh, answer, job);
    if (lost || !waits)
        log_error(loop_log(server->options.loop), "The routes were not reloaded", LOG_ERROR(&err));
    if (!waits)
        answer(job);
}

static void done(struct job *base, bool cancelled)
{
    struct api_job *job = CONTAINER_OF(base, struct api_job, job);
    if (cancelled)
        job->answer.status = 503;
    if (cancelled || !job->server)
        answer(job);
    else
        apply(job->server, job);
}

static void run(struct job *base)
{
    struct api_job *job = CONTAINER_OF(base, struct api_job, job);
    api_run(&job->call, &job->context, &job->answer);
}

/* The call goes on: it may change things, and half of it would be worse. */
static void on_aborted(void *arg, const struct error *why)
{
    struct api_job *job = arg;
    (void)why;
    inbound_close(job->in);
    job->in = NULL;
}

static void on_answered(void *arg)
{
    (void)arg; /* nothing is answered while the job runs */
}

static const struct inbound_events waiting = {on_answered, on_aborted};

static void refuse(struct api_server *server, struct inbound *in, int status, const char *json)
{
    const struct reply reply = {
        .status = status, .content_type = "application/json", .text = span_of(json)};
    reply_send(server->options.loop, in, &reply);
}

static void start(struct api_server *server, struct api_job *job)
{
    const struct api_server_options *options = &server->options;
    struct inbound *in = job->in;
    job->job.run = run;
    job->job.done = done;
    job->server = server;
    job->call.connections = registrar_connectors(options->registrar);
    job->context = (struct api_context){.db = options->db,
                                        .contact = options->contact,
                                        .own_host = span_of(options->own_host),
                                        .now_ms = loop_unix_ms(options->loop)};
    if (jobs_post(options->store_jobs, &job->job)) {
        list_put_last(&server->running, &job->link);
        inbound_set_events(in, &waiting, job);
        return;
    }
    job->in = NULL;
    free_job(job);
    refuse(server, in, 503,
           "{\"success\":false,\"errors\":[{\"code\":1005,\"message\":\"the edge is busy: try "
           "again in a moment\"}],\"messages\":[],\"result\":null}\n");
}

static void gathered(void *arg, struct inbound *in, const struct buf *body, const struct error *why)
{
    struct api_server *server = arg;
    struct span authorization = SPAN("");
    if (!body) {
        if (why->kind == ERROR_LIMIT)
            refuse(server, in, 413,
                   "{\"success\":false,\"errors\":[{\"code\":1001,\"message\":\"the body is too "
                   "long\"}],\"messages\":[],\"result\":null}\n");
        return;
    }
    struct api_job *job = calloc(1, sizeof *job);
    if (!job) {
        struct error err = {.kind = ERROR_SYSTEM, .text = "out of memory"};
        inbound_reset(in, &err);
        inbound_close(in);
        return;
    }
    (void)headers_find(&in->head.fields, SPAN("authorization"), &authorization);
    const struct api_request request = {
        .method = buf_span(&in->head.method),
        .target = buf_span(&in->head.target),
        .authorization = authorization,
        .body = buf_span(body),
    };
    api_call_parse(&job->call, &request);
    job->in = in;
    start(server, job);
}

void api_server_serve(struct api_server *server, struct inbound *in)
{
    request_gather(server->options.loop, in, API_BODY_MAX, gathered, server);
}
