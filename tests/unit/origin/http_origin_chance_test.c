/* Visitors, origin and time act at random, from a fixed seed: whatever the order, each outbound
 * ends at most once, answers are whole or failed, a connection that named its visitor has requests
 * of no other, and nothing is left behind. */
#include "harness.h"
#include "support/origin_bench.h"

enum { RUNS = 300, STEPS = 120, ASKS = 6 };

struct chance {
    uint64_t state;
    struct origin_bench bench;
    struct ask asks[ASKS];
    bool used[ASKS];
    size_t done, failed, faults;
};

/* xorshift64*: the same numbers on every machine. */
static size_t pick(struct chance *chance, size_t count)
{
    chance->state ^= chance->state >> 12;
    chance->state ^= chance->state << 25;
    chance->state ^= chance->state >> 27;
    return (size_t)((chance->state * 2685821657736338717ULL) >> 33) % count;
}

#define SWITCH                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define LONG_TEXT "0123456789abcdef0123456789abcdef"

static const struct fake_script scripts[] = {
    FAKE_OK,
    FAKE_OK,
    {{{FAKE_CLOSE}}},
    {{{FAKE_SLEEP, {0}, 30}, {FAKE_SEND, SPAN_INIT("HTTP/1.1 204 No Content\r\n\r\n")}}},
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n" LONG_TEXT), 7}}},
    {{{FAKE_SEND,
       SPAN_INIT("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n20\r\n" LONG_TEXT "\r\n0\r\n\r\n"),
       5}}},
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" LONG_TEXT)},
      {FAKE_SLEEP, {0}, 10},
      {FAKE_CLOSE}}},
    {{{FAKE_SEND, SPAN_INIT("nonsense\r\n\r\n")}}},
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nX-Ends: somewhere\r\n\r\n" LONG_TEXT), 9},
      {FAKE_CLOSE}}},
    {{{FAKE_SLEEP, {0}, 20}, {FAKE_RESET}}},
    FAKE_OK,
    {{{FAKE_SEND, SPAN_INIT(SWITCH), 9}, {FAKE_ECHO, {0}, 40}, {FAKE_FINISH}, {FAKE_HEAR}}},
    {{{FAKE_SEND, SPAN_INIT(SWITCH "words")}, {FAKE_ECHO}, {FAKE_CLOSE}}},
    {{{FAKE_SEND, SPAN_INIT(SWITCH "words")}, {FAKE_SLEEP, {0}, 20}, {FAKE_RESET}}},
};

static void end(struct chance *chance, size_t index)
{
    struct ask *ask = &chance->asks[index];
    CHECK_CASE(ask->ends <= 1, "ended %zu times", ask->ends);
    CHECK_CASE(!ask->done || ask->status >= 200 || ask->status == 101, "done without an answer");
    CHECK_CASE(!ask->out || !ask->out->fault || (ask->done && ask->status == 101),
               "a fault without an upgrade");
    chance->faults += ask->out && ask->out->fault;
    /* Without length or chunks an end is an end: nobody can see that it came too soon. */
    bool is_long = ask->done && ask->status == 200 && ask->text.len > 2 && !ask->holds &&
                   !headers_has(&ask->got.fields, SPAN("x-ends"));
    CHECK_CASE(!is_long || span_equal(buf_span(&ask->text), SPAN(LONG_TEXT)), "it is \"%s\"",
               buf_text(&ask->text));
    chance->done += ask->done;
    chance->failed += ask->failed;
    ask_release(ask);
    chance->used[index] = false;
}

static void begin(struct chance *chance, size_t index)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "HEAD"};
    struct ask *ask = &chance->asks[index];
    if (chance->bench.fake.request_count + ASKS >= FAKE_REQUESTS_MAX ||
        chance->bench.fake.connection_count + ASKS >= FAKE_CONNECTIONS_MAX)
        return;
    ask_init(ask, methods[pick(chance, ARRAY_LEN(methods))], "/");
    ask->head.is_websocket = pick(chance, 4) == 0;
    if (ask->head.is_websocket || pick(chance, 2) == 0)
        ask_announce(ask, ask->head.is_websocket || pick(chance, 2) == 0 ? LENGTH_UNKNOWN : 8);
    ask_field(ask, "Cf-Connecting-Ip", pick(chance, 2) == 0 ? "203.0.113.1" : "203.0.113.2");
    ask->holds = pick(chance, 8) == 0;
    ask->closes_first = pick(chance, 8) == 0;
    chance->used[index] = true;
    CHECK(ask_send(ask, origin_bench_opener(&chance->bench)));
}

