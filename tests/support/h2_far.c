/* See the header. */
#include "support/h2_far.h"

#include "support/must.h"
#include "support/scarce_memory.h"
#include "support/turned_clock.h"

static void on_request(void *arg, struct inbound *in)
{
    struct h2_far_session *one = arg;
    struct h2_far *far = one->far;
    must(far->desk.count < DESK_REQUESTS_MAX);
    far->session_of[far->desk.count] = (size_t)(one - far->sessions);
    one->requests++;
    desk_take(&far->desk, in);
}

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg, const struct error *why)
{
    struct h2_far_session *one = arg;
    (void)why;
    one->ended = true;
    h2_session_close(one->session);
    one->session = NULL;
}

static void speak(struct h2_far_session *one)
{
    static const struct h2_session_events events = {on_request, on_goaway, on_idle, on_closed};
    struct conn *conn = one->conn;
    one->conn = NULL;
    one->session = h2_session_new(conn, &one->far->options, &events, one, NULL);
    must(one->session != NULL);
}

static void on_open(void *arg)
{
    struct h2_far_session *one = arg;
    if (!span_equal(conn_protocol(one->conn), SPAN("h2"))) {
        one->far->strangers++;
        conn_close(one->conn);
        one->conn = NULL;
    } else if (!one->far->mute) {
        speak(one);
    }
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    (void)data;
    return len;
}

static void on_end(void *arg)
{
    struct h2_far_session *one = arg;
    one->ended = true;
}

static void on_room(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    struct h2_far_session *one = arg;
    (void)why;
    one->ended = true;
    conn_close(one->conn);
    one->conn = NULL;
}

static void accept_one(void *arg, int fd)
{
    static const struct conn_events events = {on_open, on_bytes, on_end, on_room, on_lost};
    struct h2_far *far = arg;
    scarce_memory_pause(); /* it is called by who dials */
    must(far->count < H2_FAR_SESSIONS_MAX);
    struct h2_far_session *one = &far->sessions[far->count++];
    *one = (struct h2_far_session){.far = far};
    one->conn = conn_new(far->loop, fd, &events, one, NULL);
    must(one->conn != NULL);
    if (far->tls)
        must(conn_start_tls(one->conn, far->tls, NULL, 0, NULL));
    else if (!far->mute)
        speak(one);
    scarce_memory_go_on();
}

void h2_far_open(struct h2_far *far, struct loop *loop, struct memory_sockets *memory,
                 const char *at)
{
    *far = (struct h2_far){.loop = loop};
    far->options =
        (struct h2_options){.is_server = true, .streams_max = 100, .head_max = 64 * 1024};
    desk_init(&far->desk);
    far->desk.arg = far;
    memory_sockets_serve(memory, at, accept_one, far);
}

size_t h2_far_alive(const struct h2_far *far)
{
    size_t count = 0;
    for (size_t i = 0; i < far->count; i++)
        count += far->sessions[i].session != NULL;
    return count;
}

void h2_far_hang_up(struct h2_far *far, size_t session)
{
    struct h2_far_session *one = &far->sessions[session];
    conn_close(one->conn);
    one->conn = NULL;
    if (one->session)
        conn_close(h2_session_conn(one->session));
    h2_session_close(one->session);
    one->session = NULL;
}

void h2_far_close(struct h2_far *far)
{
    for (size_t i = 0; i < far->count; i++) {
        conn_close(far->sessions[i].conn);
        far->sessions[i].conn = NULL;
        h2_session_close(far->sessions[i].session);
        far->sessions[i].session = NULL;
    }
    must(settle(far->loop));
    desk_release(&far->desk);
}
