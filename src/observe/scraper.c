/* A round asks every source that is not being asked already. Who comes while answers of this round
 * are awaited joins it; a worker that is stuck has one question of ours, however often it is
 * scraped.
 *
 *   ask: HOME --worker_post--> at the source --figures copied, worker_post--> HOME            */
#include "culvert/observe/scraper.h"

enum { SOURCES_MAX = WORKERS_MAX + 1 };

struct ask {
    struct worker_call call;
    struct scraper *scraper;
    struct scrape_source source;
    struct metrics *copy; /* of the last answer; NULL: memory, or none yet */
    bool is_out;
    bool refused; /* the worker took no call */
};

struct scraper {
    struct worker *home;
    struct loop *loop;
    size_t out;           /* asks that are not home */
    struct list waiting;  /* for the end of this round */
    struct list answered; /* its end is being told to these */
    struct task settle;
    bool closed;
    struct reap reap;
    size_t count;
    struct ask asks[];
};

static void destroy(void *object)
{
    struct scraper *scraper = object;
    for (size_t i = 0; i < scraper->count; i++)
        metrics_free(scraper->asks[i].copy);
    free(scraper);
}

static void let_go(struct scraper *scraper)
{
    if (scraper->closed && scraper->out == 0)
        loop_reap(scraper->loop, &scraper->reap, destroy, scraper);
}

void scrape_cancel(struct scrape *scrape)
{
    if (!link_is_in_list(&scrape->link))
        return;
    list_remove(scrape->in, &scrape->link);
    timer_stop(&scrape->limit);
}

static void cancel_all(const struct list *list)
{
    struct link *first;
    while ((first = list_first(list)))
        scrape_cancel(CONTAINER_OF(first, struct scrape, link));
}

static void wait_in(struct scrape *scrape, struct list *list)
{
    if (link_is_in_list(&scrape->link))
        list_remove(scrape->in, &scrape->link);
    list_put_last(list, &scrape->link);
    scrape->in = list;
}

static void answer(struct scrape *scrape, const struct metrics *sum, const struct error *why)
{
    scrape_cancel(scrape);
    scrape->done(scrape->arg, sum, why);
}

/* ---- a round comes to its end ---- */

static struct metrics *add_up(const struct scraper *scraper, struct error *err)
{
    struct metrics *sum = metrics_new();
    bool ok = sum != NULL;
    for (size_t i = 0; ok && i < scraper->count; i++) {
        if (scraper->asks[i].refused) {
            (void)error_set(err, ERROR_LIMIT, 0, "worker %zu of %zu takes no calls", i + 1,
                            scraper->count);
            metrics_free(sum);
            return NULL;
        }
        ok = scraper->asks[i].copy && metrics_merge(sum, scraper->asks[i].copy);
    }
    if (ok)
        return sum;
    (void)error_memory(err);
    metrics_free(sum);
    return NULL;
}

/* Who asks while others are told begins a round of its own. */
static void settle_round(void *arg)
{
    struct scraper *scraper = arg;
    struct error why;
    struct link *first;
    if (scraper->waiting.count == 0)
        return;
    struct metrics *sum = add_up(scraper, &why);
    while ((first = list_first(&scraper->waiting)))
        wait_in(CONTAINER_OF(first, struct scrape, link), &scraper->answered);
    while ((first = list_first(&scraper->answered)))
        answer(CONTAINER_OF(first, struct scrape, link), sum, sum ? NULL : &why);
    metrics_free(sum);
}

static void late(void *arg)
{
    struct scrape *scrape = arg;
    const struct scraper *scraper = scrape->scraper;
    struct error why;
    size_t slow = 0;
    while (slow + 1 < scraper->count && !scraper->asks[slow].is_out)
        slow++;
    (void)error_set(&why, ERROR_TIMEOUT, 0, "worker %zu of %zu did not answer within %d ms",
                    slow + 1, scraper->count, SCRAPE_LIMIT_MS);
    answer(scrape, NULL, &why);
}

/* ---- the calls ---- */

static void come_home(struct worker_call *call)
{
    struct ask *ask = CONTAINER_OF(call, struct ask, call);
    struct scraper *scraper = ask->scraper;
    ask->is_out = false;
    if (--scraper->out > 0)
        return;
    if (scraper->closed)
        let_go(scraper);
    else
        task_post(&scraper->settle);
}

/* On the source's loop. */
static void copy_figures(struct worker_call *call)
{
    struct ask *ask = CONTAINER_OF(call, struct ask, call);
    const struct metrics *figures = ask->source.figures(ask->source.arg);
    ask->copy = metrics_new();
    if (ask->copy && figures && !metrics_merge(ask->copy, figures)) {
        metrics_free(ask->copy);
        ask->copy = NULL;
    }
    ask->call.run = come_home;
    bool posted = worker_post(ask->scraper->home, &ask->call);
    assert(posted); /* a scraper has no more than SOURCES_MAX calls */
    (void)posted;
}

static void begin_round(struct scraper *scraper)
{
    task_cancel(&scraper->settle); /* of a round that nobody waits for any more */
    for (size_t i = 0; i < scraper->count; i++) {
        struct ask *ask = &scraper->asks[i];
        if (ask->is_out)
            continue;
        metrics_free(ask->copy);
        ask->copy = NULL;
        ask->call.run = copy_figures;
        ask->is_out = true;
        ask->refused = !worker_post(ask->source.worker, &ask->call);
        ask->is_out = !ask->refused;
        scraper->out += ask->is_out ? 1 : 0;
    }
    if (scraper->out == 0)
        task_post(&scraper->settle);
}

bool scraper_ask(struct scraper *scraper, struct scrape *scrape,
                 void (*done)(void *arg, const struct metrics *sum, const struct error *why),
                 void *arg, struct error *err)
{
    *scrape = (struct scrape){.scraper = scraper, .done = done, .arg = arg};
    timer_init(&scrape->limit, scraper->loop, late, scrape);
    if (!timer_start(&scrape->limit, SCRAPE_LIMIT_MS))
        return error_memory(err);
    bool joins = scraper->waiting.count > 0;
    wait_in(scrape, &scraper->waiting);
    if (!joins)
        begin_round(scraper);
    return true;
}

/* ---- its life ---- */

struct scraper *scraper_new(struct worker *home, const struct scrape_source *sources, size_t count,
                            struct error *err)
{
    assert(count <= SOURCES_MAX);
    struct scraper *scraper = calloc(1, sizeof *scraper + count * sizeof *scraper->asks);
    if (!scraper) {
        (void)error_memory(err);
        return NULL;
    }
    scraper->home = home;
    scraper->loop = worker_loop(home);
    scraper->count = count;
    list_init(&scraper->waiting);
    list_init(&scraper->answered);
    task_init(&scraper->settle, scraper->loop, TASK_SOON, settle_round, scraper);
    for (size_t i = 0; i < count; i++)
        scraper->asks[i] = (struct ask){.scraper = scraper, .source = sources[i]};
    return scraper;
}

void scraper_close(struct scraper *scraper)
{
    if (!scraper || scraper->closed)
        return;
    cancel_all(&scraper->waiting);
    cancel_all(&scraper->answered);
    task_cancel(&scraper->settle);
    scraper->closed = true;
    let_go(scraper);
}
