/* One request after the other on a connection to an origin.
 *
 *   IDLE --send--> HEAD --final head--> BODY --its end--> DONE --outbound_close--> IDLE (or
 * useless)
 *
 * A broken or unfinished exchange leaves the client useless: the connection is never used again.
 *
 * A WebSocket's BODY and DONE are those of the bytes that come. The bytes that go are the pump's,
 * which begins behind the answer 101; the request is over when both are at their end, or with the
 * connection. A 101 that nobody asked for is the last of its connection: what came in the same
 * bytes is its body, and nothing more is sent. */
#include "culvert/http/h1_client.h"
#include "culvert/http/h1_body.h"
#include "culvert/http/h1_response.h"

#include "h1_pump.h"

enum h1_client_state { IDLE, HEAD, BODY, DONE, USELESS };

/* How far the answer was read. What follows an upgrade is read without. */
struct reading {
    struct h1_parser parser;
    struct response_head head;
    struct h1_framing framing;
    struct h1_body body;
};

struct h1_client {
    struct conn *conn; /* NULL: closed */
    struct loop *loop;
    enum h1_client_state state;
    bool keep_alive; /* every head of the answer allowed another request */
    bool heard_any;
    uint64_t sent_before; /* the request in hand */
    bool is_head_request;
    bool upgraded;        /* it was answered 101, as it had asked for */
    bool is_last;         /* it was answered 101 unasked: what came with that is all */
    bool broke;           /* the upgraded connection was lost: it is over both ways */
    struct body *upgrade; /* what is sent then; NULL: no upgrade was asked for */
    struct outbound out;
    bool held;               /* the owner did not close the outbound yet */
    bool is_short;           /* the request's body ended before what its head says */
    struct h1_pump pump;     /* sends it */
    int64_t promised;        /* bytes of it; LENGTH_UNKNOWN */
    struct reading *reading; /* NULL: no request is in hand, or its upgrade was accepted */
    struct body body;        /* of the answer */
    struct budget *budget;
    const struct error *why; /* kept; NULL: a good end */
    struct task tell;        /* on_done or on_failed */
    void (*gone)(void *arg);
    void *gone_arg;
    struct reap reap;
};

/* All of the answer came, and of an upgrade, all of what goes to the origin was handed over. */
static bool is_over(const struct h1_client *client)
{
    return client->broke ||
           (client->state == DONE && (!client->upgraded || h1_pump_is_done(&client->pump)));
}

static void tell(void *arg)
{
    struct h1_client *client = arg;
    const struct outbound_events *events = client->out.events;
    if (!client->held)
        return;
    if (client->why && !client->broke)
        events->on_failed(client->out.arg, client->why);
    else if (is_over(client))
        events->on_done(client->out.arg);
    else if (events->on_half_closed)
        events->on_half_closed(client->out.arg);
}

/* Who sits behind the tunnel takes the loss of an upgraded connection for its end, as it is used
 * to: the protocol inside says whether something is missing. Ours are told what happened. */
static void break_upgrade(struct h1_client *client)
{
    client->broke = true;
    client->out.fault = client->why;
    channel_end(client->body.bytes);
}

static void fail(struct h1_client *client, const struct error *why)
{
    if (client->state == IDLE || client->state == USELESS) {
        void (*gone)(void *arg) = client->gone;
        client->state = USELESS;
        client->gone = NULL;
        if (gone)
            gone(client->gone_arg);
        return;
    }
    if (is_over(client)) {
        client->keep_alive = false;
        return;
    }
    client->state = USELESS;
    error_drop(client->why);
    client->why = error_keep(why);
    h1_pump_stop(&client->pump);
    task_post(&client->tell);
    if (client->upgraded && why->kind == ERROR_NETWORK)
        break_upgrade(client);
}

static void done(struct h1_client *client)
{
    client->state = DONE;
    task_post(&client->tell);
    if (!client->body.bytes)
        return;
    if (client->reading)
        body_take_trailers(&client->body, &client->reading->body.trailers);
    channel_end(client->body.bytes); /* the owner may let go, and even send the next request */
}

/* ---- reading the answer ---- */

