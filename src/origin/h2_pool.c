/* Everything is kept by TLS name. A seat waits in its name's list until `serve`, at the end of the
 * loop's turn, finds room in a session, or a dial comes to its end:
 *
 *   h2 or in clear  -> a session; who waits gets it at once, before a word of the peer's is read,
 *                      so that each dial serves somebody
 *   http/1.1        -> an idle connection for the line; who waits goes there, as do others for
 *                      H2_POOL_HTTP1_MS
 *   failure         -> everybody who waits hears of it, unless another dial is under way
 *
 * A session without streams rests for `idle_ms`. One that was told to go (GOAWAY), or that is one
 * too many, closes with its last stream. */
#include "culvert/origin/h2_pool.h"

#include <stdlib.h>

struct h2_pool {
    struct loop *loop;
    struct h2_pool_options options;
    struct list names; /* of struct h2_name, the one asked for last first */
    size_t sessions, resting;
    uint64_t newest; /* session */
    uint64_t seats;  /* that joined so far */
    unsigned busy;   /* seats are being told: no name goes meanwhile */
    struct task serve;
};

struct h2_name {
    struct link link;
    struct h2_pool *pool;
    char *text;
    struct list seats;    /* of struct h2_seat that wait */
    struct list sessions; /* of struct shared */
    struct list dials;    /* of struct h2_dial */
    uint64_t http1_until_ms;
    uint32_t streams; /* that a session took last, at most H2_POOL_STREAMS */
};

struct shared {
    struct link link;
    struct h2_name *name;
    struct h2_session *session;
    uint64_t number;
    bool heard; /* how many streams it takes */
    bool used, leaving, rests;
    struct timer limit; /* of its rest */
    struct reap reap;
};

struct h2_dial {
    struct link link;
    struct h2_name *name;
    struct origin_place place;
    struct dial *dial; /* NULL: it waits for its turn */
    struct reap reap;
};

static void serve_name(struct h2_name *name);

/* ---- names ---- */

static bool believes_http1(const struct h2_name *name)
{
    return loop_now_ms(name->pool->loop) < name->http1_until_ms;
}

static bool is_of_use(const struct h2_name *name)
{
    return name->seats.count > 0 || name->sessions.count > 0 || name->dials.count > 0;
}

static void forget(struct h2_name *name)
{
    list_remove(&name->pool->names, &name->link);
    free(name->text);
    free(name);
}

/* A name that is only remembered goes when its time is over, or there are too many of them. */
static void forget_idle(struct h2_pool *pool)
{
    if (pool->busy > 0)
        return;
    LIST_EACH_SAFE (it, after, &pool->names) {
        struct h2_name *name = CONTAINER_OF(it, struct h2_name, link);
        if (!is_of_use(name) && (!believes_http1(name) || pool->names.count > H2_POOL_NAMES))
            forget(name);
    }
}

static void begin_telling(struct h2_pool *pool)
{
    pool->busy++;
}

static void end_telling(struct h2_pool *pool)
{
    pool->busy--;
    forget_idle(pool);
}

static struct h2_name *find_name(struct h2_pool *pool, const char *text)
{
    LIST_EACH (it, &pool->names) {
        struct h2_name *name = CONTAINER_OF(it, struct h2_name, link);
        if (strcmp(name->text, text) != 0)
            continue;
        list_remove(&pool->names, &name->link);
        list_put_first(&pool->names, &name->link);
        return name;
    }
    return NULL;
}

static struct h2_name *add_name(struct h2_pool *pool, const char *text)
{
    struct h2_name *name = calloc(1, sizeof *name);
    if (!name)
        return NULL;
    name->text = span_dup(span_of(text));
    if (!name->text) {
        free(name);
        return NULL;
    }
    forget_idle(pool);
    name->pool = pool;
    name->streams = H2_POOL_STREAMS;
    list_init(&name->seats);
    list_init(&name->sessions);
    list_init(&name->dials);
    list_put_first(&pool->names, &name->link);
    return name;
}

/* ---- those who wait ---- */

static struct h2_seat *first_seat(const struct h2_name *name)
{
    struct link *first = list_first(&name->seats);
    return first ? CONTAINER_OF(first, struct h2_seat, link) : NULL;
}

