/* Dialing: resolve, connect to one address after the other (the next one beside a silent one), then
 * the handshake. The first connected socket wins, the others are closed. */
#include "culvert/net/dial.h"
#include "culvert/net/connect_answer.h"
#include "culvert/net/sockets.h"

#include <errno.h>
#include <unistd.h>

struct attempt {
    struct dial *dial;
    struct ip_address address;
    int fd; /* -1: over, or not begun */
    struct watch watch;
};

struct dial {
    struct loop *loop;
    struct dial_target target;
    char *host, *path, *server_name;
    struct ip_address fixed, from, visitor;
    struct lookup *lookup;
    size_t count, next, running;
    uint64_t since_ms;
    struct attempt *attempts; /* `count` of them, once it is known where to */
    struct timer limit;       /* resolving and connecting */
    struct timer patience;    /* with the last address, before the next one */
    struct task begin;
    struct conn *conn; /* shaking hands */
    char *asks;        /* what a proxy is asked; NULL: nobody is */
    struct connect_answer answer;
    enum connect_step step; /* of the answer */
    struct task through;    /* it is there */
    struct error why;
    const struct dial_events *events;
    void *arg;
    struct reap reap;
    bool over;
};

static void try_next(struct dial *dial);

static void destroy(void *object)
{
    struct dial *dial = object;
    free(dial->host);
    free(dial->path);
    free(dial->server_name);
    if (dial->asks)
        explicit_bzero(dial->asks, strlen(dial->asks)); /* it may hold a password */
    free(dial->asks);
    free(dial->attempts);
    tls_context_unref(dial->target.tls);
    free(dial);
}

static void attempt_close(struct attempt *attempt)
{
    if (attempt->fd == -1)
        return;
    watch_release(&attempt->watch);
    (void)close(attempt->fd);
    attempt->fd = -1;
    attempt->dial->running--;
}

/* Nothing of it runs after this. */
static void finish(struct dial *dial)
{
    dial->over = true;
    lookup_cancel(dial->lookup);
    dial->lookup = NULL;
    for (size_t i = 0; i < dial->count; i++)
        attempt_close(&dial->attempts[i]);
    timer_stop(&dial->limit);
    timer_stop(&dial->patience);
    task_cancel(&dial->begin);
    task_cancel(&dial->through);
    conn_close(dial->conn);
    dial->conn = NULL;
    loop_reap(dial->loop, &dial->reap, destroy, dial);
}

void dial_cancel(struct dial *dial)
{
    if (dial && !dial->over)
        finish(dial);
}

void dial_set_events(struct dial *dial, const struct dial_events *events, void *arg)
{
    dial->events = events;
    dial->arg = arg;
}

static void fail(struct dial *dial, const struct error *why)
{
    struct error told = *why;
    const struct dial_events *events = dial->events;
    void *arg = dial->arg;
    finish(dial);
    events->on_failed(arg, &told);
}

static void connected(struct dial *dial, struct conn *conn)
{
    const struct dial_events *events = dial->events;
    void *arg = dial->arg;
    dial->conn = NULL;
    finish(dial);
    events->on_connected(arg, conn);
}

static void on_open(void *arg)
{
    struct dial *dial = arg;
    connected(dial, dial->conn);
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    return 0; /* kept for the consumer to come */
}

static void on_end(void *arg)
{
    (void)arg;
}

static void on_room(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    struct dial *dial = arg;
    struct error told = *why;
    error_label(&told, why->kind == ERROR_TIMEOUT ? "tls_timeout" : "tls");
    fail(dial, &told);
}

static const struct conn_events shaking = {on_open, on_bytes, on_end, on_room, on_lost};

/* A few bytes fit into the empty buffer of a new socket; they go in clear, before any TLS. */
static bool say_for_whom(struct dial *dial, const struct attempt *attempt, int fd,
                         struct error *err)
{
    const struct sockets *sockets = loop_sockets(dial->loop);
    const struct ip_address nowhere = {.len = 0};
    unsigned char header[PROXY_HEADER_SIZE];
    size_t len = proxy_header_write(dial->target.proxy, &dial->visitor,
                                    dial->path ? &nowhere : &attempt->address, header);
    for (size_t said = 0; said < len;) {
        const struct iovec rest = {header + said, len - said};
        ssize_t n = sockets->write(sockets, fd, &rest, 1);
        if (n == -1) {
            error_errno(err, "write the PROXY header");
            err->kind = ERROR_NETWORK;
            return false;
        }
        said += (size_t)n;
    }
    return true;
}

