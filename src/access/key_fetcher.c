/* A job for each request. It outlives a request that was cancelled: whoever comes last frees it. */
#include "culvert/access/key_fetcher.h"

#include "culvert/net/fetch.h"
#include "culvert/net/jobs.h"
#include "culvert/token/jwks.h"

#include <stdatomic.h>
#include <stdlib.h>

struct web_fetcher {
    struct key_fetcher fetcher;
    struct loop *loop;
    struct jobs *jobs; /* NULL before the first request */
};

struct work {
    struct job job;
    struct key_request *request; /* NULL: cancelled */
    char *url;
    atomic_bool stop;
    bool ok;
    struct fetch_response response;
    struct error why;
};

static void work_free(struct work *work)
{
    if (!work)
        return;
    free(work->url);
    fetch_response_release(&work->response);
    free(work);
}

static void run(struct job *job)
{
    struct work *work = CONTAINER_OF(job, struct work, job);
    const struct fetch_field fields[] = {{"Accept", SPAN("application/json")}};
    const struct fetch_request request = {
        .method = "GET",
        .url = work->url,
        .fields = fields,
        .field_count = ARRAY_LEN(fields),
        .timeout_ms = KEY_FETCH_MS,
        .body_max = JWKS_BYTES_MAX,
        .stop = &work->stop,
    };
    work->ok = fetch_run(&request, &work->response, &work->why);
    if (work->ok && work->response.status != 200)
        work->ok = error_set(&work->why, ERROR_PROTOCOL, work->response.status,
                             "GET %.150s: status %d", work->url, work->response.status);
}

static void done(struct job *job, bool cancelled)
{
    struct work *work = CONTAINER_OF(job, struct work, job);
    struct key_request *request = work->request;
    if (request && cancelled)
        (void)error_set(&work->why, ERROR_SYSTEM, 0, "the connector stops");
    if (request)
        request->done(request, work->ok ? buf_span(&work->response.body) : SPAN_NONE,
                      work->ok && !cancelled ? NULL : &work->why);
    work_free(work);
}

static bool start(struct key_fetcher *fetcher, struct key_request *request, struct error *err)
{
    struct web_fetcher *web = CONTAINER_OF(fetcher, struct web_fetcher, fetcher);
    if (!web->jobs)
        web->jobs = jobs_new(web->loop, KEY_FETCH_THREADS, err);
    if (!web->jobs)
        return false;
    struct work *work = calloc(1, sizeof *work);
    if (work) {
        work->job = (struct job){.run = run, .done = done};
        work->request = request;
        work->url = span_dup(span_of(request->url));
        atomic_init(&work->stop, false);
    }
    if (work && work->url && jobs_post(web->jobs, &work->job)) {
        request->work = work;
        return true;
    }
    work_free(work);
    return error_set(err, ERROR_SYSTEM, 0, "no memory or no thread to fetch keys");
}

static void cancel(struct key_fetcher *fetcher, struct key_request *request)
{
    struct web_fetcher *web = CONTAINER_OF(fetcher, struct web_fetcher, fetcher);
    struct work *work = request->work;
    work->request = NULL;
    atomic_store(&work->stop, true);
    jobs_cancel(web->jobs, &work->job);
}

struct key_fetcher *key_fetcher_new(struct loop *loop)
{
    static const struct key_fetcher_ops ops = {start, cancel};
    struct web_fetcher *web = calloc(1, sizeof *web);
    if (!web)
        return NULL;
    *web = (struct web_fetcher){.fetcher = {&ops}, .loop = loop};
    return &web->fetcher;
}

void key_fetcher_free(struct key_fetcher *fetcher)
{
    if (!fetcher)
        return;
    struct web_fetcher *web = CONTAINER_OF(fetcher, struct web_fetcher, fetcher);
    jobs_free(web->jobs);
    free(web);
}
