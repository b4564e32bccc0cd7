/* A place is in no list while it dials: its count is enough. Turns are given at the end of a loop's
 * turn, so that a request which is reset at once neither dials nor takes a connection that rests,
 * and what was given back meanwhile is there for who waits. */
#include "culvert/origin/line.h"

#include <stdlib.h>

enum { LOOKS_MAX = 64 }; /* places passed over for one that a resting connection fits */

struct origin_line {
    struct loop *loop;
    struct origin_pool *pool;
    uint64_t wait_ms;
    size_t dials_max;
    struct list waiting; /* of struct origin_place, by `since_ms` */
    size_t dials;
    struct list left; /* of struct left_dial: counted in `dials`, too */
    struct task serve;
    struct timer late; /* for the first one that waits */
};

/* A dial whose request is gone. */
struct left_dial {
    struct link link;
    struct origin_line *line;
    struct dial *dial; /* NULL: it came to its end */
    struct budget *budget;
    struct timer limit;
    char server_name[];
};

static struct origin_place *first_of(const struct origin_line *line)
{
    struct link *first = list_first(&line->waiting);
    return first ? CONTAINER_OF(first, struct origin_place, link) : NULL;
}

/* Whose turn it is, and with which connection, NULL: to dial. */
static struct origin_place *next_turn(struct origin_line *line, struct h1_client **client)
{
    size_t looks = 0;
    LIST_EACH (it, &line->waiting) {
        struct origin_place *place = CONTAINER_OF(it, struct origin_place, link);
        *client = place->is_fresh ? NULL : origin_pool_take(line->pool, place->server_name);
        if (*client || line->dials < line->dials_max)
            return place;
        if (origin_pool_count(line->pool) == 0 || ++looks == LOOKS_MAX)
            break;
    }
    return NULL;
}

static void watch_time(struct origin_line *line)
{
    const struct origin_place *first = first_of(line);
    timer_stop(&line->late);
    if (!first || line->wait_ms == 0)
        return;
    uint64_t waited = loop_now_ms(line->loop) - first->since_ms;
    /* Without memory for it the next turn that is given looks again. */
    bool armed = timer_start(&line->late, waited < line->wait_ms ? line->wait_ms - waited : 0);
    (void)armed;
}

static void serve(void *arg)
{
    struct origin_line *line = arg;
    struct h1_client *client;
    struct origin_place *place;
    while ((place = next_turn(line, &client))) {
        list_remove(&line->waiting, &place->link);
        place->dials = !client;
        line->dials += !client;
        if (client)
            place->line = NULL;
        place->events->on_turn(place->arg, client);
    }
    watch_time(line);
}

static void end_late(void *arg)
{
    struct origin_line *line = arg;
    struct origin_place *first;
    struct error why;
    uint64_t now = loop_now_ms(line->loop);
    error_set(&why, ERROR_TIMEOUT, 0, "too many others are dialed for %llu ms",
              (unsigned long long)line->wait_ms);
    error_label(&why, "busy");
    while ((first = first_of(line)) && now - first->since_ms >= line->wait_ms) {
        list_remove(&line->waiting, &first->link);
        first->line = NULL;
        first->events->on_late(first->arg, &why);
    }
    watch_time(line);
}

struct origin_line *origin_line_new(struct loop *loop, const struct origin_line_options *options,
                                    struct error *err)
{
    struct origin_line *line = calloc(1, sizeof *line);
    if (!line) {
        error_memory(err);
        return NULL;
    }
    line->loop = loop;
    line->wait_ms = options->wait_ms;
    line->dials_max = options->dials_max > 0 ? options->dials_max : ORIGIN_DIALS_MAX;
    list_init(&line->waiting);
    list_init(&line->left);
    task_init(&line->serve, loop, TASK_FLUSH, serve, line);
    timer_init(&line->late, loop, end_late, line);
    line->pool = origin_pool_new(loop, options->idle_limit, options->idle_ms, err);
    if (line->pool)
        return line;
    free(line);
    return NULL;
}

bool origin_line_join(struct origin_line *line, struct origin_place *place, struct error *err)
{
    if (line->waiting.count >= ORIGIN_WAITERS_MAX) {
        error_set(err, ERROR_LIMIT, 0, "%u requests wait for a connection already",
                  ORIGIN_WAITERS_MAX);
        return error_label(err, "busy");
    }
    place->line = line;
    place->dials = false;
    place->since_ms = loop_now_ms(line->loop);
    list_put_last(&line->waiting, &place->link);
    task_post(&line->serve);
    return true;
}

void origin_line_join_again(struct origin_line *line, struct origin_place *place)
{
    const struct origin_place *first = first_of(line);
    place->line = line;
    place->dials = false;
    place->since_ms = first ? first->since_ms : loop_now_ms(line->loop);
    list_put_first(&line->waiting, &place->link);
    task_post(&line->serve);
}

void origin_place_leave(struct origin_place *place)
{
    struct origin_line *line = place->line;
    if (!line)
        return;
    place->line = NULL;
    if (place->dials)
        line->dials--;
    else
        list_remove(&line->waiting, &place->link);
    if (place->dials && line->waiting.count > 0)
        task_post(&line->serve);
}

/* ---- dials that were left ---- */

static void end_left(struct left_dial *left)
{
    struct origin_line *line = left->line;
    list_remove(&line->left, &left->link);
    timer_stop(&left->limit);
    dial_cancel(left->dial);
    free(left);
    line->dials--;
    if (line->waiting.count > 0)
        task_post(&line->serve);
}

static void on_connected(void *arg, struct conn *conn)
{
    struct left_dial *left = arg;
    left->dial = NULL;
    struct h1_client *client = h1_client_new(conn, left->budget, NULL);
    if (client)
        origin_line_give(left->line, client, left->server_name);
    end_left(left);
}

static void on_dial_failed(void *arg, const struct error *why)
{
    struct left_dial *left = arg;
    (void)why; /* it is nobody's any more */
    left->dial = NULL;
    end_left(left);
}

static void on_limit(void *arg)
{
    end_left(arg);
}

void origin_place_leave_dial(struct origin_place *place, struct dial *dial, struct budget *budget)
{
    static const struct dial_events events = {on_connected, on_dial_failed};
    struct origin_line *line = place->line;
    bool dials = line && dial;
    size_t size = dials ? strlen(place->server_name) + 1 : 0;
    struct left_dial *left = dials ? calloc(1, sizeof *left + size) : NULL;
    if (left)
        timer_init(&left->limit, line->loop, on_limit, left);
    if (!left || !timer_start(&left->limit, ORIGIN_LEFT_MS)) {
        free(left);
        dial_cancel(dial);
        origin_place_leave(place);
        return;
    }
    left->line = line;
    left->dial = dial;
    left->budget = budget;
    memcpy(left->server_name, place->server_name, size);
    dial_set_events(dial, &events, left);
    list_put_last(&line->left, &left->link);
    place->line = NULL;
}

void origin_line_give(struct origin_line *line, struct h1_client *client, const char *server_name)
{
    origin_pool_give(line->pool, client, server_name);
    if (line->waiting.count > 0)
        task_post(&line->serve);
}

size_t origin_line_idle(const struct origin_line *line)
{
    return origin_pool_count(line->pool);
}

void origin_line_free(struct origin_line *line)
{
    if (!line)
        return;
    LIST_EACH_SAFE (it, after, &line->left)
        end_left(CONTAINER_OF(it, struct left_dial, link));
    assert(line->waiting.count == 0 && line->dials == 0);
    task_cancel(&line->serve);
    timer_stop(&line->late);
    origin_pool_free(line->pool);
    free(line);
}