static void leave_list(struct h2_seat *seat)
{
    list_remove(&seat->name->seats, &seat->link);
    seat->name = NULL;
}

/* All who wait now hear the same: `why`, or NULL for HTTP/1.1. */
static void tell_all(struct h2_name *name, const struct error *why)
{
    struct h2_pool *pool = name->pool;
    struct h2_seat *seat;
    begin_telling(pool);
    for (size_t left = name->seats.count; left > 0 && (seat = first_seat(name)); left--) {
        leave_list(seat);
        if (why)
            seat->events->on_failed(seat->arg, why);
        else
            seat->events->on_http1(seat->arg);
    }
    end_telling(pool);
}

/* ---- dials ---- */

static void destroy_dial(void *object)
{
    free(object);
}

static void end_dial(struct h2_dial *job)
{
    struct h2_name *name = job->name;
    origin_place_leave(&job->place);
    dial_cancel(job->dial);
    list_remove(&name->dials, &job->link);
    loop_reap(name->pool->loop, &job->reap, destroy_dial, job);
}

static void dial_failed(struct h2_dial *job, const struct error *why)
{
    struct h2_name *name = job->name;
    job->dial = NULL;
    end_dial(job);
    if (name->dials.count == 0)
        tell_all(name, why);
}

static bool add_session(struct h2_name *name, struct conn *conn, struct error *err);

/* The connection waits in the line for those who go there now. */
static void take_http1(struct h2_name *name, struct conn *conn)
{
    struct h2_pool *pool = name->pool;
    struct error why;
    struct h1_client *client = h1_client_new(conn, pool->options.budget, &why);
    if (client)
        origin_line_give(pool->options.line, client, name->text);
    name->http1_until_ms = loop_now_ms(pool->loop) + H2_POOL_HTTP1_MS;
    tell_all(name, NULL);
}

static void on_connected(void *arg, struct conn *conn)
{
    struct h2_dial *job = arg;
    struct h2_name *name = job->name;
    struct error why;
    bool is_http1 = name->pool->options.target.tls && !span_equal(conn_protocol(conn), SPAN("h2"));
    if (is_http1) {
        job->dial = NULL;
        end_dial(job);
        take_http1(name, conn);
    } else if (!add_session(name, conn, &why)) {
        dial_failed(job, &why);
    } else {
        job->dial = NULL;
        end_dial(job);
        serve_name(name);
    }
}

static void on_dial_failed(void *arg, const struct error *why)
{
    dial_failed(arg, why);
}

static void on_turn(void *arg, struct h1_client *client)
{
    static const struct dial_events events = {on_connected, on_dial_failed};
    struct h2_dial *job = arg;
    struct h2_pool *pool = job->name->pool;
    struct dial_target target = pool->options.target;
    struct error why;
    assert(!client); /* it asked for none */
    target.server_name = target.tls ? job->name->text : NULL;
    job->dial = dial_start(pool->loop, pool->options.resolver, &target, &events, job, &why);
    if (!job->dial)
        dial_failed(job, &why);
}

static void on_late(void *arg, const struct error *why)
{
    dial_failed(arg, why);
}

static bool dial_one(struct h2_name *name, struct error *err)
{
    static const struct origin_place_events events = {on_turn, on_late};
    struct h2_dial *job = calloc(1, sizeof *job);
    if (!job)
        return error_memory(err);
    job->name = name;
    job->place = (struct origin_place){
        .is_fresh = true, .server_name = name->text, .events = &events, .arg = job};
    if (!origin_line_join(name->pool->options.line, &job->place, err)) {
        free(job);
        return false;
    }
    list_put_last(&name->dials, &job->link);
    return true;
}

/* Sessions that may have room for all we know. */
static size_t to_come(const struct h2_name *name)
{
    size_t count = name->dials.count;
    LIST_EACH (it, &name->sessions) {
        const struct shared *shared = CONTAINER_OF(it, struct shared, link);
        count += !shared->heard && !shared->leaving;
    }
    return count;
}

/* As many as those who wait need, if sessions are as large as they should be. */
static void dial_for_all(struct h2_name *name)
{
    struct error why;
    while (to_come(name) * name->streams < name->seats.count) {
        if (dial_one(name, &why))
            continue;
        if (name->dials.count == 0)
            tell_all(name, &why);
        return;
    }
}

