/* Answers to the request in hand, and what becomes of the connection behind them. */
#include "h1_server_internal.h"

void h1_server_sent(void *arg)
{
    struct h1_server *server = arg;
    server->answered = true;
    if (server->upgraded)
        conn_end(server->conn);
    task_post(&server->tell);
}

static struct h1_server *server_of(struct inbound *in)
{
    return CONTAINER_OF(in, struct h1_server, in);
}

/* From here on the connection is bytes both ways; those that came already are given again. */
static void begin_upgrade(struct h1_server *server, struct body *body)
{
    const struct h1_framing framing = {.body = H1_BODY_UNTIL_CLOSE, .length = LENGTH_UNKNOWN};
    server->answering = server->upgraded = true;
    server->keep_alive = false;
    timer_stop(&server->limit);
    h1_body_release(&server->reader);
    h1_body_init(&server->reader, &framing, false);
    gate_release(conn_gate(server->conn), HOLD_EXCHANGE);
    conn_again(server->conn);
    h1_pump_start(&server->pump, server->conn, body, H1_BODY_UNTIL_CLOSE);
}

static bool answer_upgrade(struct h1_server *server, const struct response_head *head,
                           struct body *body, struct error *err)
{
    const struct h1_shape shape = {
        .length = LENGTH_UNKNOWN,
        .connection = H1_CONNECTION_UPGRADE,
        .upgrade = SPAN("websocket"),
    };
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    if (!h1_server_awaits_upgrade(server))
        return error_set(err, ERROR_PROTOCOL, 0, "an upgrade that was not asked for");
    bool ok = h1_write_response(&text, head, &shape, err);
    if (ok) {
        (void)conn_put(server->conn, text.data, text.len);
        begin_upgrade(server, body);
    }
    buf_release(&text);
    return ok;
}

static bool in_answer(struct inbound *in, const struct response_head *head, struct body *body,
                      struct error *err)
{
    struct h1_server *server = server_of(in);
    if (!server->conn || server->state != H1_SERVER_REQUEST)
        return true; /* on_aborted is on its way */
    if (head->status == 101)
        return answer_upgrade(server, head, body, err);
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    bool to_head = request_is(&in->head, SPAN("HEAD"));
    struct h1_shape shape = h1_response_shape(head, to_head, in->head.is_http10);
    bool no_body = head->ends_here || to_head || !body;
    if (shape.body == H1_BODY_UNTIL_CLOSE && !no_body)
        server->keep_alive = false;
    if (no_body && shape.body != H1_BODY_LENGTH && shape.body != H1_BODY_NONE && !to_head)
        shape = (struct h1_shape){.body = H1_BODY_LENGTH};
    if (server->draining)
        server->keep_alive = false;
    shape.connection = !server->keep_alive  ? H1_CONNECTION_CLOSE
                       : in->head.is_http10 ? H1_CONNECTION_KEEP_ALIVE
                                            : H1_CONNECTION_SILENT;
    bool ok = h1_write_response(&text, head, &shape, err);
    if (ok) {
        server->answering = true;
        (void)conn_put(server->conn, text.data, text.len);
        h1_pump_start(&server->pump, server->conn, no_body ? NULL : body, shape.body);
        if (in->head.is_websocket)
            channel_end(server->body.bytes); /* refused: nothing will follow */
    }
    buf_release(&text);
    return ok;
}

static void in_inform(struct inbound *in, const struct response_head *head)
{
    struct h1_server *server = server_of(in);
    struct h1_shape shape = {.body = H1_BODY_NONE};
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    if (!server->conn || server->state != H1_SERVER_REQUEST || server->answering ||
        in->head.is_http10)
        return;
    if (h1_write_response(&text, head, &shape, NULL))
        (void)conn_put(server->conn, text.data, text.len);
    buf_release(&text);
}

/* A short body must look short: an orderly end would make one without a length whole. */
static void in_reset(struct inbound *in, const struct error *why)
{
    (void)why;
    struct h1_server *server = server_of(in);
    server->told = true;
    h1_pump_stop(&server->pump);
    if (server->conn && server->state != H1_SERVER_OVER)
        h1_server_over(server);
    if (server->conn && !server->refused)
        conn_reset(server->conn);
}

static void next_request(struct h1_server *server)
{
    gate_release(conn_gate(server->conn), HOLD_EXCHANGE);
    gate_release(conn_gate(server->conn), HOLD_CHANNEL);
    h1_body_release(&server->reader);
    memset(&server->reader, 0, sizeof server->reader);
    headers_clear(&server->body.trailers);
    server->body.unwanted = NULL;
    request_head_release(&server->in.head);
    request_head_init(&server->in.head);
    h1_parser_reset(&server->parser, &h1_request_limits);
    server->state = H1_SERVER_IDLE;
    h1_server_limit(server, server->options.patience.idle_ms);
    conn_again(server->conn);
}

static void in_close(struct inbound *in)
{
    struct h1_server *server = server_of(in);
    if (!server->held)
        return;
    bool reusable = server->state == H1_SERVER_REQUEST && server->answered && server->keep_alive &&
                    !server->draining && h1_server_body_is_whole(server);
    if (server->state == H1_SERVER_REQUEST && !server->answered)
        in_reset(in, NULL);
    h1_pump_stop(&server->pump);
    task_cancel(&server->tell);
    server->held = false;
    channel_close(server->body.bytes, server->loop); /* what was not read will not be */
    server->body.bytes = NULL;
    if (!server->conn)
        h1_server_destroy(server);
    else if (reusable)
        next_request(server);
    else
        h1_server_over(server);
}

const struct inbound_ops h1_server_inbound_ops = {in_answer, in_inform, in_reset, in_close};
