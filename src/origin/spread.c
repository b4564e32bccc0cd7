/* A request keeps a copy of its head until an answer begins or a second try is out of question. */
#include "culvert/origin/spread.h"

#include "culvert/observe/tunnel_metrics.h"
#include "culvert/origin/roster.h"

#include "http_origin_parts.h"

#include <assert.h>
#include <stdlib.h>

struct spread {
    struct opener opener;
    struct spread_options options;
    struct roster *roster;
    size_t count; /* members so far */
    size_t open;  /* outbounds that were not closed */
    struct spread_member members[];
};

struct spread_outbound {
    struct outbound out;
    struct spread *spread;
    struct request_head head; /* of what may be tried again */
    struct body *body;
    struct roster_turn turn;
    struct outbound *sent; /* of the member */
    bool was_tried_again;
    bool has_answer;
    bool is_closed;
    struct reap reap;
};

/* ---- what the members are worth ---- */

static void note_failure(struct spread *spread, const struct roster_turn *turn,
                         const struct error *why)
{
    const struct spread_options *options = &spread->options;
    uint64_t aside_ms;
    size_t before = roster_aside(spread->roster);
    if (!roster_failed(spread->roster, turn, loop_now_ms(options->loop), &aside_ms))
        return;
    log_warn(loop_log(options->loop), "An address of a service is put aside", LOG_ERROR(why),
             LOG_INT("ingressRule", options->rule), LOG_TEXT("originService", options->name),
             LOG_TEXT("address", spread->members[turn->index].address), LOG_INT("forMs", aside_ms));
    if (options->metrics)
        tunnel_metrics_put_aside(options->metrics, options->rule,
                                 roster_aside(spread->roster) != before);
}

static void note_success(struct spread *spread, const struct roster_turn *turn)
{
    const struct spread_options *options = &spread->options;
    if (!roster_worked(spread->roster, turn))
        return;
    log_info(loop_log(options->loop), "An address of a service is back",
             LOG_INT("ingressRule", options->rule), LOG_TEXT("originService", options->name),
             LOG_TEXT("address", spread->members[turn->index].address));
    if (options->metrics)
        tunnel_metrics_brought_back(options->metrics, options->rule, 1);
}

/* A pick may find that the checks brought some back. */
static struct roster_turn pick(struct spread *spread, size_t except)
{
    const struct spread_options *options = &spread->options;
    size_t before = roster_aside(spread->roster);
    struct roster_turn turn = roster_pick(spread->roster, loop_now_ms(options->loop), except);
    size_t after = roster_aside(spread->roster);
    if (options->metrics && after < before)
        tunnel_metrics_brought_back(options->metrics, options->rule, before - after);
    return turn;
}

/* ---- one request ---- */

/* Is it the address's fault? */
static bool is_about_address(const struct error *why)
{
    return why->kind == ERROR_NETWORK || why->kind == ERROR_TIMEOUT || why->kind == ERROR_PROTOCOL;
}

static bool has_body_been_touched(const struct body *body)
{
    return channel_total(body->bytes) > channel_len(body->bytes);
}

/* `unsent`: nothing of it left. */
static bool may_try_again(const struct spread_outbound *call, const struct error *why, bool unsent)
{
    bool elsewhere = is_about_address(why) || why->kind == ERROR_LIMIT;
    return !call->was_tried_again && call->spread->options.count > 1 && elsewhere &&
           !has_body_been_touched(call->body) && (unsent || http_origin_may_repeat(&call->head));
}

static const struct outbound_events member_events;

static bool ask_member(struct spread_outbound *call, struct error *err)
{
    struct spread *spread = call->spread;
    call->sent = opener_open(spread->members[call->turn.index].opener, &call->head, call->body,
                             &member_events, call, err);
    if (call->sent)
        return true;
    if (is_about_address(err))
        note_failure(spread, &call->turn, err);
    return false;
}

/* The last try failed before an answer began. */
static bool send_elsewhere(struct spread_outbound *call, struct error *err)
{
    struct spread *spread = call->spread;
    const struct roster_turn last = call->turn;
    outbound_close(call->sent);
    call->sent = NULL;
    call->was_tried_again = true;
    roster_leave(spread->roster, &last);
    call->turn = pick(spread, last.index);
    log_debug(loop_log(spread->options.loop), "Trying another address of a service", LOG_ERROR(err),
              LOG_INT("ingressRule", spread->options.rule),
              LOG_TEXT("address", spread->members[last.index].address),
              LOG_TEXT("next", spread->members[call->turn.index].address));
    return ask_member(call, err);
}