/* ---- sessions ---- */

static void destroy_shared(void *object)
{
    free(object);
}

static void stop_rest(struct shared *shared)
{
    if (shared->rests)
        shared->name->pool->resting--;
    shared->rests = false;
    timer_stop(&shared->limit);
}

static void close_session(struct shared *shared)
{
    struct h2_name *name = shared->name;
    stop_rest(shared);
    name->pool->sessions--;
    list_remove(&name->sessions, &shared->link);
    h2_session_close(shared->session);
    loop_reap(name->pool->loop, &shared->reap, destroy_shared, shared);
}

static void rest_is_over(void *arg)
{
    struct shared *shared = arg;
    struct h2_pool *pool = shared->name->pool;
    close_session(shared);
    forget_idle(pool);
}

static void rest(struct shared *shared)
{
    struct h2_pool *pool = shared->name->pool;
    bool stays = !shared->leaving && pool->resting < pool->options.idle_limit;
    if (shared->rests)
        return;
    if (!stays ||
        (pool->options.idle_ms > 0 && !timer_start(&shared->limit, pool->options.idle_ms))) {
        rest_is_over(shared);
        return;
    }
    shared->rests = true;
    pool->resting++;
}

/* Asks to hear of the next stream that ends while somebody waits for its room, else of the last. */
static void watch(struct shared *shared)
{
    if (shared->rests)
        return;
    size_t open = h2_session_streams(shared->session);
    bool wanted = shared->name->seats.count > 0 && !shared->leaving && open > 0;
    h2_session_tell_idle(shared->session, wanted ? open - 1 : 0);
}

static void on_idle(void *arg)
{
    struct shared *shared = arg;
    if (shared->name->seats.count > 0 && h2_session_can_open(shared->session))
        serve_name(shared->name);
    if (h2_session_streams(shared->session) == 0)
        rest(shared); /* those who still wait want another one */
    else
        watch(shared);
}

static void on_goaway(void *arg, uint32_t code)
{
    struct shared *shared = arg;
    (void)code;
    shared->leaving = true;
    stop_rest(shared);
    watch(shared);
    task_post(&shared->name->pool->serve);
}

static void on_settings(void *arg)
{
    struct shared *shared = arg;
    struct h2_name *name = shared->name;
    uint32_t limit = h2_session_limit(shared->session);
    shared->heard = true;
    name->streams = limit < H2_POOL_STREAMS ? limit : H2_POOL_STREAMS;
    if (name->streams == 0)
        name->streams = 1; /* each dial serves somebody */
    if (name->seats.count > 0)
        task_post(&name->pool->serve);
}

/* Its streams hear it, too. Who waits for room in it is dialed for, unless it never spoke. */
static void on_closed(void *arg, const struct error *why)
{
    struct shared *shared = arg;
    struct h2_name *name = shared->name;
    struct h2_pool *pool = name->pool;
    bool heard = shared->heard;
    begin_telling(pool);
    close_session(shared);
    if (!heard && to_come(name) == 0)
        tell_all(name, why);
    else if (name->seats.count > 0)
        task_post(&pool->serve);
    end_telling(pool);
}

/* A client is handed no requests. */
static void on_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static bool add_session(struct h2_name *name, struct conn *conn, struct error *err)
{
    static const struct h2_session_events events = {
        .on_request = on_request,
        .on_goaway = on_goaway,
        .on_idle = on_idle,
        .on_closed = on_closed,
        .on_settings = on_settings,
    };
    struct h2_pool *pool = name->pool;
    const struct h2_options options = {
        .peer_streams = name->streams < H2_POOL_EARLY ? name->streams : H2_POOL_EARLY,
        .is_quiet = true,
        .head_max = ANSWER_HEAD_MAX,
        .budget = pool->options.budget,
    };
    struct shared *shared = calloc(1, sizeof *shared);
    if (!shared) {
        conn_close(conn);
        return error_memory(err);
    }
    shared->session = h2_session_new(conn, &options, &events, shared, err);
    if (!shared->session) {
        free(shared);
        return false;
    }
    shared->name = name;
    shared->number = ++pool->newest;
    timer_init(&shared->limit, pool->loop, rest_is_over, shared);
    list_put_last(&name->sessions, &shared->link);
    pool->sessions++;
    return true;
}