static void shake(struct dial *dial)
{
    struct error err = {0};
    if (!dial->target.tls)
        connected(dial, dial->conn);
    else if (!conn_start_tls(dial->conn, dial->target.tls, dial->server_name, dial->target.tls_ms,
                             &err))
        fail(dial, &err);
}

/* ---- a proxy in between ---- */

static size_t on_answer(void *arg, const unsigned char *data, size_t len)
{
    struct dial *dial = arg;
    size_t taken = 0;
    if (dial->step == CONNECT_MORE)
        dial->step = connect_answer_feed(&dial->answer, span_make(data, len), &taken);
    if (dial->step != CONNECT_MORE)
        task_post(&dial->through);
    return taken;
}

static void on_answer_end(void *arg)
{
    struct dial *dial = arg;
    if (dial->step == CONNECT_MORE)
        dial->step = CONNECT_BAD;
    task_post(&dial->through);
}

static const struct conn_events asking = {on_open, on_answer, on_answer_end, on_room, on_lost};

static void go_through(void *arg)
{
    struct dial *dial = arg;
    struct error why;
    timer_stop(&dial->limit);
    if (conn_queued(dial->conn) > 0)
        dial->step = CONNECT_BAD; /* it answers what it has not heard */
    if (dial->step == CONNECT_OPEN) {
        conn_set_events(dial->conn, &shaking, dial);
        shake(dial);
        return;
    }
    if (dial->step == CONNECT_REFUSED)
        error_set(&why, ERROR_NETWORK, 0, "the proxy %s:%u answers CONNECT with %d", dial->host,
                  dial->target.port, dial->answer.status);
    else
        error_set(&why, ERROR_NETWORK, 0, "the proxy %s:%u does not answer CONNECT in HTTP",
                  dial->host, dial->target.port);
    fail(dial, &why);
}

/* The answer has as much time as the connection had. */
static void ask(struct dial *dial)
{
    struct error why;
    if (dial->target.connect_ms > 0 && !timer_start(&dial->limit, dial->target.connect_ms)) {
        error_memory(&why);
        fail(dial, &why);
        return;
    }
    (void)conn_put(dial->conn, dial->asks, strlen(dial->asks)); /* a conn that is lost says so */
}

/* The attempt's socket is connected: the others may go. */
static void won(struct dial *dial, struct attempt *attempt)
{
    int fd = attempt->fd;
    watch_release(&attempt->watch);
    attempt->fd = -1;
    dial->running--;
    for (size_t i = 0; i < dial->count; i++)
        attempt_close(&dial->attempts[i]);
    timer_stop(&dial->limit);
    timer_stop(&dial->patience);
    if (!dial->path)
        sockets_tune(fd, dial->target.keepalive_seconds);
    struct error err = {0};
    if (!say_for_whom(dial, attempt, fd, &err)) {
        (void)close(fd);
        fail(dial, &err);
        return;
    }
    dial->conn = conn_new(dial->loop, fd, dial->asks ? &asking : &shaking, dial, &err);
    if (!dial->conn)
        fail(dial, &err);
    else if (dial->asks)
        ask(dial);
    else
        shake(dial);
}

/* Why nothing is connected: its kind, and a word. */
static void judge(struct error *why, int cause)
{
    why->kind = ERROR_NETWORK;
    switch (cause) {
    case ECONNREFUSED:
    case ENOENT: /* no such unix socket */
        error_label(why, "refused");
        break;
    case ETIMEDOUT:
        why->kind = ERROR_TIMEOUT;
        error_label(why, "timeout");
        break;
    case ENETUNREACH:
    case EHOSTUNREACH:
        error_label(why, "unreachable");
        break;
    case EMFILE: /* it is not the other side's fault */
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        why->kind = ERROR_SYSTEM;
        break;
    default:
        error_label(why, "connect");
        break;
    }
}

static void describe(struct dial *dial, size_t index, int cause)
{
    char at[IP_TEXT_SIZE];
    errno = cause;
    if (dial->path) {
        error_errno(&dial->why, "connect to unix:%s", dial->path);
    } else {
        ip_format(&dial->attempts[index].address, at);
        error_errno(&dial->why, "connect to %s", at);
    }
    judge(&dial->why, cause);
}

