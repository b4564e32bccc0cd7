/* The corridor: waits for the answer's head, hands it on, lets the channels carry the bodies, and
 * ends when both sides are done.
 *
 *   OPENING --on_answer--> ANSWERING --both done--> ended
 *      \--on_failed: the failure answer--> FAILING --answered--> ended
 *      \--aborted--> ended (the outbound is cancelled)
 *   ANSWERING --on_failed--> LAST_WORDS --they left: the answer is cut--> ended
 *   ANSWERING, upgraded, one direction ended --nothing moves in the other: it is cut--> ended
 *   FAILING --exchange_cut, or the hooks reset it--> ended */
#include "culvert/proxy/exchange.h"

enum exchange_state { OPENING, ANSWERING, LAST_WORDS, FAILING, ENDED };

enum { LOOK_AGAIN_MS = 10, LOOK_SELDOM_MS = 160 };

struct exchange {
    struct loop *loop;
    enum exchange_state state;
    bool out_done;    /* the outbound told its end */
    bool in_answered; /* the whole answer left */
    struct inbound *in;
    struct outbound *out;
    struct body *answer_body;
    struct timer patience; /* of an upgrade, and with last words */
    uint64_t moved;        /* when the timer was started, or what lay there when last looked at */
    uint64_t moved_ms;     /* when that changed */
    uint64_t look_ms;      /* until the next look at last words */
    const struct exchange_hooks *hooks;
    void *arg;
    uint64_t started_ms, headed_ms;
    uint64_t bytes_out;
    int status;
    bool by_origin, upgraded, cut, peer_left;
    const struct error *failure; /* the first; kept; NULL: none */
    struct task end;
    struct reap reap;
};

static void destroy(void *object)
{
    struct exchange *exchange = object;
    error_drop(exchange->failure);
    free(exchange);
}

static void note_failure(struct exchange *exchange, const struct error *why)
{
    if (!exchange->failure)
        exchange->failure = error_keep(why);
}

/* A stream that ends well may have one to tell of all the same. */
static void note_fault(struct exchange *exchange)
{
    if (exchange->state == ANSWERING && exchange->out && exchange->out->fault)
        note_failure(exchange, exchange->out->fault);
}

/* While the answer's body is there. */
static void count_out(struct exchange *exchange)
{
    if (exchange->answer_body)
        exchange->bytes_out = channel_total(exchange->answer_body->bytes);
}

static void close_out(struct exchange *exchange)
{
    count_out(exchange);
    exchange->answer_body = NULL;
    outbound_close(exchange->out);
    exchange->out = NULL;
}

static struct exchange_report make_report(struct exchange *exchange)
{
    count_out(exchange);
    struct exchange_report report = {
        .started_ms = exchange->started_ms,
        .headed_ms = exchange->headed_ms,
        .ended_ms = loop_now_ms(exchange->loop),
        .status = exchange->status,
        .by_origin = exchange->by_origin,
        .upgraded = exchange->upgraded,
        .cut = exchange->cut,
        .peer_left = exchange->peer_left,
        .bytes_in = channel_total(exchange->in->body->bytes),
        .bytes_out = exchange->bytes_out,
    };
    if (exchange->failure)
        report.failure = *exchange->failure;
    return report;
}

/* Runs as a task: nothing of the two sides is on the stack. */
static void end(void *arg)
{
    struct exchange *exchange = arg;
    const struct exchange_report report = make_report(exchange);
    inbound_close(exchange->in);
    close_out(exchange);
    exchange->in = NULL;
    loop_reap(exchange->loop, &exchange->reap, destroy, exchange);
    exchange->hooks->ended(exchange->arg, &report);
}

static void end_soon(struct exchange *exchange)
{
    exchange->state = ENDED;
    timer_stop(&exchange->patience);
    task_post(&exchange->end);
}

static void note_head(struct exchange *exchange, int status, bool by_origin)
{
    exchange->status = status;
    exchange->by_origin = by_origin;
    exchange->headed_ms = loop_now_ms(exchange->loop);
}

/* No answer of the origin's will come: the failure answer takes its place. */
static void fail(struct exchange *exchange, const struct error *why)
{
    note_failure(exchange, why);
    exchange->state = FAILING;
    close_out(exchange);
    int status = exchange->hooks->fail(exchange->arg, exchange->in, why);
    if (status == 0)
        end_soon(exchange); /* reset: no callback will follow */
    else
        note_head(exchange, status, false);
}

/* The inbound has nothing to lose any more: all of the answer left, and of an upgrade, its peer had
 * said all before. */
static bool in_is_over(const struct exchange *exchange)
{
    return exchange->in_answered &&
           (!exchange->upgraded || channel_is_ended(exchange->in->body->bytes));
}

/* The answer that was begun cannot be finished; if all of it has left, there is nothing to cut. */
static void cut(struct exchange *exchange, const struct error *why)
{
    if (!in_is_over(exchange)) {
        note_failure(exchange, why);
        exchange->cut = true;
        inbound_reset(exchange->in, why);
    }
    end_soon(exchange);
}

/* ---- upgrades ---- */

/* Bytes that came and bytes that went on, both ways. */
static uint64_t count_moved(const struct exchange *exchange)
{
    const struct body *bodies[] = {exchange->in->body, exchange->answer_body};
    uint64_t moved = 0;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (bodies[i])
            moved += 2 * channel_total(bodies[i]->bytes) - channel_len(bodies[i]->bytes);
    return moved;
}

static void watch_half_closed(struct exchange *exchange)
{
    struct error why;
    exchange->moved = count_moved(exchange);
    if (timer_start(&exchange->patience, EXCHANGE_HALF_CLOSED_MS))
        return;
    error_memory(&why);
    cut(exchange, &why);
}

