/* See the header. */
#include "support/fake_origin.h"

#include "support/must.h"
#include "support/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool has_line(const struct fake_request *request, const char *start, size_t *value)
{
    const char *at = strcasestr(buf_text(&request->head), start);
    if (!at)
        return false;
    *value = strtoul(at + strlen(start), NULL, 10);
    return true;
}

/* Is the request's body all there? */
static bool is_whole(const struct fake_request *request)
{
    size_t length = 0;
    struct span body = buf_span(&request->body);
    if (has_line(request, "\r\ntransfer-encoding: chunked", &length)) {
        const char *last = body.data ? memmem(body.data, body.len, "\r\n0\r\n", 5) : NULL;
        return (last || span_starts(body, SPAN("0\r\n"))) && span_ends(body, SPAN("\r\n\r\n"));
    }
    return !has_line(request, "\r\ncontent-length: ", &length) || body.len >= length;
}

static bool take_head(struct fake_connection *far)
{
    struct fake_origin *origin = far->origin;
    const char *end =
        far->input.len > 0 ? memmem(far->input.data, far->input.len, "\r\n\r\n", 4) : NULL;
    if (!end)
        return false;
    size_t len = (size_t)(end - far->input.data) + 4;
    must(origin->request_count < FAKE_REQUESTS_MAX);
    size_t index = origin->request_count++;
    struct fake_request *request = &origin->requests[index];
    *request = (struct fake_request){
        .connection = (size_t)(far - origin->connections),
        .head = BUF_LIMIT(FAKE_BYTES_MAX),
        .body = BUF_LIMIT(FAKE_BYTES_MAX),
    };
    must(buf_put(&request->head, far->input.data, len));
    buf_drop(&far->input, len);
    far->request = request;
    if (index >= origin->script_count)
        index = origin->script_count - 1;
    far->step = origin->scripts[index].steps;
    far->sent = 0;
    far->slept = false;
    return true;
}

/* ---- steps; each returns whether it is over ---- */

static void hang_up(struct fake_connection *far)
{
    timer_stop(&far->sleep);
    task_cancel(&far->run);
    task_cancel(&far->again);
    far->conn = NULL;
    far->step = NULL;
}

static bool step_send(struct fake_connection *far)
{
    struct span text = span_skip(far->step->text, far->sent);
    size_t size = far->step->number > 0 ? (size_t)far->step->number : conn_room(far->conn);
    struct span piece = span_first(text, size);
    must(conn_put(far->conn, piece.data, piece.len));
    far->sent += piece.len;
    if (far->sent == far->step->text.len)
        return true;
    if (far->step->number > 0)
        task_post(&far->again); /* else on_room goes on */
    return false;
}

static bool step_stream(struct fake_connection *far)
{
    unsigned char bytes[16 * 1024];
    while (far->sent < far->step->number && conn_room(far->conn) > 0) {
        size_t left = (size_t)far->step->number - far->sent;
        size_t len = left < sizeof bytes ? left : sizeof bytes;
        pattern_fill(bytes, len, far->sent);
        must(conn_put(far->conn, bytes, len));
        far->sent += len;
    }
    return far->sent == far->step->number;
}

static bool step_sleep(struct fake_connection *far, uint64_t ms)
{
    if (far->slept)
        return true;
    if (ms > 0 && !timer_is_armed(&far->sleep))
        must(timer_start(&far->sleep, ms));
    return false;
}

static bool step_echo(struct fake_connection *far)
{
    struct span fresh = span_skip(buf_span(&far->request->body), far->echoed);
    if (fresh.len > 0)
        must(conn_put(far->conn, fresh.data, fresh.len));
    far->echoed += fresh.len;
    return far->step->number > 0 ? step_sleep(far, far->step->number) : far->peer_closed;
}

static bool step_runs(struct fake_connection *far)
{
    const struct fake_step *step = far->step;
    switch (step->action) {
    case FAKE_SEND:
        return step_send(far);
    case FAKE_STREAM:
        return step_stream(far);
    case FAKE_SLEEP:
        return step_sleep(far, step->number);
    case FAKE_AWAIT:
        return far->request->body.len >= step->number || step_sleep(far, step->timeout_ms);
    case FAKE_SUFFIX:
        return span_ends(buf_span(&far->request->body), step->text);
    case FAKE_ECHO:
        return step_echo(far);
    case FAKE_HEAR:
        return far->peer_closed;
    case FAKE_FINISH:
        conn_end(far->conn);
        return true;
    case FAKE_CLOSE:
        conn_close_lingering(far->conn);
        hang_up(far);
        return false;
    case FAKE_RESET:
        far->origin->memory->on_read = (struct memory_fault){.error = ECONNRESET};
        conn_close(far->conn);
        hang_up(far);
        return false;
    case FAKE_DROP:
        conn_close(far->conn);
        hang_up(far);
        return false;
    case FAKE_END:
        break;
    }
    far->step = NULL;
    return false;
}

