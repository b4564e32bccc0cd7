/* What only a real socket shows of a rule's settings: TCP's keep-alive. */
#include "culvert/net/sockets.h"
#include "culvert/origin/openers.h"
#include "harness.h"
#include "support/ask.h"
#include "support/must.h"
#include "support/rules_text.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { TURNS = 100, TURN_MS = 50, FD_MAX = 512 };

/* A listener on loopback, and who has dialed it from this process. */
struct line {
    int listener;
    struct ip_address at;
    uint16_t port;
};

static struct line line_open(void)
{
    const struct sockets *sockets = sockets_system();
    struct line line;
    must(ip_parse(SPAN("127.0.0.1"), 0, &line.at));
    line.listener = sockets->listen(sockets, &line.at);
    must(line.listener != -1);
    sockets_local_address(line.listener, &line.at);
    line.port = ip_port(&line.at);
    return line;
}

static int find_dialer(const struct line *line)
{
    for (int fd = 3; fd < FD_MAX; fd++) {
        struct ip_address peer;
        sockets_peer_address(fd, &peer);
        if (peer.any.sa_family == AF_INET && ip_port(&peer) == line->port)
            return fd;
    }
    return -1;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

static struct openers *openers_of(struct loop *loop, const char *text)
{
    const struct openers_options options = {.connector_id = SPAN("some-uuid")};
    struct error err;
    struct snapshot *snapshot = snapshot_of_text(text, &err);
    must(snapshot != NULL);
    struct blueprint *blueprint = blueprint_new(snapshot, &err);
    must(blueprint != NULL);
    snapshot_unref(snapshot);
    struct openers *openers = openers_new(loop, NULL, blueprint, &options, &err);
    must(openers != NULL);
    blueprint_unref(blueprint);
    return openers;
}

/* The options of a connection: those are set in the turn in which it is made, before it is used. */
static void check_keep_alive(const char *scheme, const char *whole, const char *rule, int idle)
{
    const struct sockets *sockets = sockets_system();
    struct line line = line_open();
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct buf yaml = BUF_LIMIT(1024);
    struct ip_address from;
    struct ask ask;
    char first;
    must(loop && buf_printf(&yaml,
                            "originRequest: {%s}\ningress:\n"
                            "  - {service: '%s://127.0.0.1:%u', originRequest: {%s}}\n",
                            whole, scheme, line.port, rule));
    struct openers *openers = openers_of(loop, buf_text(&yaml));
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, openers_at(openers, 0)));
    int far = -1;
    for (int i = 0; i < TURNS && ask.status == 0; i++) {
        if (far != -1 && sockets->peek(sockets, far, &first, 1) == 1)
            break; /* the request; bytes are answered without one */
        (void)loop_turn(loop, TURN_MS);
        if (far == -1)
            far = sockets->accept(sockets, line.listener, &from);
    }
    int near = find_dialer(&line);
    CHECK_CASE(near != -1 && far != -1, "{%s}, {%s}: nobody dialed", whole, rule);
    CHECK_CASE(option(near, IPPROTO_TCP, TCP_NODELAY) == 1, "{%s}, {%s}: delays", whole, rule);
    CHECK_CASE(option(near, SOL_SOCKET, SO_KEEPALIVE) == (idle > 0), "{%s}, {%s}: keep-alive %d",
               whole, rule, option(near, SOL_SOCKET, SO_KEEPALIVE));
    CHECK_CASE(idle < 0 || (option(near, IPPROTO_TCP, TCP_KEEPIDLE) == idle &&
                            option(near, IPPROTO_TCP, TCP_KEEPINTVL) == 15 &&
                            option(near, IPPROTO_TCP, TCP_KEEPCNT) == 9),
               "{%s}, {%s}: idle %d, not %d", whole, rule, option(near, IPPROTO_TCP, TCP_KEEPIDLE),
               idle);
    ask_release(&ask);
    (void)loop_turn(loop, 0);
    openers_free(openers);
    loop_free(loop);
    (void)close(far);
    (void)close(line.listener);
    buf_release(&yaml);
}

TEST(tcp_keep_alive_is_that_of_the_rule_in_whole_seconds)
{
    static const char *const schemes[] = {"http", "tcp", "h2c"};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        check_keep_alive(schemes[i], "", "", 30);
        check_keep_alive(schemes[i], "tcpKeepAlive: 40s", "", 40);
        check_keep_alive(schemes[i], "", "tcpKeepAlive: 1m", 60);
        check_keep_alive(schemes[i], "tcpKeepAlive: 40s", "tcpKeepAlive: 50s", 50);
        check_keep_alive(schemes[i], "", "tcpKeepAlive: 1100ms", 2);
        check_keep_alive(schemes[i], "", "tcpKeepAlive: 1ns", 1);
        check_keep_alive(schemes[i], "", "tcpKeepAlive: 0s", 15);
        check_keep_alive(schemes[i], "", "tcpKeepAlive: -1s", -1);
        check_keep_alive(schemes[i], "tcpKeepAlive: -1s", "tcpKeepAlive: 20s", 20);
    }
}