static void end_reading(struct h1_client *client)
{
    struct reading *reading = client->reading;
    if (!reading)
        return;
    response_head_release(&reading->head);
    h1_body_release(&reading->body);
    free(reading);
    client->reading = NULL;
}

static bool begin_reading(struct h1_client *client)
{
    end_reading(client);
    client->reading = calloc(1, sizeof *client->reading);
    if (!client->reading)
        return false;
    response_head_init(&client->reading->head);
    h1_response_reset(&client->reading->parser, &h1_response_limits, client->is_head_request);
    return true;
}

static bool begin_body(struct h1_client *client, struct error *err)
{
    struct reading *reading = client->reading;
    h1_body_init(&reading->body, &reading->framing, true);
    client->body.length = reading->head.length;
    headers_init(&client->body.trailers);
    client->body.bytes =
        channel_new(CHANNEL_LOW, CHANNEL_LIMIT, conn_gate(client->conn), client->budget);
    return client->body.bytes ? true : error_memory(err);
}

static void switch_protocols(struct h1_client *client)
{
    struct reading *reading = client->reading;
    client->upgraded = client->upgrade && reading->framing.switches;
    client->is_last = !client->upgraded;
    reading->head.is_unasked = client->is_last;
    reading->head.ends_here = false;
    reading->framing.body = H1_BODY_UNTIL_CLOSE;
}

/* Behind the answer, so that its owner has taken it: before, nothing is forwarded. */
static void begin_upgrade(struct h1_client *client)
{
    if (!client->held || client->state == USELESS)
        return;
    end_reading(client);
    h1_pump_start(&client->pump, client->conn, client->upgrade, H1_BODY_UNTIL_CLOSE);
}

/* Nothing more of the request goes to whoever speaks another protocol now. */
static bool end_unasked(struct h1_client *client, struct error *err)
{
    h1_pump_stop(&client->pump);
    return client->reading->framing.switches ||
           error_set(err, ERROR_PROTOCOL, 0, "the origin switches protocols and says not to which");
}

/* What its owner does to the answer leaves the reading alone, but for a whole one. */
static bool final_head(struct h1_client *client, struct error *err)
{
    struct reading *reading = client->reading;
    if (reading->head.status == 101)
        switch_protocols(client);
    bool has_body = reading->framing.body != H1_BODY_NONE;
    client->state = BODY;
    if (has_body && !begin_body(client, err))
        return false;
    client->out.events->on_answer(client->out.arg, &reading->head, has_body ? &client->body : NULL);
    headers_clear(&reading->head.fields);
    if (client->is_last)
        return end_unasked(client, err);
    if (client->upgraded)
        begin_upgrade(client);
    else if (client->state == BODY && !has_body)
        done(client);
    return true;
}

/* Reads heads; returns how many bytes were used. */
static size_t read_head(struct h1_client *client, struct span bytes, struct error *err)
{
    struct reading *reading = client->reading;
    enum h1_verdict verdict =
        h1_parse_response(&reading->parser, bytes, &reading->head, &reading->framing, err);
    if (verdict == H1_MORE)
        return 0;
    if (verdict == H1_BAD) {
        fail(client, err);
        return bytes.len;
    }
    size_t used = reading->parser.used;
    client->keep_alive = client->keep_alive && reading->framing.keep_alive;
    if (response_is_interim(&reading->head)) {
        client->out.events->on_inform(client->out.arg, &reading->head);
        headers_clear(&reading->head.fields);
        h1_response_reset(&reading->parser, &h1_response_limits, client->is_head_request);
    } else if (!final_head(client, err)) {
        fail(client, err);
    }
    return used;
}

/* The front of `in`, of which *used bytes are done with. */
static enum h1_verdict feed_body(struct h1_client *client, struct span in, size_t *used,
                                 struct span *payload, struct error *err)
{
    if (client->reading)
        return h1_body_feed(&client->reading->body, in, used, payload, err);
    *used = in.len;
    *payload = in;
    return H1_MORE;
}

