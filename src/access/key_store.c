/* One source for each URL.
 *
 *   RESTING --want, or an ask that needs a fetch, once the interval is over: fetch--> FETCHING
 *   FETCHING --the fetcher is done: settle--> RESTING
 *   FETCHING --it takes too long: who waits is told, and the fetch goes on--> FETCHING
 *
 * While RESTING one timer runs: until the fetch that somebody waits for may begin, or until the
 * next one in turn. */
#include "culvert/access/key_store.h"

#include <assert.h>
#include <stdlib.h>

struct source {
    struct link link;
    struct key_store *store;
    char *url;
    struct jwks *keys; /* NULL: none, or too old */
    uint64_t version, fetched_ms;
    bool is_wanted;
    bool is_fetching;
    bool was_tried;      /* since `started_ms` */
    uint64_t started_ms; /* the last fetch */
    unsigned spare;      /* fetches that need not wait for the interval */
    uint64_t earned_ms;  /* when the last one was earned */
    struct error why;    /* of the last fetch; kind NONE: it went well */
    struct key_request request;
    struct task refuse; /* the fetch could not even begin */
    struct timer next;  /* fetch */
    struct timer patience;
    struct list asks;
};

struct key_store {
    struct loop *loop;
    struct key_fetcher *fetcher;
    struct list sources; /* most recently used first */
    uint64_t versions;
    bool is_stopped;
};

static void fetch(struct source *source);

static uint64_t now_ms(const struct source *source)
{
    return loop_now_ms(source->store->loop);
}

/* ---- answers ---- */

static void fill(const struct source *source, struct key_ask *ask, const struct error *why)
{
    ask->keys = jwks_ref(source->keys);
    ask->version = source->version;
    ask->why = why ? *why : (struct error){0};
}

/* Everybody who waits now; not those who ask again from within. */
static void answer_all(struct source *source, const struct error *why)
{
    struct error kept = why ? *why : (struct error){0};
    for (size_t count = source->asks.count; count > 0; count--) {
        struct key_ask *ask = CONTAINER_OF(list_first(&source->asks), struct key_ask, link);
        list_remove(&source->asks, &ask->link);
        fill(source, ask, kept.kind == ERROR_NONE ? NULL : &kept);
        ask->answered(ask);
    }
}

/* ---- fetching ---- */

/* An interval in which nothing was fetched is a fetch more, up to a number. */
static void earn(struct source *source)
{
    uint64_t intervals = (now_ms(source) - source->earned_ms) / KEY_STORE_INTERVAL_MS;
    uint64_t room = KEY_STORE_SPARE_MAX - source->spare;
    source->spare += (unsigned)(intervals < room ? intervals : room);
    source->earned_ms += intervals * KEY_STORE_INTERVAL_MS;
}

/* Who sends tokens of unknown keys has the issuer asked no more often than once in an interval in
 * the long run; and who sends one now and then gets its answer soon. An issuer that was not reached
 * is left alone for the interval. */
static uint64_t wait_ms_for_fetch(const struct source *source)
{
    if (!source->was_tried)
        return 0;
    uint64_t at = source->earned_ms + KEY_STORE_INTERVAL_MS;
    if (source->why.kind != ERROR_NONE)
        at = source->started_ms + KEY_STORE_INTERVAL_MS;
    else if (source->spare > 0)
        at = source->started_ms + KEY_STORE_GAP_MS;
    return at > now_ms(source) ? at - now_ms(source) : 0;
}

static bool may_fetch(struct source *source)
{
    earn(source);
    return !source->is_fetching && wait_ms_for_fetch(source) == 0;
}

/* Without memory for a timer the next request looks after it. */
static void wait_for_next(struct source *source)
{
    uint64_t wait_ms = source->why.kind == ERROR_NONE ? KEY_STORE_FRESH_MS : KEY_STORE_RETRY_MS;
    if (source->is_wanted && !source->store->is_stopped && !timer_start(&source->next, wait_ms))
        log_warn(loop_log(source->store->loop), "No memory to fetch keys in time",
                 LOG_TEXT("url", source->url));
}

