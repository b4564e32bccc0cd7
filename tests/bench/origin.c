/* An origin that does nothing but answer: Culvert's own HTTP/1.1 server, so that what stands in
 * front of it is what is measured.
 *
 *   bench-origin ADDRESS:PORT
 *
 *   GET /bytes/N   N zeros
 *   GET /wait/MS   204 after so many milliseconds; /wait: never
 *   POST /         takes the body and answers 204
 *   POST /stall    takes nothing of the body and never answers
 *   GET /taken     how many bytes of bodies were taken so far */
#include "bodies.h"

#include "culvert/http/h1_server.h"
#include "culvert/http/reply.h"
#include "culvert/net/listener.h"
#include "culvert/net/sockets.h"

#include <netinet/tcp.h>
#include <signal.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 16 * 1024,
    UNSENT_MAX = 128 * 1024, /* in the kernel: else it takes megabytes for each that nobody reads */
};

struct origin {
    struct loop *loop;
    struct listener *listener;
    uint64_t taken; /* bytes of all bodies */
};

struct visit {
    struct origin *origin;
    struct h1_server *h1;
    struct reap reap;
};

/* A request and its answer. */
struct service {
    struct inbound *in;
    struct loop *loop;
    struct made_body made;
    struct thrown_body thrown;
    struct timer wait;
    struct task answer;
    struct reap reap;
};

static void destroy_service(void *object)
{
    struct service *service = object;
    made_body_stop(&service->made);
    free(service);
}

static void let_go(void *arg)
{
    struct service *service = arg;
    timer_stop(&service->wait);
    task_cancel(&service->answer);
    inbound_close(service->in);
    loop_reap(service->loop, &service->reap, destroy_service, service);
}

static void on_aborted(void *arg, const struct error *why)
{
    (void)why;
    let_go(arg);
}

static const struct inbound_events inbound_events = {let_go, on_aborted};

static void answer(struct service *service, int status, uint64_t bytes)
{
    struct response_head head;
    struct error err;
    response_head_init(&head);
    head.status = status;
    head.length = (int64_t)bytes;
    head.ends_here = bytes == 0;
    bool ok = (bytes == 0 || made_body_start(&service->made, service->loop, bytes, NULL)) &&
              inbound_answer(service->in, &head, bytes > 0 ? &service->made.body : NULL, &err);
    response_head_release(&head);
    if (!ok)
        let_go(service);
}

static void answer_empty(void *arg)
{
    answer(arg, 204, 0);
}

static void body_came(void *arg)
{
    struct service *service = arg;
    task_post(&service->answer);
}

/* The number behind the last slash of the path. */
static uint64_t number_of(struct span path, struct span prefix)
{
    uint64_t value = 0;
    return span_to_u64(span_skip(path, prefix.len), INT64_MAX, &value) ? value : 0;
}

static void answer_later(struct service *service, struct span path)
{
    if (span_equal(path, SPAN("/wait")))
        return;
    if (!timer_start(&service->wait, number_of(path, SPAN("/wait/"))))
        let_go(service);
}

static void tell_taken(struct origin *origin, struct inbound *in)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)origin->taken);
    const struct reply reply = {200, "text/plain", span_of(text), {0}};
    reply_send(origin->loop, in, &reply);
}

static void on_request(void *arg, struct inbound *in)
{
    struct visit *visit = arg;
    struct span path = request_path(&in->head);
    if (span_equal(path, SPAN("/taken"))) {
        tell_taken(visit->origin, in);
        return;
    }
    struct service *service = calloc(1, sizeof *service);
    if (!service) {
        inbound_close(in);
        return;
    }
    service->in = in;
    service->loop = visit->origin->loop;
    inbound_set_events(in, &inbound_events, service);
    timer_init(&service->wait, service->loop, answer_empty, service);
    task_init(&service->answer, service->loop, TASK_SOON, answer_empty, service);
    if (span_starts(path, SPAN("/bytes/"))) {
        answer(service, 200, number_of(path, SPAN("/bytes/")));
    } else if (span_starts(path, SPAN("/wait"))) {
        answer_later(service, path);
    } else if (!span_equal(path, SPAN("/stall"))) {
        service->thrown =
            (struct thrown_body){.also = &visit->origin->taken, .end = body_came, .arg = service};
        thrown_body_start(&service->thrown, in->body->bytes);
    }
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    (void)arg;
    (void)abuse;
    (void)fprintf(stderr, "refused with %d: %s\n", status, why);
}

static void destroy_visit(void *object)
{
    free(object);
}

static void on_closed(void *arg)
{
    struct visit *visit = arg;
    h1_server_close(visit->h1);
    listener_released(visit->origin->listener);
    loop_reap(visit->origin->loop, &visit->reap, destroy_visit, visit);
}

static const struct h1_server_events server_events = {on_request, on_refused, on_closed};

static void on_accept(void *arg, int fd, const struct ip_address *from)
{
    static const struct h1_server_options options = {.scheme = "http"};
    static const struct conn_events none = {0};
    struct origin *origin = arg;
    struct error err;
    struct visit *visit = calloc(1, sizeof *visit);
    (void)from;
    int unsent = UNSENT_MAX;
    sockets_tune(fd, -1);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    struct conn *conn = conn_new(origin->loop, fd, &none, NULL, &err);
    if (visit && conn) {
        visit->origin = origin;
        visit->h1 = h1_server_new(conn, &options, &server_events, visit, &err);
    }
    if (!visit || !visit->h1) {
        if (visit && !conn)
            conn_close(conn);
        free(visit);
        listener_released(origin->listener);
    }
}

static void stop(void *arg, int signal_number)
{
    struct origin *origin = arg;
    (void)signal_number;
    loop_stop(origin->loop);
}

static bool serve(struct origin *origin, const char *at, struct error *err)
{
    struct ip_address address;
    if (!ip_parse_with_port(span_of(at), &address))
        return error_set(err, ERROR_INVALID, 0, "%s is no address with a port", at);
    const struct listener_options options = {
        .at = &address, .limit = CONNECTIONS_MAX, .on_accept = on_accept, .arg = origin};
    origin->listener = listener_new(origin->loop, &options, err);
    if (!origin->listener || !loop_on_signal(origin->loop, SIGTERM, stop, origin, err) ||
        !loop_on_signal(origin->loop, SIGINT, stop, origin, err))
        return false;
    char text[IP_TEXT_SIZE];
    listener_address(origin->listener, &address);
    ip_format(&address, text);
    (void)printf("listening on %s\n", text);
    (void)fflush(stdout);
    loop_run(origin->loop);
    return true;
}

int main(int argc, char **argv)
{
    static const struct loop_options options = {0};
    struct error err;
    struct origin origin = {.loop = loop_new(&options, &err)};
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench-origin ADDRESS:PORT\n");
        return 2;
    }
    if (!origin.loop || !serve(&origin, argv[1], &err)) {
        (void)fprintf(stderr, "bench-origin: %s\n", err.text);
        return 1;
    }
    /* Open connections end with the process. */
    return 0;
}