static void ready(void *arg, unsigned events)
{
    (void)events;
    struct attempt *attempt = arg;
    struct dial *dial = attempt->dial;
    int cause = 0;
    socklen_t len = sizeof cause;
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &cause, &len) == -1)
        cause = errno;
    if (cause == 0) {
        won(dial, attempt);
        return;
    }
    describe(dial, (size_t)(attempt - dial->attempts), cause);
    attempt_close(attempt);
    try_next(dial);
}

/* Begins one attempt; false when it failed at once. */
static bool attempt_open(struct dial *dial, size_t index)
{
    const struct sockets *sockets = loop_sockets(dial->loop);
    struct attempt *attempt = &dial->attempts[index];
    int fd = dial->path ? sockets->connect_unix(sockets, dial->path)
                        : sockets->connect(sockets, &attempt->address,
                                           dial->target.from ? &dial->from : NULL);
    if (fd == -1) {
        describe(dial, index, errno);
        return false;
    }
    attempt->fd = fd;
    dial->running++;
    if (watch_init(&attempt->watch, dial->loop, fd, ready, attempt) &&
        watch_set(&attempt->watch, WATCH_WRITE))
        return true;
    error_memory(&dial->why);
    attempt_close(attempt);
    return false;
}

/* How long an address is alone before the next one's turn; 0: till the end. One by one, each gets
 * its part of the time that is left. */
static uint64_t patience_ms(const struct dial *dial)
{
    uint64_t left = dial->count - dial->next;
    if (left == 0)
        return 0;
    if (!dial->target.one_by_one)
        return DIAL_STAGGER_MS;
    if (dial->target.connect_ms == 0)
        return 0;
    uint64_t gone = loop_now_ms(dial->loop) - dial->since_ms;
    uint64_t share =
        gone < dial->target.connect_ms ? (dial->target.connect_ms - gone) / (left + 1) : 0;
    return share < DIAL_SHARE_MIN_MS ? DIAL_SHARE_MIN_MS : share;
}

static void try_next(struct dial *dial)
{
    timer_stop(&dial->patience);
    while (dial->next < dial->count) {
        size_t index = dial->next++;
        if (!attempt_open(dial, index))
            continue;
        uint64_t patience = patience_ms(dial);
        if (patience == 0 || timer_start(&dial->patience, patience))
            return;
    }
    if (dial->running == 0)
        fail(dial, &dial->why);
}

/* Takes out what may not be dialed. */
static void sift(struct dial *dial)
{
    char at[IP_TEXT_SIZE];
    size_t kept = 0;
    if (!dial->target.permits || dial->count == 0)
        return;
    ip_format(&dial->attempts[0].address, at);
    for (size_t i = 0; i < dial->count; i++) {
        struct ip_address address = dial->attempts[i].address;
        if (dial->target.permits(dial->target.permits_arg, &address))
            dial->attempts[kept++].address = address;
    }
    dial->count = kept;
    if (kept == 0)
        error_set(&dial->why, ERROR_DENIED, 0, "%s may not be connected to", at);
}

static void tired(void *arg)
{
    struct dial *dial = arg;
    size_t last = dial->next - 1;
    if (dial->target.one_by_one && dial->attempts[last].fd != -1) {
        describe(dial, last, ETIMEDOUT);
        attempt_close(&dial->attempts[last]);
    }
    try_next(dial);
}

static void begin(void *arg)
{
    struct dial *dial = arg;
    if (!dial->path)
        sift(dial);
    try_next(dial);
}

/* Room for so many attempts; the addresses are filled in next. */
static bool attempts_make(struct dial *dial, size_t count)
{
    dial->attempts = calloc(count, sizeof *dial->attempts);
    for (size_t i = 0; dial->attempts && i < count; i++) {
        dial->attempts[i].dial = dial;
        dial->attempts[i].fd = -1;
    }
    return dial->attempts != NULL;
}

