/* Visitors, an HTTP/2 origin and time act at random, from a fixed seed: whatever the order, each
 * outbound ends at most once, answers are whole or failed, and nothing is left behind. */
#include "harness.h"
#include "support/h2_bench.h"

enum { RUNS = 200, STEPS = 150, ASKS = 8 };

#define TEXT "0123456701234567"

struct chance {
    uint64_t state;
    struct h2_bench bench;
    struct ask asks[ASKS];
    bool used[ASKS];
    size_t done, failed;
};

/* xorshift64*: the same numbers on every machine. */
static size_t pick(struct chance *chance, size_t count)
{
    chance->state ^= chance->state >> 12;
    chance->state ^= chance->state << 25;
    chance->state ^= chance->state >> 27;
    return (size_t)((chance->state * 2685821657736338717ULL) >> 33) % count;
}

static void begin(struct chance *chance, size_t index)
{
    struct ask *ask = &chance->asks[index];
    if (chance->bench.far.desk.count + 2 * ASKS >= DESK_REQUESTS_MAX ||
        chance->bench.far.count + 2 * ASKS * HTTP2_ORIGIN_REFUSALS_MAX >= H2_FAR_SESSIONS_MAX)
        return;
    ask_init(ask, pick(chance, 2) == 0 ? "GET" : "POST", "/");
    if (pick(chance, 2) == 0)
        ask_announce(ask, LENGTH_UNKNOWN);
    ask->holds = pick(chance, 8) == 0;
    ask->closes_first = pick(chance, 8) == 0;
    chance->used[index] = true;
    CHECK(ask_send(ask, http2_origin_opener(chance->bench.origin)));
}

static void end(struct chance *chance, size_t index)
{
    struct ask *ask = &chance->asks[index];
    CHECK_CASE(ask->ends <= 1, "ended %zu times", ask->ends);
    CHECK_CASE(!ask->done || ask->status == 200, "done without an answer");
    CHECK_CASE(!ask->done || ask->holds || span_equal(buf_span(&ask->text), SPAN(TEXT)),
               "it is \"%s\"", buf_text(&ask->text));
    chance->done += ask->done;
    chance->failed += ask->failed;
    ask_release(ask);
    chance->used[index] = false;
}

static void feed(struct chance *chance, struct ask *ask)
{
    if (channel_is_ended(ask->body.bytes))
        return;
    if (pick(chance, 3) > 0)
        ask_put(ask, SPAN("abcd"));
    else
        ask_end(ask);
}

/* The origin says the next word of one of its answers, or takes it back. */
static void answer(struct chance *chance)
{
    struct desk *desk = &chance->bench.far.desk;
    if (desk->count == 0)
        return;
    struct desk_request *request = &desk->requests[pick(chance, desk->count)];
    if (request->over || request->answered > 0)
        return;
    if (!request->answer.bytes)
        desk_begin(request, 200, LENGTH_UNKNOWN);
    else if (pick(chance, 6) == 0)
        desk_reset(request);
    else if (channel_total(request->answer.bytes) < sizeof TEXT - 1)
        CHECK_SIZE(desk_put(request, SPAN("01234567")), 8);
    else if (!channel_is_ended(request->answer.bytes))
        desk_end(request);
}

/* Something befalls one of the origin's sessions. */
static void strike(struct chance *chance)
{
    struct h2_far *far = &chance->bench.far;
    struct h2_far_session *one = far->count > 0 ? &far->sessions[pick(chance, far->count)] : NULL;
    far->mute = pick(chance, 8) == 0;
    far->options.streams_max = (uint32_t)pick(chance, 4);
    if (!one || !one->session)
        return;
    if (pick(chance, 2) == 0)
        h2_session_goaway(one->session);
    else
        h2_far_hang_up(far, (size_t)(one - far->sessions));
}

static void act(struct chance *chance)
{
    size_t index = pick(chance, ASKS);
    switch (pick(chance, 10)) {
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
        if (chance->used[index])
            feed(chance, &chance->asks[index]);
        break;
    case 4:
    case 5:
        answer(chance);
        break;
    case 6:
        h2_bench_pass(&chance->bench, pick(chance, 4) == 0 ? 12 * 1000 : pick(chance, 60));
        break;
    case 7:
        if (pick(chance, 4) == 0)
            strike(chance);
        break;
    default:
        (void)loop_turn(pick(chance, 2) == 0 ? chance->bench.loop : chance->bench.far_loop, 0);
        break;
    }
}

static void run(struct chance *chance)
{
    h2_bench_open(&chance->bench);
    chance->bench.options.http.idle_ms = 50;
    chance->bench.memory.write_most = pick(chance, 3) == 0 ? 11 : 0;
    chance->bench.memory.read_most = pick(chance, 3) == 0 ? 13 : 0;
    h2_bench_start(&chance->bench);
    for (int i = 0; i < STEPS; i++)
        act(chance);
    for (size_t i = 0; i < ASKS; i++)
        if (chance->used[i])
            end(chance, i);
    h2_bench_close(&chance->bench);
}

TEST(whatever_happens_in_whatever_order_each_stream_ends_once_and_nothing_is_left)
{
    static struct chance chance = {.state = 20261120};
    for (int i = 0; i < RUNS; i++)
        run(&chance);
    CHECK_CASE(chance.done > RUNS / 4 && chance.failed > RUNS / 4, "%zu done, %zu failed",
               chance.done, chance.failed); /* it was no idle talk */
}
