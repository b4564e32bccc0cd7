/* Sessions to which chance happens: whatever the order, each owner is told once, what arrives is
 * what was sent, and nothing is left. A seed that fails is named, and fails again. */
#include "culvert/http/h2_life.h"
#include "harness.h"
#include "support/h2_scene.h"

enum { SEEDS = 150, STEPS = 300, ASKS = DESK_REQUESTS_MAX };

struct chance {
    struct h2_scene scene;
    struct ask asks[ASKS];
    size_t sent[ASKS];     /* bytes put into each request's body */
    size_t answered[ASKS]; /* and into each answer's, by the number of the request at the desk */
    size_t count;
    uint64_t state;
};

static size_t roll(struct chance *chance, size_t sides)
{
    chance->state = chance->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(chance->state >> 33) % sides;
}

/* The `i`th byte of any body. */
static char byte_at(size_t i)
{
    return (char)('a' + i % 25);
}

static void put_some(struct chance *chance, struct channel *to, size_t *sent)
{
    static const size_t sizes[] = {0, 1, 100, 5000, 20000};
    char bytes[20000];
    size_t len = sizes[roll(chance, ARRAY_LEN(sizes))];
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(*sent + i);
    *sent += channel_put(to, bytes, len);
}

static void begin_ask(struct chance *chance)
{
    if (chance->count == ASKS || !chance->scene.client.session)
        return;
    struct ask *ask = &chance->asks[chance->count];
    char target[16];
    (void)snprintf(target, sizeof target, "/%zu", chance->count);
    ask_init(ask, roll(chance, 5) ? "POST" : "HEAD", target);
    if (roll(chance, 3))
        ask_announce(ask, LENGTH_UNKNOWN);
    ask->holds = roll(chance, 3) == 0;
    ask->closes_first = roll(chance, 10) == 0;
    if (ask_send(ask, &chance->scene.opener))
        chance->count++;
    else
        ask_release(ask);
}

static void at_client(struct chance *chance)
{
    if (chance->count == 0)
        return;
    size_t i = roll(chance, chance->count);
    struct ask *ask = &chance->asks[i];
    switch (roll(chance, 8)) {
    case 0:
        ask_close(ask);
        break;
    case 1:
        if (!channel_is_ended(ask->body.bytes))
            ask_end(ask);
        break;
    case 2:
    case 3:
        ask->holds = false;
        ask_take(ask);
        break;
    default:
        if (!channel_is_ended(ask->body.bytes))
            put_some(chance, ask->body.bytes, &chance->sent[i]);
        break;
    }
}

static void at_desk(struct chance *chance)
{
    struct desk *desk = &chance->scene.desk;
    if (desk->count == 0)
        return;
    size_t i = roll(chance, desk->count);
    struct desk_request *request = &desk->requests[i];
    bool begun = request->answer.bytes != NULL;
    if (!request->in || request->over)
        return;
    switch (roll(chance, 10)) {
    case 0:
        desk_close(request);
        break;
    case 1:
        desk_reset(request);
        desk_close(request);
        break;
    case 2:
        if (begun && !channel_is_ended(request->answer.bytes))
            desk_end(request);
        break;
    case 3:
        desk_read(request);
        break;
    case 4:
        if (!begun)
            desk_answer(request, 404, NULL);
        break;
    default:
        if (!begun)
            desk_begin(request, 200, LENGTH_UNKNOWN);
        else if (!channel_is_ended(request->answer.bytes))
            put_some(chance, request->answer.bytes, &chance->answered[i]);
        break;
    }
}