/* The fetch is over: `body`, or `why`. */
static void settle(struct source *source, struct span body, const struct error *why)
{
    const struct log *log = loop_log(source->store->loop);
    struct error fault = why ? *why : (struct error){0};
    struct jwks *keys = why ? NULL : jwks_parse(body, &fault);
    source->is_fetching = false;
    timer_stop(&source->patience);
    if (keys) {
        jwks_unref(source->keys);
        source->keys = keys;
        source->version = ++source->store->versions;
        source->fetched_ms = now_ms(source);
        source->why = (struct error){0};
        log_debug(log, "Fetched the keys of an Access issuer", LOG_TEXT("url", source->url),
                  LOG_INT("keys", jwks_count(keys)));
    } else {
        source->why = fault;
        log_warn(log, "The keys of an Access issuer could not be fetched",
                 LOG_TEXT("url", source->url), LOG_ERROR(&source->why),
                 LOG_BOOL("oldKeysServe", source->keys != NULL));
    }
    wait_for_next(source);
    answer_all(source, keys ? NULL : &source->why);
}

static void on_fetched(struct key_request *request, struct span body, const struct error *why)
{
    settle(CONTAINER_OF(request, struct source, request), body, why);
}

static void on_refused(void *arg)
{
    struct source *source = arg;
    struct error why = source->why;
    settle(source, SPAN_NONE, &why);
}

static void on_patience_over(void *arg)
{
    struct source *source = arg;
    struct error why;
    (void)error_set(&why, ERROR_TIMEOUT, 0, "GET %.150s: nothing within %d ms", source->url,
                    KEY_STORE_WAIT_MS);
    answer_all(source, &why);
}

static void on_next(void *arg)
{
    struct source *source = arg;
    if (!source->is_fetching && (source->is_wanted || source->asks.count > 0))
        fetch(source);
}

static void fetch(struct source *source)
{
    struct key_store *store = source->store;
    assert(!source->is_fetching);
    source->is_fetching = true;
    source->was_tried = true;
    source->started_ms = now_ms(source);
    earn(source);
    if (source->spare > 0)
        source->spare--;
    source->request = (struct key_request){.url = source->url, .done = on_fetched};
    timer_stop(&source->next);
    bool ok = timer_start(&source->patience, KEY_STORE_WAIT_MS) || error_memory(&source->why);
    if (!ok || !key_fetcher_start(store->fetcher, &source->request, &source->why))
        task_post(&source->refuse);
}

/* ---- sources ---- */

static void source_free(struct source *source)
{
    timer_stop(&source->next);
    timer_stop(&source->patience);
    if (source->is_fetching && !link_is_in_list(&source->refuse.link))
        key_fetcher_cancel(source->store->fetcher, &source->request);
    task_cancel(&source->refuse);
    jwks_unref(source->keys);
    free(source->url);
    free(source);
}

static bool make_room(struct key_store *store)
{
    if (store->sources.count < KEY_STORE_ISSUERS_MAX)
        return true;
    for (struct link *it = list_last(&store->sources); it != &store->sources.head; it = it->prev) {
        struct source *source = CONTAINER_OF(it, struct source, link);
        if (source->is_fetching || source->asks.count > 0 || source->is_wanted)
            continue;
        list_remove(&store->sources, it);
        source_free(source);
        return true;
    }
    return false;
}

static struct source *source_new(struct key_store *store, const char *url)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    source->store = store;
    source->url = span_dup(span_of(url));
    if (!source->url) {
        free(source);
        return NULL;
    }
    source->spare = KEY_STORE_SPARE_MAX;
    source->earned_ms = now_ms(source);
    list_init(&source->asks);
    timer_init(&source->next, store->loop, on_next, source);
    timer_init(&source->patience, store->loop, on_patience_over, source);
    task_init(&source->refuse, store->loop, TASK_SOON, on_refused, source);
    return source;
}

