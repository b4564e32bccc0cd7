/* See the header. */
#include "support/h1_attacks.h"

#include <stdlib.h>

enum { DRIP_MS = 200, PIECE = 4096 };

/* ---- pieces ---- */

static void put(struct attacker *attacker, const char *text)
{
    if (!buf_put_span(&attacker->out, span_of(text)))
        abort();
}

static void begin_request(struct attacker *attacker, const char *line, const char *fields)
{
    if (!buf_printf(&attacker->out, "%s HTTP/1.1\r\nHost: %s\r\n%s", line,
                    attacker->options.authority, fields))
        abort();
}

/* A few KiB of `unit`, again and again. */
static void flood(struct attacker *attacker, const char *unit)
{
    size_t end = attacker->out.len + PIECE;
    while (attacker->out.len < end)
        put(attacker, unit);
}

/* One byte whenever some time has passed. */
static void drip(struct attacker *attacker, const char *byte)
{
    uint64_t now = loop_now_ms(attacker->loop);
    if (now < attacker->state + DRIP_MS)
        return;
    attacker->state = now;
    put(attacker, byte);
}

/* ---- slow ---- */

static void begin_drip_head(struct attacker *attacker)
{
    put(attacker, "GET /");
}

static void drip_letter(struct attacker *attacker)
{
    drip(attacker, "a");
}

static void begin_drip_body(struct attacker *attacker)
{
    begin_request(attacker, "POST /echo", "Content-Length: 60000\r\n\r\n");
}

static void begin_half_chunk(struct attacker *attacker)
{
    begin_request(attacker, "POST /echo", "Transfer-Encoding: chunked\r\n\r\nfff0\r\n");
}

static void begin_expect_only(struct attacker *attacker)
{
    begin_request(attacker, "POST /echo", "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
}

/* ---- deaf ---- */

static void begin_much(struct attacker *attacker)
{
    begin_request(attacker, "GET /bytes/200000000", "\r\n");
}

static void pipeline(struct attacker *attacker)
{
    for (int i = 0; i < 16; i++)
        begin_request(attacker, "GET /bytes/1000000", "\r\n");
}

/* ---- without end ---- */

static void begin_line(struct attacker *attacker)
{
    put(attacker, "GET /");
}

static void flood_letters(struct attacker *attacker)
{
    flood(attacker, "aaaaaaaaaaaaaaaa");
}

static void begin_fields(struct attacker *attacker)
{
    begin_request(attacker, "GET /hello", "");
}

static void flood_fields(struct attacker *attacker)
{
    flood(attacker, "a: b\r\n");
}

static void begin_cookie(struct attacker *attacker)
{
    begin_request(attacker, "GET /hello", "Cookie: a=");
}

static void begin_chunked(struct attacker *attacker)
{
    begin_request(attacker, "POST /wait", "Transfer-Encoding: chunked\r\n\r\n");
}

static void flood_extensions(struct attacker *attacker)
{
    flood(attacker, "1;an=extension;that=says;nothing=at;all=\"\"\r\na\r\n");
}

static void flood_zeros(struct attacker *attacker)
{
    flood(attacker, "0000000000000001\r\na\r\n");
}

static void begin_trailers(struct attacker *attacker)
{
    begin_chunked(attacker);
    put(attacker, "0\r\n");
}

static void flood_empty_lines(struct attacker *attacker)
{
    flood(attacker, "\r\n");
}

/* ---- readable in two ways, and games ---- */

/* What stands behind the host of a request to /echo. */
static const struct {
    const char *line, *fields;
} shapes[] = {
    {"POST /echo", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {"POST /echo", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {"POST /echo", "Content-Length : 5\r\n\r\nhello"},
    {"POST /echo", "Content_Length: 5\r\n\r\nhello"},
    {"POST /echo", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
    {"POST /echo", "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"},
    {"GET /hello", "A: b\r\n folded\r\n\r\n"},
    {"GET /hello", "A: b\n\r\n"},
    {"GET  /hello", "\r\n"},
    {"GET /hello", "Host: other.localhost\r\n\r\n"},
    {"POST /echo", "Expect: the-unexpected\r\nContent-Length: 5\r\n\r\nhello"},
    {"GET /hello", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\nhello"},
    {"CONNECT app.localhost:80", "\r\n"},
    {"GET /hello", "Connection: Host\r\n\r\n"},
};

static void begin_shape(struct attacker *attacker)
{
    unsigned number = attacker->attack->number;
    begin_request(attacker, shapes[number].line, shapes[number].fields);
}

static void half_close(struct attacker *attacker)
{
    begin_request(attacker, "GET /wait", "");
    (void)conn_put(attacker->conn, attacker->out.data, attacker->out.len);
    buf_clear(&attacker->out);
    conn_end(attacker->conn);
}

static void begin_idle(struct attacker *attacker)
{
    begin_request(attacker, "GET /hello", "\r\n");
}

#define SHAPE(name_, number_)                                                                      \
    {                                                                                              \
        .name = "h1-" name_, .limit = "h1_malformed", .number = (number_), .begin = begin_shape    \
    }

static const struct attack attacks[] = {
    {.name = "h1-silent", .limit = "silent"},
    {.name = "h1-slow-head",
     .limit = "h1_head_time",
     .begin = begin_drip_head,
     .more = drip_letter},
    {.name = "h1-slow-body",
     .limit = "h1_body_pace",
     .begin = begin_drip_body,
     .more = drip_letter},
    {.name = "h1-half-chunk", .limit = "h1_body_pace", .begin = begin_half_chunk},
    {.name = "h1-expect-and-nothing", .limit = "h1_body_pace", .begin = begin_expect_only},
    {.name = "h1-deaf", .limit = "read_pace", .deaf = true, .begin = begin_much},
    {.name = "h1-pipeline", .limit = "read_pace", .deaf = true, .more = pipeline},
    {.name = "h1-long-line", .limit = "h1_head_size", .begin = begin_line, .more = flood_letters},
    {.name = "h1-many-fields",
     .limit = "h1_head_size",
     .begin = begin_fields,
     .more = flood_fields},
    {.name = "h1-long-field",
     .limit = "h1_head_size",
     .begin = begin_cookie,
     .more = flood_letters},
    {.name = "h1-extensions",
     .limit = "h1_chunks",
     .begin = begin_chunked,
     .more = flood_extensions},
    {.name = "h1-tiny-chunks", .limit = "h1_chunks", .begin = begin_chunked, .more = flood_zeros},
    {.name = "h1-trailers", .limit = "h1_trailers", .begin = begin_trailers, .more = flood_fields},
    {.name = "h1-empty-lines", .limit = "h1_malformed", .more = flood_empty_lines},
    SHAPE("two-framings", 0),
    SHAPE("two-lengths", 1),
    SHAPE("blank-before-colon", 2),
    SHAPE("underscore", 3),
    SHAPE("chunked-not-last", 4),
    SHAPE("bare-lf-in-chunks", 5),
    SHAPE("folded", 6),
    SHAPE("bare-lf", 7),
    SHAPE("two-blanks", 8),
    SHAPE("two-hosts", 9),
    SHAPE("expectation", 10),
    SHAPE("upgrade-with-body", 11),
    SHAPE("connect", 12),
    SHAPE("connection-host", 13),
    {.name = "h1-half-closed", .begin = half_close},
    {.name = "h1-idle", .begin = begin_idle},
};

const struct attack *h1_attacks(size_t *count)
{
    *count = sizeof attacks / sizeof *attacks;
    return attacks;
}
