/* See the header. */
#include "support/attacker.h"

#include "culvert/net/sockets.h"
#include "support/must.h"

enum {
    OUT_MAX = 4 * 1024 * 1024,
    GOT_MAX = 4 * 1024 * 1024,
    TEXT_MAX = 1024 * 1024,
    TLS_MS = 20 * 1000,
    TURN_BYTES = 64 * 1024, /* said in one turn of the loop: others have their turns too */
};

static void note_end(struct attacker *attacker)
{
    if (!attacker->ended)
        attacker->ended_ms = loop_now_ms(attacker->loop);
    attacker->ended = true;
}

/* ---- saying ---- */

static void say(void *arg)
{
    struct attacker *attacker = arg;
    const struct attack *attack = attacker->attack;
    if (!attacker->begun || !attacker->conn || attacker->ended)
        return;
    size_t said = 0;
    do {
        if (attacker->out.len > 0) {
            said += attacker->out.len;
            (void)conn_put(attacker->conn, attacker->out.data, attacker->out.len);
            buf_clear(&attacker->out);
        }
        if (!attack->more || conn_room(attacker->conn) == 0 || said >= TURN_BYTES)
            break;
        attack->more(attacker);
        attacker->round++;
    } while (attacker->out.len > 0);
}

void attacker_say(struct attacker *attacker)
{
    task_post(&attacker->say);
}

/* ---- hearing ---- */

static void note_frame(struct attacker *attacker, const struct wire_frame *frame)
{
    switch ((enum wire_type)frame->type) {
    case WIRE_GOAWAY:
        attacker->heard_goaway = true;
        attacker->goaway_code = wire_number(frame);
        break;
    case WIRE_RST_STREAM:
        attacker->resets++;
        break;
    case WIRE_HEADERS:
        attacker->answers++;
        break;
    case WIRE_PING:
        attacker->pings += (frame->flags & WIRE_ACK) ? 1 : 0;
        break;
    case WIRE_SETTINGS:
        attacker->acks += (frame->flags & WIRE_ACK) ? 1 : 0;
        break;
    case WIRE_DATA:
        attacker->data_bytes += frame->payload.len;
        break;
    case WIRE_PRIORITY:
    case WIRE_PUSH_PROMISE:
    case WIRE_WINDOW_UPDATE:
    case WIRE_CONTINUATION:
    default:
        break;
    }
}

static void hear_frames(struct attacker *attacker, const unsigned char *data, size_t len)
{
    struct wire_frame frame;
    must(buf_put(&attacker->got, data, len));
    struct span rest = buf_span(&attacker->got);
    while (wire_take(&rest, &frame)) {
        note_frame(attacker, &frame);
        if (attacker->attack->on_frame)
            attacker->attack->on_frame(attacker, &frame);
    }
    buf_drop(&attacker->got, attacker->got.len - rest.len);
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct attacker *attacker = arg;
    if (attacker->attack->h2) {
        hear_frames(attacker, data, len);
    } else {
        struct span some = span_first(span_make(data, len), TEXT_MAX - attacker->text.len);
        must(buf_put_span(&attacker->text, some));
        if (attacker->attack->on_bytes)
            attacker->attack->on_bytes(attacker, span_make(data, len));
    }
    attacker_say(attacker);
    return len;
}

static void begin_saying(void *arg)
{
    struct attacker *attacker = arg;
    attacker->begun = true;
    if (attacker->attack->h2) {
        must(buf_put_span(&attacker->out, SPAN(WIRE_PREFACE)));
        wire_put_settings(&attacker->out, 0, 0);
    }
    if (attacker->attack->begin)
        attacker->attack->begin(attacker);
    if (attacker->attack->deaf)
        gate_hold(conn_gate(attacker->conn), HOLD_EXCHANGE);
    attacker_say(attacker);
}

static void on_end(void *arg)
{
    note_end(arg);
}

static void on_room(void *arg)
{
    attacker_say(arg);
}

static void on_lost(void *arg, const struct error *why)
{
    (void)why;
    note_end(arg);
}

static const struct conn_events conn_events = {.on_open = begin_saying,
                                               .on_bytes = on_bytes,
                                               .on_end = on_end,
                                               .on_room = on_room,
                                               .on_lost = on_lost};

void attacker_begin(struct attacker *attacker, struct loop *loop, const struct attack *attack,
                    const struct attacker_options *options)
{
    const struct sockets *sockets = loop_sockets(loop);
    *attacker = (struct attacker){.attack = attack,
                                  .options = *options,
                                  .loop = loop,
                                  .stream = 1,
                                  .out = BUF_LIMIT(OUT_MAX),
                                  .got = BUF_LIMIT(GOT_MAX),
                                  .text = BUF_LIMIT(TEXT_MAX),
                                  .begun_ms = loop_now_ms(loop)};
    task_init(&attacker->say, loop, TASK_SOON, say, attacker);
    int fd = sockets->connect(sockets, &options->at, options->from.len ? &options->from : NULL);
    must(fd != -1);
    attacker->conn = conn_new(loop, fd, &conn_events, attacker, NULL);
    must(attacker->conn != NULL);
    if (options->tls)
        must(conn_start_tls(attacker->conn, options->tls, options->authority, TLS_MS, NULL));
    else
        begin_saying(attacker);
}

bool attacker_is_ended(struct attacker *attacker)
{
    if (attacker->conn && conn_peer_left(attacker->conn))
        note_end(attacker);
    return attacker->ended;
}

void attacker_end(struct attacker *attacker)
{
    task_cancel(&attacker->say);
    conn_close(attacker->conn);
    attacker->conn = NULL;
    buf_release(&attacker->out);
    buf_release(&attacker->got);
    buf_release(&attacker->text);
}

uint32_t attacker_asks(struct attacker *attacker, const char *path, uint8_t flags)
{
    const char *const fields[] = {":method",    flags & WIRE_END_STREAM ? "GET" : "POST",
                                  ":scheme",    "http",
                                  ":authority", attacker->options.authority,
                                  ":path",      path,
                                  NULL};
    uint32_t stream = attacker->stream;
    wire_put_headers(&attacker->out, stream, flags, fields);
    attacker->stream += 2;
    return stream;
}
