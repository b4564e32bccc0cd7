/* What an edge can do to a connector over HTTP/2: lose it a connection, which comes back, or a
 * stream. The other connections and the process go on, and nothing grows without bound. */
#include "culvert/connector/ha_connection.h"
#include "support/h2_wire.h"
#include "support/lone_connector.h"

#include "harness.h"

#include <errno.h>
#include <unistd.h>

enum { BYTES_MAX = 64 * 1024 * 1024, HELD_MAX = 64 };

/* An edge that takes connections and is played by hand. */
struct raw_edge {
    int fds[HELD_MAX];
    size_t count;
    struct buf got; /* from the first one */
    bool ended;     /* the connector ended the first one */
};

static void on_accept(void *arg, int fd)
{
    struct raw_edge *edge = arg;
    if (edge->count == HELD_MAX)
        (void)close(fd);
    else
        edge->fds[edge->count++] = fd;
}

static void edge_init(struct raw_edge *edge)
{
    *edge = (struct raw_edge){.got = BUF_LIMIT(BYTES_MAX)};
}

static void edge_release(struct raw_edge *edge)
{
    for (size_t i = 0; i < edge->count; i++)
        if (edge->fds[i] != -1)
            (void)close(edge->fds[i]);
    buf_release(&edge->got);
}

static void edge_reads(struct raw_edge *edge)
{
    char *to;
    ssize_t n;
    do {
        to = buf_room(&edge->got, 64 * 1024);
        if (!to)
            abort();
        n = read(edge->fds[0], to, 64 * 1024);
        buf_added(&edge->got, n > 0 ? (size_t)n : 0);
    } while (n > 0);
    edge->ended = edge->ended || n == 0 || errno != EAGAIN;
}

/* Says all of it, as fast as the connector takes it; reads what comes only if it is asked to. */
static void edge_says(struct raw_edge *edge, struct lone_connector *lone, struct span bytes,
                      bool reads)
{
    for (int idle = 0; bytes.len > 0 && idle < 100;) {
        ssize_t n = send(edge->fds[0], bytes.data, bytes.len, MSG_NOSIGNAL);
        idle = n > 0 ? 0 : idle + 1;
        bytes = span_skip(bytes, n > 0 ? (size_t)n : 0);
        CHECK(settle(lone->loop));
        if (reads)
            edge_reads(edge);
    }
}

static void put_control(struct buf *out)
{
    static const char *const fields[] = {
        ":method",        "GET",        ":scheme",
        "https",          ":authority", "x",
        ":path",          "/",          "cf-cloudflared-proxy-connection-upgrade",
        "control-stream", NULL};
    wire_put_headers(out, 1, 0, fields);
}

static void put_request(struct buf *out, uint32_t stream)
{
    static const char *const fields[] = {":method", "GET",   ":scheme", "https", ":authority",
                                         "x",       ":path", "/",       NULL};
    wire_put_headers(out, stream, WIRE_END_STREAM, fields);
}

/* ---- silence ---- */

TEST(an_edge_that_accepts_and_stays_silent_is_left_in_time_and_tried_again)
{
    static const struct {
        bool greets, asks;
        uint64_t limit_ms;
    } cases[] = {
        {false, false, H2_SETTINGS_LIMIT_MS}, {true, false, HA_CONTROL_MS}, {true, true, 6000}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lone_connector lone;
        struct raw_edge edge;
        struct buf out = BUF_LIMIT(4096);
        lone_connector_open(&lone);
        edge_init(&edge);
        memory_sockets_serve(&lone.memory, "127.0.0.1:7844", on_accept, &edge);
        lone_connector_start(&lone);
        REQUIRE(edge.count == 1);
        if (cases[i].greets) {
            CHECK(buf_put_span(&out, SPAN(WIRE_PREFACE)));
            wire_put_settings(&out, 0, 0);
        }
        if (cases[i].asks)
            put_control(&out);
        edge_says(&edge, &lone, buf_span(&out), true);
        lone_connector_pass(&lone, cases[i].limit_ms - 2000);
        edge_reads(&edge);
        CHECK_CASE(!edge.ended, "case %zu: it left too early", i);
        lone_connector_pass(&lone, 5000);
        edge_reads(&edge);
        CHECK_CASE(edge.ended, "case %zu: it did not leave", i);
        CHECK_CASE(edge.count >= 2 && !lone.over, "case %zu: it did not come again", i);
        lone_connector_close(&lone);
        edge_release(&edge);
        buf_release(&out);
    }
}

/* ---- floods ---- */

struct act {
    const char *name;
    void (*put)(struct buf *out);
    bool reads; /* the edge reads what the connector says */
    bool ends;  /* the connection */
};