static void feed(struct chance *chance, struct ask *ask)
{
    if (channel_is_ended(ask->body.bytes))
        return;
    uint64_t put = channel_total(ask->body.bytes);
    if (put < 8 && pick(chance, 3) > 0)
        ask_put(ask, SPAN("abcd"));
    else if (put == 8 || ask->head.length == LENGTH_UNKNOWN)
        ask_end(ask);
}

static void act(struct chance *chance)
{
    struct origin_bench *bench = &chance->bench;
    size_t index = pick(chance, ASKS);
    switch (pick(chance, 8)) {
    case 0:
        if (chance->used[index])
            end(chance, index);
        break;
    case 1:
    case 2:
        if (!chance->used[index])
            begin(chance, index);
        break;
    case 3:
    case 4:
        if (chance->used[index])
            feed(chance, &chance->asks[index]);
        break;
    case 5:
        origin_bench_pass(bench, pick(chance, 40));
        break;
    case 6:
        (void)loop_turn(bench->loop, 0);
        break;
    default:
        if (bench->fake.connection_count > 0 && pick(chance, 4) == 0)
            fake_origin_hang_up(&bench->fake, pick(chance, bench->fake.connection_count));
        break;
    }
}

/* Who a head says that it is from, behind `name`. */
static struct span visitor_in(const struct fake_request *request, const char *name)
{
    const char *at = strstr(buf_text(&request->head), name);
    return at ? span_first(span_of(at + strlen(name)), strlen("203.0.113.1")) : SPAN("");
}

static void judge_visitors(const struct fake_origin *fake)
{
    struct span named[FAKE_CONNECTIONS_MAX] = {{NULL, 0}};
    for (size_t i = 0; i < fake->request_count; i++) {
        const struct fake_request *request = &fake->requests[i];
        struct span *name = &named[request->connection];
        if (!name->data)
            *name = visitor_in(request, "PROXY TCP4 ");
        CHECK_SPAN(visitor_in(request, "Cf-Connecting-Ip: "), *name);
    }
}

static void run(struct chance *chance)
{
    struct fake_script order[FAKE_REQUESTS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        order[i] = scripts[pick(chance, ARRAY_LEN(scripts))];
    origin_bench_open(&chance->bench);
    chance->bench.options.idle_ms = 50;
    chance->bench.options.needs_length = pick(chance, 3) == 0;
    chance->bench.options.idle_limit = pick(chance, 4);
    chance->bench.options.proxy = pick(chance, 2) == 0 ? PROXY_V1 : PROXY_NONE;
    chance->bench.memory.write_most = pick(chance, 3) == 0 ? 11 : 0;
    chance->bench.memory.read_most = pick(chance, 3) == 0 ? 13 : 0;
    origin_bench_start(&chance->bench);
    fake_origin_follow(&chance->bench.fake, order, ARRAY_LEN(order));
    for (int i = 0; i < STEPS; i++)
        act(chance);
    for (size_t i = 0; i < ASKS; i++)
        if (chance->used[i])
            end(chance, i);
    if (chance->bench.options.proxy != PROXY_NONE)
        judge_visitors(&chance->bench.fake);
    origin_bench_close(&chance->bench);
}

TEST(whatever_happens_in_whatever_order_each_request_ends_once_and_nothing_is_left)
{
    struct chance chance = {.state = 20261120};
    for (int i = 0; i < RUNS; i++)
        run(&chance);
    CHECK(chance.done > RUNS && chance.failed > RUNS / 4); /* it was no idle talk */
    CHECK(chance.faults > 0);
}
