/* A list and one timer. */
#include "culvert/connector/early_requests.h"

#include <assert.h>
#include <stdlib.h>

struct early_request {
    struct link link;
    struct early_requests *early;
    struct inbound *in;
    size_t index;
    struct reap reap;
};

static void destroy(void *object)
{
    free(object);
}

static struct inbound *forget(struct early_request *request)
{
    struct early_requests *early = request->early;
    list_remove(&early->waiting, &request->link);
    loop_reap(early->loop, &request->reap, destroy, request);
    return request->in;
}

static void on_answered(void *arg)
{
    (void)arg; /* nothing is answered while it waits */
}

static void on_aborted(void *arg, const struct error *why)
{
    (void)why;
    inbound_close(forget(arg));
}

static void on_patience_over(void *arg)
{
    struct early_requests *early = arg;
    log_warn(loop_log(early->loop), "The edge sent no rules in time: requests wait no longer",
             LOG_INT("waitedMs", EARLY_WAIT_MS), LOG_INT("requests", early->waiting.count));
    early_requests_end(early);
}

void early_requests_init(struct early_requests *early, struct loop *loop,
                         void (*serve)(void *arg, struct inbound *in, size_t index), void *arg)
{
    *early = (struct early_requests){.loop = loop, .serve = serve, .arg = arg};
    list_init(&early->waiting);
    timer_init(&early->patience, loop, on_patience_over, early);
}

bool early_requests_hold(struct early_requests *early, struct inbound *in, size_t index)
{
    static const struct inbound_events events = {on_answered, on_aborted};
    if (early->is_over || early->waiting.count == EARLY_REQUESTS_MAX)
        return false;
    struct early_request *request = malloc(sizeof *request);
    if (!request)
        return false;
    if (!timer_is_armed(&early->patience)) {
        if (!timer_start(&early->patience, EARLY_WAIT_MS)) {
            free(request);
            return false;
        }
        log_info(loop_log(early->loop), "Requests wait for the edge's first ingress rules");
    }
    *request = (struct early_request){.early = early, .in = in, .index = index};
    list_put_last(&early->waiting, &request->link);
    inbound_set_events(in, &events, request);
    return true;
}

void early_requests_end(struct early_requests *early)
{
    struct link *first;
    early->is_over = true;
    timer_stop(&early->patience);
    while ((first = list_first(&early->waiting))) {
        struct early_request *request = CONTAINER_OF(first, struct early_request, link);
        early->serve(early->arg, forget(request), request->index);
    }
}

struct inbound *early_requests_take(struct early_requests *early)
{
    struct link *first = list_first(&early->waiting);
    return first ? forget(CONTAINER_OF(first, struct early_request, link)) : NULL;
}

void early_requests_release(struct early_requests *early)
{
    assert(early->waiting.count == 0);
    timer_stop(&early->patience);
}
