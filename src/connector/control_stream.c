/* The registration RPC on an inbound: bytes from its body are fed to the client, the client's bytes
 * are the answer's body. Every call has a deadline here.
 *
 *   REGISTERING --accepted--> REGISTERED --unregister--> LEAVING --done or late--> LEFT
 *        \-- refused, ended, late --> OVER                                            */
#include "culvert/connector/control_stream.h"

enum control_state { REGISTERING, REGISTERED, LEAVING, OVER };

enum { CONTROL_OUT_MAX = 2 * 1024 * 1024 }; /* a registration and a local configuration */

struct control_stream {
    struct loop *loop;
    struct inbound *in;
    enum control_state state;
    bool closed;
    struct registration_client *client;
    struct body out;
    struct control_stream_options options;
    uint64_t called_ms; /* when the call in hand was sent */
    struct timer deadline;
    struct task look; /* bytes came, or the end */
    bool aborted;
    bool ended; /* on_ended was told */
    struct error why;
    const struct control_stream_events *events;
    void *arg;
    struct reap reap;
};

static void over(struct control_stream *control, const struct error *why)
{
    if (control->ended || control->closed)
        return;
    control->ended = true;
    control->state = OVER;
    timer_stop(&control->deadline);
    registration_client_shutdown(control->client);
    channel_end(control->out.bytes);
    control->events->on_ended(control->arg, why);
}

static void count_call(struct control_stream *control, enum tunnel_call call, bool ok)
{
    tunnel_metrics_rpc(control->options.metrics, call, ok,
                       loop_now_ms(control->loop) - control->called_ms);
}

/* ---- what the client says ---- */

static void send(void *arg, struct span bytes)
{
    struct control_stream *control = arg;
    if (!control->closed && channel_put(control->out.bytes, bytes.data, bytes.len) < bytes.len) {
        error_set(&control->why, ERROR_LIMIT, 0, "the control stream takes no more bytes");
        control->aborted = true;
        task_post(&control->look);
    }
}

static void call_deadline(struct control_stream *control, uint64_t ms)
{
    control->called_ms = loop_now_ms(control->loop);
    if (!timer_start(&control->deadline, ms)) {
        error_memory(&control->why);
        control->aborted = true;
        task_post(&control->look);
    }
}

static void push_configuration(struct control_stream *control)
{
    struct error err;
    if (registration_client_update_local_configuration(
            control->client, control->options.local_configuration, &err)) {
        call_deadline(control, control->options.rpc_timeout_ms);
        return;
    }
    log_warn(loop_log(control->loop), "The local configuration was not sent", LOG_ERROR(&err));
}

static void on_registered(void *arg, const struct connection_details *details)
{
    struct control_stream *control = arg;
    timer_stop(&control->deadline);
    count_call(control, TUNNEL_CALL_REGISTER, true);
    control->state = REGISTERED;
    if (!details->is_remotely_managed && control->options.local_configuration.len > 0)
        push_configuration(control);
    control->events->on_registered(control->arg, details);
}

static void on_refused(void *arg, const struct registration_refusal *refusal)
{
    struct control_stream *control = arg;
    timer_stop(&control->deadline);
    count_call(control, TUNNEL_CALL_REGISTER, false);
    control->state = OVER;
    control->ended = true;
    registration_client_shutdown(control->client);
    channel_end(control->out.bytes);
    control->events->on_refused(control->arg, refusal);
}

static void on_configured(void *arg, const struct error *err)
{
    struct control_stream *control = arg;
    if (control->state == REGISTERED)
        timer_stop(&control->deadline);
    count_call(control, TUNNEL_CALL_UPDATE_LOCAL_CONFIGURATION, err == NULL);
    if (err)
        log_warn(loop_log(control->loop), "The edge did not take the local configuration",
                 LOG_ERROR(err));
}

static void left(struct control_stream *control)
{
    timer_stop(&control->deadline);
    control->state = OVER;
    registration_client_shutdown(control->client);
    channel_end(control->out.bytes);
    control->events->on_unregistered(control->arg);
}

static void on_unregistered(void *arg, const struct error *err)
{
    struct control_stream *control = arg;
    count_call(control, TUNNEL_CALL_UNREGISTER, err == NULL);
    left(control);
}

static void on_failed(void *arg, const struct error *err)
{
    over(arg, err);
}

static const struct registration_client_events client_events = {
    send, on_registered, on_refused, on_configured, on_unregistered, on_failed,
};

/* ---- what the stream says ---- */