static void around(struct chance *chance)
{
    struct memory_sockets *memory = &chance->scene.turned.memory;
    static const size_t cuts[] = {0, 0, 0, 1000, 50};
    struct h2_end *end = roll(chance, 2) ? &chance->scene.client : &chance->scene.server;
    switch (roll(chance, 12)) {
    case 0:
        memory->write_most = cuts[roll(chance, ARRAY_LEN(cuts))];
        break;
    case 1:
        memory->read_most = cuts[roll(chance, ARRAY_LEN(cuts))];
        break;
    case 2:
        chance->scene.desk.holds = !chance->scene.desk.holds;
        break;
    case 3:
        turned_loop_pass(&chance->scene.turned, roll(chance, 20) * 1000);
        break;
    case 4:
        if (end->session && roll(chance, 10) == 0)
            h2_session_goaway(end->session);
        break;
    case 5:
        if (end->session && roll(chance, 30) == 0)
            h2_end_close(end);
        break;
    case 6:
        if (end->session)
            CHECK(h2_session_ping(end->session, 1000, NULL, NULL) || end->closed);
        break;
    default:
        (void)loop_turn(chance->scene.turned.loop, 0);
        break;
    }
}

static bool is_prefix(struct span got, size_t sent)
{
    if (got.len > sent)
        return false;
    for (size_t i = 0; i < got.len; i++)
        if (got.data[i] != byte_at(i))
            return false;
    return true;
}

static void judge(struct chance *chance, size_t seed)
{
    struct desk *desk = &chance->scene.desk;
    for (size_t i = 0; i < desk->count; i++) {
        struct desk_request *request = &desk->requests[i];
        const char *target = buf_text(&request->head.target);
        uint64_t number = 0;
        CHECK(span_to_u64(span_of(target + 1), ASKS, &number));
        struct ask *ask = &chance->asks[number];
        CHECK_CASE(request->answered + request->aborted <= 1 && request->after == 0,
                   "seed %zu, request %zu: told wrongly", seed, i);
        CHECK_CASE(is_prefix(buf_span(&request->body), chance->sent[number]),
                   "seed %zu, request %zu: other bytes than were sent", seed, i);
        CHECK_CASE(!request->body_ended || request->body.len == chance->sent[number],
                   "seed %zu, request %zu: a short body looks whole", seed, i);
        CHECK_CASE(is_prefix(buf_span(&ask->text), chance->answered[i]),
                   "seed %zu, answer %zu: other bytes than were sent", seed, i);
        bool is_head = span_equal(buf_span(&ask->head.method), SPAN("HEAD"));
        CHECK_CASE(!ask->done || ask->status != 200 || is_head || ask->holds || !ask->out ||
                       ask->text.len == chance->answered[i],
                   "seed %zu, answer %zu: a short body looks whole", seed, i);
    }
    for (size_t i = 0; i < chance->count; i++)
        CHECK_CASE(chance->asks[i].ends == 1 || (chance->asks[i].ends == 0 && !chance->asks[i].out),
                   "seed %zu, ask %zu: told %zu times", seed, i, chance->asks[i].ends);
}

TEST(chance_breaks_no_promise)
{
    static struct chance chance;
    size_t done = 0;
    size_t failed = 0;
    size_t bytes = 0;
    for (size_t seed = 0; seed < SEEDS; seed++) {
        memset(&chance, 0, sizeof chance);
        chance.state = seed;
        h2_scene_begin(&chance.scene);
        for (size_t step = 0; step < STEPS; step++) {
            size_t what = roll(&chance, 10);
            if (what == 0)
                begin_ask(&chance);
            else if (what < 4)
                at_client(&chance);
            else if (what < 7)
                at_desk(&chance);
            else
                around(&chance);
        }
        chance.scene.turned.memory.read_most = chance.scene.turned.memory.write_most = 0;
        h2_end_close(roll(&chance, 2) ? &chance.scene.client : &chance.scene.server);
        turned_loop_pass(&chance.scene.turned, 60 * 1000);
        for (size_t i = 0; i < chance.count; i++)
            ask_take(&chance.asks[i]);
        judge(&chance, seed);
        for (size_t i = 0; i < chance.count; i++) {
            done += chance.asks[i].done;
            failed += chance.asks[i].failed;
            bytes += chance.asks[i].text.len;
            ask_release(&chance.asks[i]);
        }
        h2_scene_end(&chance.scene);
    }
    CHECK(done > 2 * SEEDS && failed > 2 * SEEDS && bytes > 1000 * 1000); /* much did happen */
}
