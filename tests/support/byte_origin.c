/* See the header. */
#include "support/byte_origin.h"

#include <stdlib.h>

enum { GOT_MAX = 1024 * 1024 };

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void say(struct byte_origin_end *end, struct span text)
{
    must(conn_put(end->conn, text.data, text.len));
}

static void hang_up(struct byte_origin_end *end)
{
    conn_close_lingering(end->conn);
    end->conn = NULL;
    end->origin->open--;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct byte_origin_end *end = arg;
    struct span bytes = span_make(data, len);
    must(buf_put_span(&end->origin->got, bytes));
    if (span_equal(bytes, SPAN("quit"))) {
        hang_up(end);
    } else if (span_equal(bytes, SPAN("half"))) {
        end->half = true;
        conn_end(end->conn);
    } else if (!end->half) {
        say(end, SPAN("echo:"));
        say(end, bytes);
    }
    return len;
}

static void on_end(void *arg)
{
    hang_up(arg);
}

static void on_lost(void *arg, const struct error *why)
{
    struct byte_origin_end *end = arg;
    (void)why;
    conn_close(end->conn);
    end->conn = NULL;
    end->origin->open--;
}

static void on_nothing(void *arg)
{
    (void)arg;
}

static void on_accept(void *arg, int fd)
{
    static const struct conn_events events = {on_nothing, on_bytes, on_end, on_nothing, on_lost};
    struct byte_origin *origin = arg;
    must(origin->accepted < BYTE_ORIGIN_MAX);
    struct byte_origin_end *end = &origin->ends[origin->accepted++];
    origin->open++;
    end->origin = origin;
    end->conn = conn_new(origin->loop, fd, &events, end, NULL);
    must(end->conn != NULL);
    say(end, SPAN("BANNER\n"));
}

void byte_origin_open(struct byte_origin *origin, struct loop *loop, struct memory_sockets *memory,
                      const char *at)
{
    *origin = (struct byte_origin){.loop = loop, .got = BUF_LIMIT(GOT_MAX)};
    memory_sockets_serve(memory, at, on_accept, origin);
}

void byte_origin_close(struct byte_origin *origin)
{
    for (size_t i = 0; i < origin->accepted; i++)
        conn_close(origin->ends[i].conn);
    origin->open = 0;
    buf_release(&origin->got);
}