static void look(void *arg)
{
    struct control_stream *control = arg;
    struct channel *bytes = control->in->body->bytes;
    if (control->aborted) {
        over(control, &control->why);
        return;
    }
    while (!control->closed && channel_len(bytes) > 0) {
        struct span part = channel_peek(bytes);
        if (control->state != OVER)
            registration_client_feed(control->client, part);
        if (!control->closed)
            channel_drop(bytes, part.len);
    }
    if (!control->closed && channel_is_done(bytes)) {
        struct error why;
        error_set(&why, ERROR_NETWORK, 0, "the edge ended the control stream");
        over(control, &why);
    }
}

static void on_filled(void *arg)
{
    struct control_stream *control = arg;
    task_post(&control->look);
}

static void on_aborted(void *arg, const struct error *why)
{
    struct control_stream *control = arg;
    control->why = *why;
    error_wrap(&control->why, "control stream");
    control->aborted = true;
    task_post(&control->look);
}

static void on_answered(void *arg)
{
    (void)arg; /* our side is ended; the owner closes when it has heard enough */
}

static void late(void *arg)
{
    struct control_stream *control = arg;
    struct error why;
    if (control->state == REGISTERED) {
        error_set(&why, ERROR_TIMEOUT, 0, "no answer to the local configuration in time");
        on_configured(control, &why);
        return;
    }
    if (control->state == LEAVING) {
        count_call(control, TUNNEL_CALL_UNREGISTER, false);
        left(control);
        return;
    }
    count_call(control, TUNNEL_CALL_REGISTER, false);
    error_set(&why, ERROR_TIMEOUT, 0, "register: no answer within %llu ms",
              (unsigned long long)control->options.rpc_timeout_ms);
    over(control, &why);
}

static const struct inbound_events inbound_events = {on_answered, on_aborted};
static const struct channel_events body_events = {on_filled};

static void destroy(void *object)
{
    struct control_stream *control = object;
    registration_client_free(control->client);
    channel_free(control->out.bytes);
    headers_release(&control->out.trailers);
    free(control);
}

static bool answer(struct control_stream *control, struct error *err)
{
    struct response_head head;
    response_head_init(&head);
    head.status = 200;
    head.length = LENGTH_UNKNOWN;
    bool ok =
        headers_add(&head.fields, SPAN("content-type"), SPAN("application/octet-stream"), err) &&
        inbound_answer(control->in, &head, &control->out, err);
    response_head_release(&head);
    return ok;
}

static bool begin(struct control_stream *control, struct error *err)
{
    headers_init(&control->out.trailers);
    control->out.length = LENGTH_UNKNOWN;
    control->out.bytes = channel_new(0, CONTROL_OUT_MAX, NULL, NULL);
    control->client = registration_client_new(&client_events, control);
    if (!control->out.bytes || !control->client)
        return error_memory(err);
    if (!answer(control, err) ||
        !registration_client_register(control->client, control->options.params, err))
        return false;
    control->options.params = NULL;
    call_deadline(control, control->options.rpc_timeout_ms);
    channel_set_taker(control->in->body->bytes, &body_events, control);
    task_post(&control->look);
    return true;
}

struct control_stream *control_stream_start(struct loop *loop, struct inbound *in,
                                            const struct control_stream_options *options,
                                            const struct control_stream_events *events, void *arg,
                                            struct error *err)
{
    struct control_stream *control = calloc(1, sizeof *control);
    if (!control) {
        inbound_close(in);
        error_memory(err);
        return NULL;
    }
    control->loop = loop;
    control->in = in;
    control->options = *options;
    control->events = events;
    control->arg = arg;
    timer_init(&control->deadline, loop, late, control);
    task_init(&control->look, loop, TASK_SOON, look, control);
    inbound_set_events(in, &inbound_events, control);
    if (!begin(control, err)) {
        control_stream_close(control);
        return NULL;
    }
    return control;
}

void control_stream_unregister(struct control_stream *control, uint64_t limit_ms)
{
    struct error err;
    if (control->state != REGISTERED)
        return;
    control->state = LEAVING;
    if (!registration_client_unregister(control->client, &err))
        log_warn(loop_log(control->loop), "Unregistering failed", LOG_ERROR(&err));
    call_deadline(control, limit_ms);
}

void control_stream_close(struct control_stream *control)
{
    if (!control || control->closed)
        return;
    if (control->client)
        registration_client_shutdown(control->client);
    control->closed = true;
    timer_stop(&control->deadline);
    task_cancel(&control->look);
    channel_set_taker(control->in->body->bytes, NULL, NULL);
    inbound_close(control->in);
    loop_reap(control->loop, &control->reap, destroy, control);
}