static void on_inform(void *arg, const struct response_head *head)
{
    struct spread_outbound *call = arg;
    call->out.events->on_inform(call->out.arg, head);
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct spread_outbound *call = arg;
    call->has_answer = true;
    request_head_release(&call->head);
    request_head_init(&call->head);
    note_success(call->spread, &call->turn);
    call->out.events->on_answer(call->out.arg, head, body);
}

static void on_done(void *arg)
{
    struct spread_outbound *call = arg;
    call->out.fault = call->sent->fault;
    call->out.events->on_done(call->out.arg);
}

static void on_failed(void *arg, const struct error *why)
{
    struct spread_outbound *call = arg;
    struct error told = *why;
    if (!call->has_answer && is_about_address(why))
        note_failure(call->spread, &call->turn, why);
    if (!call->has_answer && may_try_again(call, why, call->sent->is_unsent) &&
        send_elsewhere(call, &told))
        return;
    call->out.events->on_failed(call->out.arg, &told);
}

static void on_half_closed(void *arg)
{
    struct spread_outbound *call = arg;
    if (call->out.events->on_half_closed)
        call->out.events->on_half_closed(call->out.arg);
}

static const struct outbound_events member_events = {on_inform, on_answer, on_done, on_failed,
                                                     on_half_closed};

static void destroy(void *object)
{
    struct spread_outbound *call = object;
    request_head_release(&call->head);
    free(call);
}

static void out_close(struct outbound *out)
{
    struct spread_outbound *call = CONTAINER_OF(out, struct spread_outbound, out);
    if (call->is_closed)
        return;
    call->is_closed = true;
    outbound_close(call->sent);
    roster_leave(call->spread->roster, &call->turn);
    call->spread->open--;
    loop_reap(call->spread->options.loop, &call->reap, destroy, call);
}

static void out_upgraded(struct outbound *out)
{
    const struct spread_outbound *call = CONTAINER_OF(out, struct spread_outbound, out);
    outbound_upgraded(call->sent);
}

static struct outbound *spread_open(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    static const struct outbound_ops ops = {out_close, out_upgraded};
    struct spread *spread = CONTAINER_OF(opener, struct spread, opener);
    struct spread_outbound *call = calloc(1, sizeof *call);
    struct error why;
    assert(spread->count == spread->options.count);
    if (!call) {
        error_memory(err);
        return NULL;
    }
    call->out = (struct outbound){.ops = &ops, .events = events, .arg = arg};
    call->spread = spread;
    call->body = body;
    request_head_init(&call->head);
    if (!request_head_copy(&call->head, head, err)) {
        destroy(call);
        return NULL;
    }
    call->turn = pick(spread, ROSTER_NONE);
    if (ask_member(call, &why) || (may_try_again(call, &why, true) && send_elsewhere(call, &why))) {
        spread->open++;
        return &call->out;
    }
    roster_leave(spread->roster, &call->turn);
    destroy(call);
    if (err)
        *err = why;
    return NULL;
}

/* ---- the spread itself ---- */

struct spread *spread_new(const struct spread_options *options, struct error *err)
{
    static const struct opener_ops ops = {spread_open};
    struct spread *spread = calloc(1, sizeof *spread + options->count * sizeof spread->members[0]);
    if (!spread) {
        error_memory(err);
        return NULL;
    }
    spread->opener.ops = &ops;
    spread->options = *options;
    spread->roster = roster_new(options->count, options->board, err);
    if (spread->roster)
        return spread;
    free(spread);
    return NULL;
}

bool spread_put(struct spread *spread, const struct spread_member *member, struct error *err)
{
    assert(spread->count < spread->options.count);
    struct spread_member *place = &spread->members[spread->count];
    *place = *member;
    place->address = span_dup(span_of(member->address));
    if (!place->address) {
        member->release(member->object);
        return error_memory(err);
    }
    spread->count++;
    return true;
}

struct opener *spread_opener(struct spread *spread)
{
    return &spread->opener;
}

void spread_free(struct spread *spread)
{
    if (!spread)
        return;
    const struct spread_options *options = &spread->options;
    size_t aside = roster_aside(spread->roster);
    assert(spread->open == 0);
    if (options->metrics && aside > 0)
        tunnel_metrics_brought_back(options->metrics, options->rule, aside);
    for (size_t i = 0; i < spread->count; i++) {
        spread->members[i].release(spread->members[i].object);
        free((void *)(uintptr_t)spread->members[i].address);
    }
    roster_free(spread->roster);
    free(spread);
}
