/* What has come is read from its beginning each time something more comes: a hello or a head of
 * usual size comes at once, and who comes in very small pieces is not looked at for long. */
#include "culvert/edge/peeks.h"

#include "culvert/edge/client_hello.h"
#include "culvert/http/h1_request.h"
#include "culvert/net/sockets.h"

#include <errno.h>

struct peek {
    struct peeks *peeks;
    struct link link;
    struct handover *handover;
    bool is_tls;
    size_t seen; /* bytes at the last look */
    int looks;
    struct watch watch;
    struct timer limit;
    struct reap reap;
};

struct peeks {
    struct peeks_options options;
    struct list waiting;
};

struct peeks *peeks_new(const struct peeks_options *options)
{
    struct peeks *peeks = calloc(1, sizeof *peeks);
    if (!peeks)
        return NULL;
    peeks->options = *options;
    if (options->limit_ms == 0 || options->limit_ms > HANDOVER_PEEK_MS)
        peeks->options.limit_ms = HANDOVER_PEEK_MS;
    list_init(&peeks->waiting);
    return peeks;
}

size_t peeks_count(const struct peeks *peeks)
{
    return peeks->waiting.count;
}

/* ---- what the bytes say ---- */

enum look { LOOK_MORE, LOOK_NAMED, LOOK_UNNAMED };

static enum look look_at_hello(struct span bytes, char out[STORE_HOSTNAME_SIZE])
{
    char name[CLIENT_HELLO_NAME_SIZE];
    switch (client_hello_read(bytes, name)) {
    case CLIENT_HELLO_MORE:
        return LOOK_MORE;
    case CLIENT_HELLO_NAMED:
        return hostname_normalise(span_of(name), out) ? LOOK_NAMED : LOOK_UNNAMED;
    case CLIENT_HELLO_UNNAMED:
    case CLIENT_HELLO_ODD:
        break;
    }
    return LOOK_UNNAMED;
}

/* As the worker will read it. HTTP/2 with prior knowledge packs its names: it is not looked at. */
static enum look look_at_head(struct span bytes, char out[STORE_HOSTNAME_SIZE])
{
    struct h1_parser parser;
    struct h1_framing framing = {0};
    struct h1_refusal why;
    struct request_head head;
    enum look look = LOOK_UNNAMED;
    request_head_init(&head);
    h1_parser_reset(&parser, &h1_request_limits);
    enum h1_verdict verdict = h1_parse_request(&parser, bytes, &head, &framing, &why);
    if (verdict == H1_MORE)
        look = LOOK_MORE;
    else if (verdict == H1_DONE && hostname_normalise(buf_span(&head.authority), out))
        look = LOOK_NAMED;
    request_head_release(&head);
    return look;
}

/* ---- looking ---- */

static void destroy(void *object)
{
    free(object);
}

static struct handover *let_go(struct peek *peek)
{
    struct peeks *peeks = peek->peeks;
    struct handover *handover = peek->handover;
    handover->said = peek->seen > 0;
    watch_release(&peek->watch);
    timer_stop(&peek->limit);
    list_remove(&peeks->waiting, &peek->link);
    loop_reap(peeks->options.loop, &peek->reap, destroy, peek);
    return handover;
}

static void tell(struct peek *peek, enum peek_end end, const char *name)
{
    const struct peeks *peeks = peek->peeks;
    struct handover *handover = let_go(peek);
    peeks->options.told(peeks->options.arg, handover, end, end == PEEK_NAMED ? name : "");
}

/* Nobody could answer who sends no more before the head is whole. */
static bool has_ended(const struct peek *peek, ssize_t n)
{
    return n <= 0 || sockets_peer_left(peek->handover->fd);
}

static void on_news(void *arg, unsigned events)
{
    struct peek *peek = arg;
    struct loop *loop = peek->peeks->options.loop;
    const struct sockets *sockets = loop_sockets(loop);
    unsigned char *bytes = loop_scratch(loop);
    char name[STORE_HOSTNAME_SIZE] = "";
    (void)events;
    ssize_t n = sockets->peek(sockets, peek->handover->fd, bytes, HANDOVER_PEEK_MAX);
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    size_t len = n > 0 ? (size_t)n : 0;
    struct span all = span_make(bytes, len);
    enum look said = peek->is_tls ? look_at_hello(all, name) : look_at_head(all, name);
    if (len > 0)
        peek->seen = len;
    if (said != LOOK_MORE)
        tell(peek, said == LOOK_NAMED ? PEEK_NAMED : PEEK_UNNAMED, name);
    else if (len == HANDOVER_PEEK_MAX || ++peek->looks == HANDOVER_LOOKS_MAX)
        tell(peek, PEEK_UNNAMED, name);
    else if (has_ended(peek, n))
        tell(peek, PEEK_LATE, name);
}

static void late(void *arg)
{
    tell(arg, PEEK_LATE, "");
}

static struct peek *oldest(const struct peeks *peeks)
{
    struct link *first = list_first(&peeks->waiting);
    return first ? CONTAINER_OF(first, struct peek, link) : NULL;
}

struct handover *peeks_shed(struct peeks *peeks)
{
    struct peek *peek = oldest(peeks);
    return peek ? let_go(peek) : NULL;
}

void peeks_take(struct peeks *peeks, struct handover *handover, bool is_tls)
{
    struct loop *loop = peeks->options.loop;
    struct peek *peek = calloc(1, sizeof *peek);
    if (peeks->waiting.count >= HANDOVER_PEEKS_MAX)
        tell(oldest(peeks), PEEK_LATE, "");
    if (!peek) {
        peeks->options.told(peeks->options.arg, handover, PEEK_LATE, "");
        return;
    }
    peek->peeks = peeks;
    peek->handover = handover;
    peek->is_tls = is_tls;
    timer_init(&peek->limit, loop, late, peek);
    list_put_last(&peeks->waiting, &peek->link);
    /* Told of what is there already, too: a look before could miss what comes in between. */
    if (!watch_init(&peek->watch, loop, handover->fd, on_news, peek) ||
        !watch_set(&peek->watch, WATCH_READ | WATCH_NEWS) ||
        !timer_start(&peek->limit, peeks->options.limit_ms))
        tell(peek, PEEK_LATE, "");
}

void peeks_end(struct peeks *peeks)
{
    LIST_EACH_SAFE (it, after, &peeks->waiting) {
        tell(CONTAINER_OF(it, struct peek, link), PEEK_LATE, "");
    }
}

void peeks_free(struct peeks *peeks)
{
    if (!peeks)
        return;
    assert(peeks->waiting.count == 0);
    free(peeks);
}