/* The oldest with room, so that those of a burst come to their end. */
static struct shared *session_for(const struct h2_seat *seat)
{
    LIST_EACH (it, &seat->name->sessions) {
        struct shared *shared = CONTAINER_OF(it, struct shared, link);
        if (shared->number > seat->behind && !shared->leaving &&
            h2_session_can_open(shared->session))
            return shared;
    }
    return NULL;
}

static void seat_at(struct h2_seat *seat, struct shared *shared)
{
    bool was_used = shared->used;
    leave_list(seat);
    stop_rest(shared);
    shared->used = true;
    seat->events->on_session(seat->arg, shared->session, was_used);
}

static void serve_name(struct h2_name *name)
{
    struct h2_pool *pool = name->pool;
    struct shared *shared;
    if (believes_http1(name)) {
        tell_all(name, NULL);
        return;
    }
    begin_telling(pool);
    LIST_EACH_SAFE (it, after, &name->seats) {
        struct h2_seat *seat = CONTAINER_OF(it, struct h2_seat, link);
        if ((shared = session_for(seat)))
            seat_at(seat, shared);
    }
    dial_for_all(name);
    LIST_EACH (it, &name->sessions)
        watch(CONTAINER_OF(it, struct shared, link));
    end_telling(pool);
}

static void serve(void *arg)
{
    struct h2_pool *pool = arg;
    begin_telling(pool);
    LIST_EACH_SAFE (it, after, &pool->names) {
        struct h2_name *name = CONTAINER_OF(it, struct h2_name, link);
        if (name->seats.count > 0)
            serve_name(name);
    }
    end_telling(pool);
}

/* ---- the pool ---- */

struct h2_pool *h2_pool_new(struct loop *loop, const struct h2_pool_options *options,
                            struct error *err)
{
    struct h2_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        error_memory(err);
        return NULL;
    }
    pool->loop = loop;
    pool->options = *options;
    list_init(&pool->names);
    task_init(&pool->serve, loop, TASK_FLUSH, serve, pool);
    return pool;
}

/* Who joins again waited before those who are new. */
static void put_in_order(struct list *seats, struct h2_seat *seat)
{
    struct link *after = &seats->head;
    while (after->prev != &seats->head &&
           CONTAINER_OF(after->prev, struct h2_seat, link)->order > seat->order)
        after = after->prev;
    list_put_before(seats, after, &seat->link);
}

bool h2_pool_join(struct h2_pool *pool, struct h2_seat *seat, const char *server_name,
                  struct error *err)
{
    struct h2_name *name = find_name(pool, server_name);
    if (!name)
        name = add_name(pool, server_name);
    if (!name)
        return error_memory(err);
    if (name->seats.count >= ORIGIN_WAITERS_MAX)
        return error_set(err, ERROR_LIMIT, 0, "%u requests wait for a session already",
                         ORIGIN_WAITERS_MAX);
    seat->name = name;
    if (seat->order == 0)
        seat->order = ++pool->seats;
    put_in_order(&name->seats, seat);
    task_post(&pool->serve);
    return true;
}

void h2_seat_leave(struct h2_seat *seat)
{
    struct h2_name *name = seat->name;
    if (!name)
        return;
    leave_list(seat);
    if (name->seats.count > 0)
        return;
    LIST_EACH_SAFE (it, after, &name->dials)
        end_dial(CONTAINER_OF(it, struct h2_dial, link));
    forget_idle(name->pool);
}

uint64_t h2_pool_newest(const struct h2_pool *pool)
{
    return pool->newest;
}

size_t h2_pool_count(const struct h2_pool *pool)
{
    return pool->sessions;
}

void h2_pool_free(struct h2_pool *pool)
{
    if (!pool)
        return;
    task_cancel(&pool->serve);
    LIST_EACH_SAFE (it, after, &pool->names) {
        struct h2_name *name = CONTAINER_OF(it, struct h2_name, link);
        assert(name->seats.count == 0);
        LIST_EACH_SAFE (dial, next_dial, &name->dials)
            end_dial(CONTAINER_OF(dial, struct h2_dial, link));
        LIST_EACH_SAFE (session, next, &name->sessions)
            close_session(CONTAINER_OF(session, struct shared, link));
        forget(name);
    }
    free(pool);
}