static size_t read_body(struct h1_client *client, struct span bytes, struct error *err)
{
    size_t used = 0;
    while (client->state == BODY && used < bytes.len) {
        size_t room = channel_room(client->body.bytes);
        if (room == 0) {
            channel_rest(client->body.bytes);
            break;
        }
        struct span payload;
        size_t n = 0;
        struct span in = span_first(span_skip(bytes, used), room);
        enum h1_verdict verdict = feed_body(client, in, &n, &payload, err);
        used += n;
        if (verdict != H1_BAD &&
            channel_put(client->body.bytes, payload.data, payload.len) < payload.len) {
            error_memory(err);
            verdict = H1_BAD;
        }
        if (verdict == H1_BAD) {
            fail(client, err);
            return bytes.len;
        }
        if (client->state != BODY)
            break; /* its owner let go when it saw the bytes */
        if (verdict == H1_DONE) {
            client->keep_alive = client->keep_alive && used == bytes.len;
            done(client);
        }
    }
    return used;
}

static size_t read_bytes(struct h1_client *client, const unsigned char *data, size_t len)
{
    struct error err = {0};
    size_t used = 0;
    while (client->conn && used < len) {
        struct span rest = span_make(data + used, len - used);
        size_t n = 0;
        if (client->state == HEAD)
            n = read_head(client, rest, &err);
        else if (client->state == BODY)
            n = read_body(client, rest, &err);
        else
            break;
        if (n == 0)
            return used;
        used += n;
    }
    if (used < len) {
        /* Bytes that belong to no answer: whoever sent them, the connection is not trusted again.
         */
        client->keep_alive = false;
        error_set(&err, ERROR_PROTOCOL, 0, "the origin sent bytes behind its answer");
        if (client->state == IDLE)
            fail(client, &err);
    }
    return len;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct h1_client *client = arg;
    if (len > 0)
        client->heard_any = true;
    size_t used = read_bytes(client, data, len);
    if (!client->is_last || client->state != BODY)
        return used;
    done(client);
    return len;
}

static void on_end(void *arg)
{
    struct h1_client *client = arg;
    struct error err = {0};
    bool is_cut = client->upgraded && conn_is_reset(client->conn);
    client->keep_alive = false;
    if (client->state == BODY && !is_cut &&
        (!client->reading || h1_body_end_of_input(&client->reading->body, &err))) {
        done(client);
        return;
    }
    if (is_cut)
        error_set(&err, ERROR_NETWORK, 0, "the origin takes nothing any more");
    else if (client->state != BODY)
        error_set(&err, ERROR_NETWORK, 0, "the origin closed the connection %s",
                  client->heard_any ? "within the head of its answer" : "without an answer");
    fail(client, &err);
}

static void on_lost(void *arg, const struct error *why)
{
    struct h1_client *client = arg;
    client->keep_alive = false;
    fail(client, why);
}

static void on_room(void *arg)
{
    struct h1_client *client = arg;
    h1_pump_run(&client->pump);
}

static void on_open(void *arg)
{
    (void)arg;
}

static size_t wants(void *arg)
{
    const struct h1_client *client = arg;
    if (client->state != BODY)
        return CHANNEL_LIMIT;
    return channel_read_size(client->body.bytes);
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost, wants};

/* ---- sending the request ---- */

/* The end of a request is in its framing; that of what follows an upgrade is the connection's. */
static void sent(void *arg)
{
    struct h1_client *client = arg;
    struct error why;
    if (client->upgraded) {
        conn_end(client->conn);
        task_post(&client->tell);
    } else if (client->promised != LENGTH_UNKNOWN &&
               client->pump.taken < (uint64_t)client->promised) {
        client->is_short = true;
        (void)request_set_short(&why);
        fail(client, &why);
    }
}

static void destroy(void *object)
{
    struct h1_client *client = object;
    error_drop(client->why);
    end_reading(client);
    headers_release(&client->body.trailers);
    channel_free(client->body.bytes);
    free(client);
}

/* The request is over for its owner. */
static void out_close(struct outbound *out)
{
    struct h1_client *client = CONTAINER_OF(out, struct h1_client, out);
    if (!client->held)
        return;
    client->held = false;
    task_cancel(&client->tell);
    bool whole = client->state == DONE && h1_pump_is_done(&client->pump);
    if (client->upgraded && !whole)
        conn_reset(client->conn);
    h1_pump_stop(&client->pump);
    channel_close(client->body.bytes, client->loop); /* what was not taken will not be */
    client->body.bytes = NULL;
    gate_release(conn_gate(client->conn), HOLD_CHANNEL);
    client->state = whole && client->keep_alive ? IDLE : USELESS;
    if (whole)
        end_reading(client); /* else this may be one of its callbacks */
}