static void take_body(struct fake_connection *far)
{
    if (!far->request || far->input.len == 0 || (!far->step && is_whole(far->request)))
        return;
    must(buf_put(&far->request->body, far->input.data, far->input.len));
    buf_clear(&far->input);
}

static void run(void *arg)
{
    struct fake_connection *far = arg;
    if (!far->step && far->conn && (!far->request || is_whole(far->request)))
        (void)take_head(far);
    take_body(far);
    while (far->step && step_runs(far)) {
        timer_stop(&far->sleep);
        far->step++;
        far->sent = 0;
        far->slept = false;
    }
}

static void slept(void *arg)
{
    struct fake_connection *far = arg;
    far->slept = true;
    run(far);
}

/* ---- the connection ---- */

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct fake_connection *far = arg;
    must(buf_put(&far->input, data, len));
    task_post(&far->run);
    return len;
}

static void on_end(void *arg)
{
    struct fake_connection *far = arg;
    far->peer_closed = true;
    task_post(&far->run);
}

static void on_lost(void *arg, const struct error *why)
{
    (void)why;
    struct fake_connection *far = arg;
    far->peer_closed = true;
    conn_close(far->conn);
    hang_up(far);
}

static void on_open(void *arg)
{
    (void)arg;
}

static void on_room(void *arg)
{
    struct fake_connection *far = arg;
    task_post(&far->run);
}

static const struct conn_events events = {on_open, on_bytes, on_end, on_room, on_lost};

void fake_origin_accept(void *arg, int fd)
{
    struct fake_origin *origin = arg;
    must(origin->connection_count < FAKE_CONNECTIONS_MAX);
    struct fake_connection *far = &origin->connections[origin->connection_count++];
    *far = (struct fake_connection){.origin = origin, .input = BUF_LIMIT(FAKE_BYTES_MAX)};
    timer_init(&far->sleep, origin->loop, slept, far);
    task_init(&far->run, origin->loop, TASK_SOON, run, far);
    task_init(&far->again, origin->loop, TASK_FLUSH, run, far);
    far->conn = conn_new(origin->loop, fd, &events, far, NULL);
    must(far->conn != NULL);
    if (origin->deaf)
        gate_hold(conn_gate(far->conn), HOLD_DRAIN);
    if (origin->tls)
        must(conn_start_tls(far->conn, origin->tls, NULL, 0, NULL));
}

void fake_origin_open(struct fake_origin *origin, struct loop *loop, struct memory_sockets *memory,
                      const char *at)
{
    static const struct fake_script silent;
    *origin = (struct fake_origin){.loop = loop, .memory = memory};
    fake_origin_follow(origin, &silent, 1);
    memory_sockets_serve(memory, at, fake_origin_accept, origin);
}

void fake_origin_follow(struct fake_origin *origin, const struct fake_script *scripts, size_t count)
{
    origin->scripts = scripts;
    origin->script_count = count;
}

void fake_origin_hang_up(struct fake_origin *origin, size_t connection)
{
    struct fake_connection *far = &origin->connections[connection];
    conn_close(far->conn);
    hang_up(far);
}

bool fake_request_dechunk(const struct fake_request *request, struct buf *out)
{
    struct span rest = buf_span(&request->body);
    for (;;) {
        size_t at = span_find(rest, '\n');
        if (at == rest.len)
            return false;
        size_t size = strtoul(rest.data, NULL, 16);
        rest = span_skip(rest, at + 1);
        if (size == 0)
            return true; /* trailers may follow */
        if (rest.len < size + 2 || !buf_put(out, rest.data, size))
            return false;
        rest = span_skip(rest, size + 2);
    }
}

void fake_origin_close(struct fake_origin *origin)
{
    for (size_t i = 0; i < origin->connection_count; i++) {
        struct fake_connection *far = &origin->connections[i];
        conn_close(far->conn);
        hang_up(far);
        buf_release(&far->input);
    }
    for (size_t i = 0; i < origin->request_count; i++) {
        buf_release(&origin->requests[i].head);
        buf_release(&origin->requests[i].body);
    }
}