/* The source of the URL, made if it is new, and the first of the list then. NULL: `err`. */
static struct source *find(struct key_store *store, const char *url, struct error *err)
{
    struct source *source = NULL;
    LIST_EACH (it, &store->sources) {
        struct source *other = CONTAINER_OF(it, struct source, link);
        if (strcmp(other->url, url) == 0) {
            source = other;
            break;
        }
    }
    if (source) {
        list_remove(&store->sources, &source->link);
    } else {
        if (!make_room(store)) {
            (void)error_set(err, ERROR_LIMIT, 0, "keys of more than %d issuers",
                            KEY_STORE_ISSUERS_MAX);
            return NULL;
        }
        source = source_new(store, url);
        if (!source) {
            (void)error_memory(err);
            return NULL;
        }
    }
    list_put_first(&store->sources, &source->link);
    return source;
}

/* ---- the public side ---- */

struct key_store *key_store_new(struct loop *loop, struct key_fetcher *fetcher)
{
    struct key_store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->loop = loop;
    store->fetcher = fetcher;
    list_init(&store->sources);
    return store;
}

void key_store_begin_wants(struct key_store *store)
{
    LIST_EACH (it, &store->sources)
        CONTAINER_OF(it, struct source, link)->is_wanted = false;
}

void key_store_want(struct key_store *store, const char *url)
{
    struct error err;
    if (store->is_stopped)
        return;
    struct source *source = find(store, url, &err);
    if (!source) {
        log_warn(loop_log(store->loop), "The keys of an Access issuer are not fetched in advance",
                 LOG_TEXT("url", url), LOG_ERROR(&err));
        return;
    }
    source->is_wanted = true;
    bool is_stale = !source->keys || now_ms(source) - source->fetched_ms >= KEY_STORE_FRESH_MS;
    if (is_stale && may_fetch(source))
        fetch(source);
    else if (!source->is_fetching && !timer_is_armed(&source->next))
        wait_for_next(source);
}

/* Can a fetch be waited for? Else `why` says why not. */
static bool can_wait(struct source *source, struct error *why)
{
    if (source->is_fetching)
        return timer_is_armed(&source->patience) ||
               error_set(why, ERROR_TIMEOUT, 0, "GET %.150s: no answer yet", source->url);
    if (may_fetch(source))
        return true;
    /* The issuer was not reached just now: nobody has to wait to hear it again. */
    if (source->why.kind != ERROR_NONE) {
        *why = source->why;
        return false;
    }
    return timer_start(&source->next, wait_ms_for_fetch(source)) || error_memory(why);
}

/* Nothing of what there is will do. */
static bool ask_for_fetch(struct source *source, struct key_ask *ask)
{
    struct error why;
    if (!can_wait(source, &why)) {
        fill(source, ask, &why);
        return true;
    }
    list_put_last(&source->asks, &ask->link);
    if (may_fetch(source))
        fetch(source);
    return false;
}

bool key_store_ask(struct key_store *store, struct key_ask *ask)
{
    ask->keys = NULL;
    ask->why = (struct error){0};
    if (store->is_stopped) {
        (void)error_set(&ask->why, ERROR_SYSTEM, 0, "the connector stops");
        return true;
    }
    struct source *source = find(store, ask->url, &ask->why);
    if (!source)
        return true;
    uint64_t age_ms = now_ms(source) - source->fetched_ms;
    if (source->keys && age_ms >= KEY_STORE_AGE_MAX_MS) {
        jwks_unref(source->keys);
        source->keys = NULL;
    }
    if (!source->keys || (ask->wants_newer && ask->version == source->version))
        return ask_for_fetch(source, ask);
    if (age_ms >= KEY_STORE_FRESH_MS && may_fetch(source))
        fetch(source);
    fill(source, ask, NULL);
    return true;
}

void key_store_stop(struct key_store *store)
{
    struct error why;
    (void)error_set(&why, ERROR_SYSTEM, 0, "the connector stops");
    store->is_stopped = true;
    LIST_EACH (it, &store->sources) {
        struct source *source = CONTAINER_OF(it, struct source, link);
        timer_stop(&source->next);
        answer_all(source, &why);
    }
}

void key_store_free(struct key_store *store)
{
    if (!store)
        return;
    LIST_EACH_SAFE (it, after, &store->sources)
        source_free(CONTAINER_OF(it, struct source, link));
    free(store);
}