static void judge_half_closed(struct exchange *exchange)
{
    struct error why;
    if (count_moved(exchange) != exchange->moved) {
        watch_half_closed(exchange);
        return;
    }
    error_set(&why, ERROR_TIMEOUT, 0, "one direction ended, and nothing moved in the other");
    cut(exchange, &why);
}

/* What came before a failure was meant for the peer, and may say why: a close code. It leaves
 * first; a reset right behind it would overtake it. Who takes nothing of it for long is cut. */
static void hear_last_words(struct exchange *exchange)
{
    uint64_t wait_ms = exchange->look_ms;
    exchange->look_ms = wait_ms < LOOK_SELDOM_MS ? 2 * wait_ms : wait_ms;
    if (!timer_start(&exchange->patience, wait_ms))
        cut(exchange, exchange->failure);
}

static void judge_last_words(struct exchange *exchange)
{
    uint64_t now_ms = loop_now_ms(exchange->loop);
    size_t left = channel_len(exchange->answer_body->bytes);
    if (left < exchange->moved)
        exchange->moved_ms = now_ms;
    exchange->moved = left;
    if (left > 0 && now_ms - exchange->moved_ms < EXCHANGE_LAST_WORDS_MS)
        hear_last_words(exchange);
    else
        cut(exchange, exchange->failure);
}

static void lose_patience(void *arg)
{
    struct exchange *exchange = arg;
    if (exchange->state == LAST_WORDS)
        judge_last_words(exchange);
    else
        judge_half_closed(exchange);
}

static void break_off(struct exchange *exchange, const struct error *why)
{
    if (exchange->in_answered || !exchange->answer_body) {
        cut(exchange, why);
        return;
    }
    note_failure(exchange, why);
    exchange->state = LAST_WORDS;
    exchange->moved = channel_len(exchange->answer_body->bytes);
    exchange->moved_ms = loop_now_ms(exchange->loop);
    exchange->look_ms = LOOK_AGAIN_MS;
    hear_last_words(exchange);
}

static void on_half_closed(void *arg)
{
    struct exchange *exchange = arg;
    if (exchange->state == ANSWERING && exchange->upgraded && !timer_is_armed(&exchange->patience))
        watch_half_closed(exchange);
}

/* ---- the outbound speaks ---- */

static void on_inform(void *arg, const struct response_head *head)
{
    struct exchange *exchange = arg;
    if (exchange->state == OPENING)
        inbound_inform(exchange->in, head);
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct exchange *exchange = arg;
    struct error why;
    if (exchange->state != OPENING)
        return;
    int status = head->status;
    head->is_upgrade = status == 101 && !head->is_unasked;
    if (exchange->hooks->adapt && !exchange->hooks->adapt(exchange->arg, head, &why)) {
        fail(exchange, &why);
        return;
    }
    exchange->answer_body = body;
    exchange->upgraded = head->is_upgrade;
    if (head->is_upgrade)
        outbound_upgraded(exchange->out);
    if (!inbound_answer(exchange->in, head, body, &why)) {
        exchange->answer_body = NULL;
        exchange->upgraded = false;
        fail(exchange, &why);
        return;
    }
    note_head(exchange, status, true);
    exchange->state = ANSWERING;
}

static void on_done(void *arg)
{
    struct exchange *exchange = arg;
    exchange->out_done = true;
    note_fault(exchange);
    if (exchange->state == ANSWERING && exchange->in_answered)
        end_soon(exchange);
}

static void on_failed(void *arg, const struct error *why)
{
    struct exchange *exchange = arg;
    exchange->out_done = true;
    if (exchange->state == OPENING)
        fail(exchange, why);
    else if (exchange->state == ANSWERING)
        break_off(exchange, why);
}

static const struct outbound_events outbound_events = {on_inform, on_answer, on_done, on_failed,
                                                       on_half_closed};

/* ---- the inbound speaks ---- */

static void on_answered(void *arg)
{
    struct exchange *exchange = arg;
    exchange->in_answered = true;
    if (exchange->state == FAILING || (exchange->state == ANSWERING && exchange->out_done))
        end_soon(exchange);
}

static void on_aborted(void *arg, const struct error *why)
{
    struct exchange *exchange = arg;
    if (exchange->state == ENDED)
        return;
    note_fault(exchange);
    bool was_over =
        exchange->state == LAST_WORDS || (exchange->state == ANSWERING && exchange->failure);
    exchange->peer_left = !was_over;
    note_failure(exchange, why);
    end_soon(exchange);
}

static const struct inbound_events inbound_events = {on_answered, on_aborted};

struct exchange *exchange_start(struct loop *loop, struct inbound *in, struct opener *opener,
                                const struct request_head *head, const struct exchange_hooks *hooks,
                                void *arg)
{
    struct error why;
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        struct exchange_report report = {
            .failure = {.kind = ERROR_SYSTEM, .text = "out of memory"}};
        inbound_reset(in, &report.failure);
        inbound_close(in);
        hooks->ended(arg, &report);
        return NULL;
    }
    exchange->loop = loop;
    exchange->in = in;
    exchange->hooks = hooks;
    exchange->arg = arg;
    exchange->started_ms = loop_now_ms(loop);
    task_init(&exchange->end, loop, TASK_SOON, end, exchange);
    timer_init(&exchange->patience, loop, lose_patience, exchange);
    inbound_set_events(in, &inbound_events, exchange);
    exchange->out =
        opener_open(opener, head ? head : &in->head, in->body, &outbound_events, exchange, &why);
    if (!exchange->out)
        fail(exchange, &why);
    return exchange;
}

void exchange_cut(struct exchange *exchange, const struct error *why)
{
    if (exchange->state == OPENING)
        on_failed(exchange, why);
    else if (exchange->state != ENDED)
        cut(exchange, why);
}
