/* See the header. A lane that loses its connection dials again after a while. */
#include "lane.h"

#include "bodies.h"

#include "culvert/http/h1_client.h"
#include "culvert/http/h2_session.h"
#include "culvert/net/dial.h"

enum { AGAIN_MS = 100, DIAL_MS = 5000, HEAD_MAX = 64 * 1024 };

/* One request in flight. */
struct slot {
    struct lane *lane;
    struct outbound *out; /* NULL: none at the moment */
    struct made_body made;
    struct thrown_body answer;
    int status;
    uint64_t begun_us;
    struct task next;
};

struct lane {
    struct load *load;
    struct dial *dial;
    struct h1_client *h1;
    struct h2_session *h2;
    uint64_t dialed_us;
    struct timer again;
    struct slot *slots;
    bool is_used; /* a request went over this connection */
};

static void failed(struct load *load, const struct error *why)
{
    if (load->over)
        return;
    load->errors++;
    if (load->first_error.kind == ERROR_NONE)
        load->first_error = *why;
}

static void hang_up(struct lane *lane)
{
    h1_client_close(lane->h1);
    h2_session_close(lane->h2);
    lane->h1 = NULL;
    lane->h2 = NULL;
}

static void dial_later(struct lane *lane)
{
    hang_up(lane);
    if (!timer_start(&lane->again, AGAIN_MS))
        abort();
}

/* ---- requests ---- */

static void let_go(struct slot *slot)
{
    outbound_close(slot->out);
    slot->out = NULL;
    made_body_stop(&slot->made);
}

static bool is_right(const struct slot *slot, struct error *err)
{
    const struct plan *plan = slot->lane->load->plan;
    if (slot->status < 200 || slot->status > 299)
        return error_set(err, ERROR_PROTOCOL, 0, "status %d", slot->status);
    if (plan->expect >= 0 && slot->answer.count != (uint64_t)plan->expect)
        return error_set(err, ERROR_PROTOCOL, 0, "an answer of %llu bytes",
                         (unsigned long long)slot->answer.count);
    return true;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct slot *slot = arg;
    slot->status = head->status;
    if (body)
        thrown_body_start(&slot->answer, body->bytes);
}

static void on_done(void *arg)
{
    struct slot *slot = arg;
    struct load *load = slot->lane->load;
    struct error err;
    if (!is_right(slot, &err)) {
        failed(load, &err);
    } else if (!load->over) {
        load->done++;
        latency_add(&load->latency, now_us() - slot->begun_us);
    }
    let_go(slot);
    if (load->plan->requests > 0 && load->done + load->errors >= load->plan->requests)
        load->enough(load);
    else
        task_post(&slot->next);
}

static void on_failed(void *arg, const struct error *why)
{
    struct slot *slot = arg;
    failed(slot->lane->load, why);
    let_go(slot);
    task_post(&slot->next);
}

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static const struct outbound_events outbound_events = {on_inform, on_answer, on_done, on_failed};

static struct outbound *send_request(struct slot *slot, struct error *err)
{
    struct lane *lane = slot->lane;
    struct load *load = lane->load;
    struct body *body = load->plan->posts ? &slot->made.body : NULL;
    if (lane->h2)
        return h2_session_open(lane->h2, &load->head, body, &outbound_events, slot, err);
    return h1_client_send(lane->h1, &load->head, body, &outbound_events, slot, err);
}

static void begin(struct slot *slot)
{
    struct lane *lane = slot->lane;
    struct load *load = lane->load;
    struct error err;
    slot->status = 0;
    slot->answer = (struct thrown_body){.also = &load->bytes_down};
    slot->begun_us = load->plan->fresh ? lane->dialed_us : now_us();
    if (load->plan->posts &&
        !made_body_start(&slot->made, load->loop, load->plan->body, &load->bytes_up))
        abort();
    slot->out = send_request(slot, &err);
    lane->is_used = true;
    if (slot->out) {
        load->begun++;
        return;
    }
    made_body_stop(&slot->made);
    failed(load, &err);
    if (lane->h1)
        dial_later(lane);
    else if (!timer_is_armed(&lane->again) && !timer_start(&lane->again, AGAIN_MS))
        abort();
}

