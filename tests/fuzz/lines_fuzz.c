/* Texts that are read line by line: the configuration of the system's resolver, and commands on
 * standard input, which mean the same however they come cut. */
#include "culvert/connector/stdin_control.h"
#include "culvert/net/name_servers.h"
#include "still_clock.h"

#include <assert.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE = 16 * 1024, /* a pipe holds it */ ORDERS_MAX = 64 };

struct orders {
    uint64_t delays[ORDERS_MAX];
    size_t count;
};

static void check_servers(struct span text)
{
    struct ip_address servers[NAME_SERVERS_MAX];
    size_t count = name_servers_parse(text, servers);
    assert(count > 0 && count <= NAME_SERVERS_MAX);
    for (size_t i = 0; i < count; i++)
        assert(ip_port(&servers[i]) == 53);
}

static void on_reconnect(void *arg, uint64_t delay_ms)
{
    struct orders *orders = arg;
    assert(delay_ms <= CONTROL_DELAY_MAX_MS);
    if (orders->count < ORDERS_MAX)
        orders->delays[orders->count++] = delay_ms;
}

static void settle(struct loop *loop)
{
    for (int i = 0; i < 1000 && loop_turn(loop, 0); i++)
        continue;
}

static void say(struct loop *loop, int fd, struct span part)
{
    ssize_t written = write(fd, part.data, part.len);
    assert(written == (ssize_t)part.len);
    settle(loop);
}

/* In two pieces, cut at `cut`. */
static void order(struct span text, size_t cut, struct orders *orders)
{
    struct loop *loop = loop_new(&(struct loop_options){.clock = &still_clock}, NULL);
    int ends[2];
    int failed = pipe(ends);
    assert(loop && failed == 0);
    struct stdin_control *control = stdin_control_new(loop, ends[0], on_reconnect, orders, NULL);
    assert(control);
    if (cut > 0)
        say(loop, ends[1], span_first(text, cut));
    if (cut < text.len)
        say(loop, ends[1], span_skip(text, cut));
    (void)close(ends[1]);
    settle(loop);
    stdin_control_free(control);
    (void)close(ends[0]);
    loop_free(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct orders whole = {.count = 0};
    struct orders cut = {.count = 0};
    check_servers(text);
    text = span_first(text, PIECE);
    order(text, 0, &whole);
    order(text, text.len > 0 ? data[size - 1] * text.len / 256 : 0, &cut);
    assert(whole.count == cut.count);
    for (size_t i = 0; i < whole.count; i++)
        assert(whole.delays[i] == cut.delays[i]);
    return 0;
}