static void resolved(void *arg, const struct ip_address *addresses, size_t count,
                     const struct error *why)
{
    struct dial *dial = arg;
    dial->lookup = NULL;
    if (why) {
        struct error told = *why;
        told.cause = DIAL_UNRESOLVED;
        error_label(&told, "name");
        fail(dial, &told);
        return;
    }
    if (!attempts_make(dial, count)) {
        error_memory(&dial->why);
        fail(dial, &dial->why);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (dial->target.family == 0 || addresses[i].any.sa_family == dial->target.family)
            dial->attempts[dial->count++].address = addresses[i];
    if (dial->count == 0) {
        error_set(&dial->why, ERROR_NETWORK, 0, "%s has no %s address", dial->host,
                  dial->target.family == AF_INET ? "IPv4" : "IPv6");
        error_label(&dial->why, "name");
    }
    sift(dial);
    try_next(dial);
}

static void expired(void *arg)
{
    struct dial *dial = arg;
    struct error why;
    const char *what = dial->lookup ? "the name did not resolve" : "no answer";
    error_set(&why, ERROR_TIMEOUT, ETIMEDOUT, "connect to %s: %s within %llu ms",
              dial->path   ? dial->path
              : dial->host ? dial->host
                           : "the address",
              what, (unsigned long long)dial->target.connect_ms);
    error_label(&why, dial->lookup ? "name" : "timeout");
    fail(dial, &why);
}

static bool copy_text(char **to, const char *from)
{
    if (!from)
        return true;
    *to = span_dup(span_of(from));
    return *to != NULL;
}

/* The proxy is dialed in place of what is wanted. */
static bool copy_proxy(struct dial *dial, const struct dial_target *target)
{
    struct buf text = BUF_LIMIT(CONNECT_ANSWER_MAX);
    if (!target->by)
        return copy_text(&dial->host, target->host);
    dial->target.port = target->by->port;
    if (connect_request_write(&text, target->host, target->port, target->by->authorization))
        dial->asks = span_dup(buf_span(&text));
    buf_wipe(&text);
    return dial->asks && copy_text(&dial->host, target->by->host);
}

/* Copies what must outlive the call. */
static bool copy_target(struct dial *dial, const struct dial_target *target)
{
    dial->target = *target;
    dial->target.tls = target->tls ? tls_context_ref(target->tls) : NULL;
    if (target->from)
        dial->from = *target->from;
    if (target->address)
        dial->fixed = *target->address;
    if (target->visitor)
        dial->visitor = *target->visitor;
    return copy_proxy(dial, target) && copy_text(&dial->path, target->unix_path) &&
           copy_text(&dial->server_name, target->server_name);
}

/* An address of the wanted family needs no lookup. */
static bool is_number(struct dial *dial)
{
    struct ip_address address;
    if (!resolver_is_number(dial->host, dial->target.port, &address) ||
        (dial->target.family != 0 && dial->target.family != address.any.sa_family))
        return false;
    dial->fixed = address;
    return true;
}

static bool start(struct dial *dial, struct resolver *resolver, struct error *err)
{
    if (dial->target.connect_ms > 0 && !timer_start(&dial->limit, dial->target.connect_ms))
        return error_memory(err);
    if (dial->path || dial->target.address || is_number(dial)) {
        if (!attempts_make(dial, 1))
            return error_memory(err);
        dial->attempts[0].address = dial->fixed;
        dial->count = 1;
        task_post(&dial->begin);
        return true;
    }
    dial->lookup = resolver_addresses(resolver, dial->host, dial->target.port, resolved, dial, err);
    return dial->lookup != NULL;
}

struct dial *dial_start(struct loop *loop, struct resolver *resolver,
                        const struct dial_target *target, const struct dial_events *events,
                        void *arg, struct error *err)
{
    struct dial *dial = calloc(1, sizeof *dial);
    if (!dial) {
        error_memory(err);
        return NULL;
    }
    dial->loop = loop;
    dial->since_ms = loop_now_ms(loop);
    dial->events = events;
    dial->arg = arg;
    timer_init(&dial->limit, loop, expired, dial);
    timer_init(&dial->patience, loop, tired, dial);
    task_init(&dial->begin, loop, TASK_SOON, begin, dial);
    task_init(&dial->through, loop, TASK_SOON, go_through, dial);
    if (!copy_target(dial, target)) {
        error_memory(err);
        finish(dial);
        return NULL;
    }
    if (!start(dial, resolver, err)) {
        finish(dial);
        return NULL;
    }
    return dial;
}
