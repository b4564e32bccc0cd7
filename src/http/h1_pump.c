/* Payload goes from the channel's blocks into the conn's: one copy, framed on the way. */
#include "h1_pump.h"

/* Room for a chunk's head and end, so that a chunk is never cut by a full conn. */
enum { CHUNK_FRAME_MAX = 32 };

static bool put_chunk_head(struct h1_pump *pump, size_t size)
{
    char room[H1_CHUNK_HEAD_MAX];
    struct span head = h1_chunk_head(size, room);
    return conn_put(pump->conn, head.data, head.len);
}

static bool put_piece(struct h1_pump *pump, size_t size)
{
    struct channel *bytes = pump->bytes;
    bool chunked = pump->kind == H1_BODY_CHUNKED;
    bool ok = !chunked || put_chunk_head(pump, size);
    pump->taken += size;
    pump->first_alone = false;
    while (size > 0 && ok) {
        size_t n = size;
        ok = conn_put_from(pump->conn, bytes, &n);
        size -= n;
    }
    return ok && (!chunked || conn_put(pump->conn, "\r\n", 2));
}

/* Trailers that cannot be written are left out; the end itself must come, or what follows would be
 * read as a part of this body. */
static void put_end(struct h1_pump *pump)
{
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    struct span end = SPAN("0\r\n\r\n");
    if (pump->kind != H1_BODY_CHUNKED)
        return;
    if (pump->trailers->count > 0 && h1_write_last_chunk(&text, pump->trailers, NULL))
        end = buf_span(&text);
    (void)conn_put(pump->conn, end.data, end.len);
    buf_release(&text);
}

static void finish(struct h1_pump *pump)
{
    h1_pump_stop(pump);
    pump->done = true;
    pump->ended(pump->arg);
}

void h1_pump_run(struct h1_pump *pump)
{
    while (pump->bytes) {
        struct channel *bytes = pump->bytes;
        size_t room = conn_room(pump->conn);
        size_t size = channel_len(bytes);
        if (size == 0 && channel_is_ended(bytes)) {
            put_end(pump);
            finish(pump);
            return;
        }
        if (size == 0 || room <= CHUNK_FRAME_MAX)
            return;
        if (size > room - CHUNK_FRAME_MAX)
            size = room - CHUNK_FRAME_MAX;
        if (pump->first_alone)
            size = 1;
        if (!put_piece(pump, size))
            return; /* the conn is lost and says so itself */
    }
}

static void filled(void *arg)
{
    h1_pump_run(arg);
}

static const struct channel_events events = {filled};

void h1_pump_init(struct h1_pump *pump, void (*ended)(void *arg), void *arg)
{
    *pump = (struct h1_pump){.ended = ended, .arg = arg, .done = true};
}

void h1_pump_start(struct h1_pump *pump, struct conn *conn, struct body *body,
                   enum h1_body_kind kind)
{
    pump->conn = conn;
    pump->kind = kind;
    pump->taken = 0;
    pump->done = !body || kind == H1_BODY_NONE;
    if (pump->done) {
        pump->bytes = NULL;
        pump->ended(pump->arg);
        return;
    }
    pump->bytes = body->bytes;
    pump->trailers = &body->trailers;
    channel_set_taker(pump->bytes, &events, pump);
    h1_pump_run(pump);
}

void h1_pump_stop(struct h1_pump *pump)
{
    if (pump->bytes)
        channel_set_taker(pump->bytes, NULL, NULL);
    pump->bytes = NULL;
}

bool h1_pump_is_done(const struct h1_pump *pump)
{
    return pump->done;
}