static const struct outbound_ops outbound_ops = {out_close};

static bool reset_for(struct h1_client *client, const struct request_head *head, struct error *err)
{
    headers_release(&client->body.trailers);
    client->is_head_request = request_is(head, SPAN("HEAD"));
    client->heard_any = false;
    client->sent_before = conn_sent(client->conn);
    client->keep_alive = true;
    client->upgraded = client->is_last = client->broke = false;
    error_drop(client->why);
    client->why = NULL;
    client->gone = NULL;
    return begin_reading(client) || error_memory(err);
}

struct outbound *h1_client_send(struct h1_client *client, const struct request_head *head,
                                struct body *body, const struct outbound_events *events, void *arg,
                                struct error *err)
{
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX + TARGET_MAX);
    struct h1_shape shape = h1_request_shape(head);
    if (client->state != IDLE) {
        error_set(err, ERROR_NETWORK, 0, "the connection is of no use any more");
        return NULL;
    }
    if (!reset_for(client, head, err))
        return NULL;
    if (!head->is_websocket)
        shape.connection = H1_CONNECTION_KEEP_ALIVE;
    bool ok = h1_write_request(&text, head, &shape, err);
    if (ok && !conn_put(client->conn, text.data, text.len))
        ok = error_set(err, ERROR_NETWORK, 0, "the connection takes no bytes");
    buf_release(&text);
    if (!ok)
        return NULL;
    client->out = (struct outbound){&outbound_ops, events, arg};
    client->held = true;
    client->state = HEAD;
    client->upgrade = head->is_websocket ? body : NULL;
    client->promised = shape.body == H1_BODY_LENGTH ? shape.length : LENGTH_UNKNOWN;
    client->is_short = false;
    bool has_body = !head->ends_here && !head->is_websocket;
    client->pump.first_alone = shape.first_alone;
    h1_pump_start(&client->pump, client->conn, has_body ? body : NULL, shape.body);
    return &client->out;
}

struct h1_client *h1_client_new(struct conn *conn, struct budget *budget, struct error *err)
{
    struct h1_client *client = calloc(1, sizeof *client);
    if (!client) {
        conn_close(conn);
        error_memory(err);
        return NULL;
    }
    client->conn = conn;
    client->loop = conn_loop(conn);
    client->budget = budget;
    client->state = IDLE;
    headers_init(&client->body.trailers);
    task_init(&client->tell, client->loop, TASK_SOON, tell, client);
    h1_pump_init(&client->pump, sent, client);
    conn_set_events(conn, &conn_events, client);
    return client;
}

bool h1_client_is_reusable(const struct h1_client *client)
{
    return client->state == IDLE && client->keep_alive;
}

bool h1_client_heard_any(const struct h1_client *client)
{
    return client->heard_any;
}

bool h1_client_wrote_any(const struct h1_client *client)
{
    return conn_sent(client->conn) > client->sent_before;
}

bool h1_client_took_body(const struct h1_client *client)
{
    return client->pump.taken > 0;
}

void h1_client_set_idle(struct h1_client *client, void (*gone)(void *arg), void *arg)
{
    client->gone = gone;
    client->gone_arg = arg;
}

void h1_client_close(struct h1_client *client)
{
    if (!client || !client->conn)
        return;
    if (client->held && client->upgraded && !is_over(client))
        conn_reset(client->conn);
    client->held = false;
    client->gone = NULL;
    client->state = USELESS;
    task_cancel(&client->tell);
    h1_pump_stop(&client->pump);
    if (client->body.bytes)
        channel_set_reader(client->body.bytes, NULL);
    if (client->upgraded || client->is_short)
        conn_close_lingering(client->conn); /* its last bytes may be on their way */
    else
        conn_close(client->conn);
    client->conn = NULL;
    loop_reap(client->loop, &client->reap, destroy, client);
}