static void put_streams(struct buf *out)
{
    for (uint32_t i = 0; i < 100000; i++)
        put_request(out, 3 + 2 * i);
}

static void put_pings(struct buf *out)
{
    for (int i = 0; i < 100000; i++)
        wire_put(out, &(struct wire_frame){WIRE_PING, 0, 0, SPAN("12345678")});
}

static void put_settings(struct buf *out)
{
    for (int i = 0; i < 20000; i++)
        wire_put_settings(out, 4, 65535);
}

/* `count` fields of `len` bytes in frames of 16 KiB. */
static void put_head(struct buf *out, size_t count, size_t len)
{
    struct buf block = BUF_LIMIT(2 * 1024 * 1024);
    struct buf value = BUF_LIMIT(2 * 1024 * 1024);
    char *room = buf_room(&value, len);
    if (!room)
        abort();
    memset(room, '~', len);
    buf_added(&value, len);
    wire_put_field(&block, ":method", SPAN("GET"));
    wire_put_field(&block, ":scheme", SPAN("https"));
    wire_put_field(&block, ":authority", SPAN("x"));
    wire_put_field(&block, ":path", SPAN("/"));
    for (size_t i = 0; i < count; i++)
        wire_put_field(&block, "x-giant", buf_span(&value));
    struct span rest = buf_span(&block);
    for (bool is_first = true; rest.len > 0; is_first = false) {
        struct span part = span_first(rest, 16 * 1024);
        rest = span_skip(rest, part.len);
        const struct wire_frame frame = {
            is_first ? WIRE_HEADERS : WIRE_CONTINUATION,
            (uint8_t)((rest.len == 0 ? WIRE_END_HEADERS : 0) | (is_first ? WIRE_END_STREAM : 0)), 3,
            part};
        wire_put(out, &frame);
    }
    buf_release(&block);
    buf_release(&value);
}

static void put_large_head(struct buf *out)
{
    put_head(out, 20, 50 * 1000); /* within its limit, in more frames than libraries like */
}

static void put_giant_head(struct buf *out)
{
    put_head(out, 20, 60 * 1000); /* 431 */
}

static void put_giant_field(struct buf *out)
{
    put_head(out, 1, 1100 * 1000); /* 431, too */
}

static void put_long_field(struct buf *out)
{
    put_head(out, 1, 1000 * 1000); /* within the limit, and the library could not unpack it */
}

static void put_endless_head(struct buf *out)
{
    wire_put(out, &(struct wire_frame){WIRE_HEADERS, 1, 3, SPAN("")});
    for (int i = 0; i < 2000; i++)
        wire_put(out, &(struct wire_frame){WIRE_CONTINUATION, 0, 3, SPAN("")});
}

static const struct act acts[] = {
    {"streams, and reads", put_streams, true, false},
    {"streams, and does not read", put_streams, false, true},
    {"PING, and reads", put_pings, true, true},
    {"PING, and does not read", put_pings, false, true},
    {"SETTINGS, and reads", put_settings, true, true},
    {"SETTINGS, and does not read", put_settings, false, true},
    {"a large head", put_large_head, true, false},
    {"a giant head", put_giant_head, true, false},
    {"a giant field", put_giant_field, true, false},
    {"a long field", put_long_field, true, false},
    {"a head without end", put_endless_head, true, true},
};

TEST(floods_of_an_edge_end_its_connection_at_most)
{
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        struct lone_connector lone;
        struct raw_edge edge;
        struct buf out = BUF_LIMIT(BYTES_MAX);
        lone_connector_open(&lone);
        edge_init(&edge);
        memory_sockets_serve(&lone.memory, "127.0.0.1:7844", on_accept, &edge);
        lone_connector_start(&lone);
        REQUIRE(edge.count == 1);
        lone_connector_reload(&lone, "http_status:204");
        CHECK(buf_put_span(&out, SPAN(WIRE_PREFACE)));
        wire_put_settings(&out, 0, 0);
        put_control(&out);
        acts[i].put(&out);
        edge_says(&edge, &lone, buf_span(&out), acts[i].reads);
        lone_connector_pass(&lone, CONN_LINGER_MS);
        edge_reads(&edge);
        CHECK_CASE(edge.ended == acts[i].ends, "%s: its connection %s", acts[i].name,
                   edge.ended ? "ended" : "did not end");
        CHECK_CASE(!lone.over, "%s: the connector ended", acts[i].name);
        if (acts[i].ends) {
            lone_connector_pass(&lone, 2000);
            CHECK_CASE(edge.count >= 2, "%s: it did not come again", acts[i].name);
        }
        lone_connector_close(&lone);
        edge_release(&edge);
        buf_release(&out);
    }
}