static void start_dial(struct lane *lane);

/* A slot is free: the next request, over a new connection where this one is used up. */
static void next(void *arg)
{
    struct slot *slot = arg;
    struct lane *lane = slot->lane;
    const struct plan *plan = lane->load->plan;
    if (lane->load->over || (plan->requests > 0 && lane->load->begun >= plan->requests))
        return;
    if (lane->h1 && lane->is_used && (plan->fresh || !h1_client_is_reusable(lane->h1))) {
        hang_up(lane);
        start_dial(lane);
    }
    if (lane->h1 || lane->h2)
        begin(slot);
}

/* ---- the connection ---- */

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static void on_closed(void *arg, const struct error *why)
{
    struct lane *lane = arg;
    (void)why; /* each request was told */
    dial_later(lane);
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed};

static void begin_all(struct lane *lane)
{
    for (size_t i = 0; i < lane->load->plan->streams; i++)
        if (!lane->slots[i].out)
            task_post(&lane->slots[i].next);
}

static void on_connected(void *arg, struct conn *conn)
{
    struct lane *lane = arg;
    struct error err;
    static const struct h2_options options = {.head_max = HEAD_MAX};
    lane->dial = NULL;
    if (lane->load->plan->http2)
        lane->h2 = h2_session_new(conn, &options, &session_events, lane, &err);
    else
        lane->h1 = h1_client_new(conn, NULL, &err);
    if (lane->h1 || lane->h2) {
        begin_all(lane);
        return;
    }
    failed(lane->load, &err);
    dial_later(lane);
}

static void on_dial_failed(void *arg, const struct error *why)
{
    struct lane *lane = arg;
    lane->dial = NULL;
    failed(lane->load, why);
    dial_later(lane);
}

static const struct dial_events dial_events = {on_connected, on_dial_failed};

static void start_dial(struct lane *lane)
{
    const struct plan *plan = lane->load->plan;
    struct error err;
    const struct dial_target target = {.address = &plan->to,
                                       .from = plan->from.len > 0 ? &plan->from : NULL,
                                       .connect_ms = DIAL_MS,
                                       .keepalive_seconds = -1,
                                       .tls = lane->load->tls,
                                       .server_name = plan->host,
                                       .tls_ms = DIAL_MS};
    lane->is_used = false;
    lane->dialed_us = now_us();
    lane->dial = dial_start(lane->load->loop, NULL, &target, &dial_events, lane, &err);
    if (lane->dial)
        return;
    failed(lane->load, &err);
    dial_later(lane);
}

static void again(void *arg)
{
    struct lane *lane = arg;
    if (lane->h1 || lane->h2)
        begin_all(lane);
    else if (!lane->load->over)
        start_dial(lane);
}

struct lane *lane_new(struct load *load)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->load = load;
    timer_init(&lane->again, load->loop, again, lane);
    lane->slots = calloc(load->plan->streams, sizeof *lane->slots);
    if (!lane->slots) {
        free(lane);
        return NULL;
    }
    for (size_t i = 0; i < load->plan->streams; i++) {
        lane->slots[i].lane = lane;
        task_init(&lane->slots[i].next, load->loop, TASK_SOON, next, &lane->slots[i]);
    }
    start_dial(lane);
    return lane;
}

void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    dial_cancel(lane->dial);
    timer_stop(&lane->again);
    for (size_t i = 0; i < lane->load->plan->streams; i++) {
        task_cancel(&lane->slots[i].next);
        let_go(&lane->slots[i]);
    }
    hang_up(lane);
    free(lane->slots);
    free(lane);
}
