/* A long body to an origin and a long one from it, to which chance happens: short writes, peers and
 * owners who rest, a worker that holds too much. What arrives is what was sent, either way. A seed
 * that fails is named, and fails again. */
#include "harness.h"
#include "support/client_scene.h"
#include "support/fake_origin.h"

enum { SEEDS = 150, STEPS = 200, SIZE = 300 * 1000, BUDGET = 1024 * 1024 };

enum kind { LENGTH, CHUNKS, UPGRADE, KINDS };

struct chance {
    struct client_scene scene;
    struct ask ask;
    uint64_t state;
    enum kind kind;
    size_t size, put; /* of the request's body */
    struct buf answer;
    size_t payload, said; /* of the answer: its body's length; bytes of it that were written */
};

static size_t roll(struct chance *chance, size_t sides)
{
    chance->state = chance->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(chance->state >> 33) % sides;
}

static char byte_at(size_t i)
{
    return (char)(i % 251);
}

static bool is_pattern(struct span bytes, size_t len)
{
    bool same = bytes.len == len;
    for (size_t i = 0; same && i < len; i++)
        same = bytes.data[i] == byte_at(i);
    return same;
}

/* ---- what happens ---- */

static void put_some(struct chance *chance)
{
    static const size_t sizes[] = {1, 20, 700, 5000, CHANNEL_BLOCK, CHANNEL_LIMIT};
    static char bytes[CHANNEL_LIMIT];
    struct channel *channel = chance->ask.body.bytes;
    size_t len = sizes[roll(chance, ARRAY_LEN(sizes))];
    if (len > chance->size - chance->put)
        len = chance->size - chance->put;
    if (len > channel_room(channel))
        len = channel_room(channel);
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(chance->put + i);
    CHECK_SIZE(channel_put(channel, bytes, len), len);
    chance->put += len;
}

static void say_some(struct chance *chance)
{
    static const size_t sizes[] = {1, 50, 3000, 60000};
    struct span rest = span_skip(buf_span(&chance->answer), chance->said);
    struct span part = span_first(rest, sizes[roll(chance, ARRAY_LEN(sizes))]);
    chance->said += raw_peer_put(&chance->scene.peer, part);
}

static void step(struct chance *chance)
{
    static const size_t cuts[] = {0, 0, 1, 900, 20000};
    struct memory_sockets *memory = &chance->scene.turned.memory;
    switch (roll(chance, 13)) {
    case 0:
    case 1:
    case 2:
    case 3:
        put_some(chance);
        break;
    case 4:
    case 5:
        say_some(chance);
        break;
    case 6:
        memory->write_most = cuts[roll(chance, ARRAY_LEN(cuts))];
        break;
    case 7:
        memory->read_most = cuts[roll(chance, ARRAY_LEN(cuts))];
        break;
    case 8:
        raw_peer_pull(&chance->scene.peer);
        break;
    case 9:
        chance->ask.holds = !chance->ask.holds;
        if (!chance->ask.holds)
            ask_take(&chance->ask);
        break;
    case 10:
        chance->scene.budget.limit = roll(chance, 2) * BUDGET;
        break;
    default:
        (void)loop_turn(chance->scene.turned.loop, 0);
        break;
    }
}

/* ---- its beginning and its end ---- */

static void write_answer(struct chance *chance)
{
    static char text[SIZE];
    bool ok = true;
    chance->payload = roll(chance, SIZE);
    for (size_t i = 0; i < chance->payload; i++)
        text[i] = byte_at(i);
    if (chance->kind == UPGRADE)
        ok = buf_printf(&chance->answer, "HTTP/1.1 101 Switching Protocols\r\n"
                                         "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n") &&
             buf_put(&chance->answer, text, chance->payload);
    else if (roll(chance, 2) == 0)
        ok = buf_printf(&chance->answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                        chance->payload) &&
             buf_put(&chance->answer, text, chance->payload);
    else
        ok = buf_printf(&chance->answer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    bool chunked = strstr(buf_text(&chance->answer), "chunked") != NULL;
    for (size_t at = 0, n; chunked && at < chance->payload; at += n) {
        n = 1 + roll(chance, 40000);
        n = n < chance->payload - at ? n : chance->payload - at;
        ok = ok && buf_printf(&chance->answer, "%zx\r\n", n) &&
             buf_put(&chance->answer, text + at, n) && buf_printf(&chance->answer, "\r\n");
    }
    CHECK(ok && (!chunked || buf_printf(&chance->answer, "0\r\n\r\n")));
}

static void begin(struct chance *chance, size_t seed)
{
    *chance = (struct chance){.state = seed, .answer = BUF_LIMIT(2 * SIZE)};
    client_scene_begin(&chance->scene);
    chance->scene.budget.loop = chance->scene.turned.loop;
    chance->kind = (enum kind)roll(chance, KINDS);
    chance->size = 1 + roll(chance, SIZE);
    write_answer(chance);
    ask_init(&chance->ask, roll(chance, 3) == 0 ? "GET" : "POST", "/x");
    ask_announce(&chance->ask,
                 chance->kind == LENGTH ? (int64_t)chance->size : (int64_t)LENGTH_UNKNOWN);
    chance->ask.head.is_websocket = chance->kind == UPGRADE;
    channel_free(chance->ask.body.bytes);
    chance->ask.body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL,
                                         roll(chance, 2) ? &chance->scene.budget : NULL);
    REQUIRE(chance->ask.body.bytes && ask_send(&chance->ask, &chance->scene.opener));
}

static void finish(struct chance *chance)
{
    struct turned_loop *turned = &chance->scene.turned;
    turned->memory.read_most = turned->memory.write_most = 0;
    chance->scene.budget.limit = BUDGET;
    chance->ask.holds = false;
    ask_take(&chance->ask);
    while (chance->put < chance->size || chance->said < chance->answer.len) {
        put_some(chance);
        say_some(chance);
        turned_loop_settle(turned);
        ask_take(&chance->ask);
        raw_peer_pull(&chance->scene.peer);
    }
    channel_end(chance->ask.body.bytes);
    if (chance->kind == UPGRADE)
        raw_peer_end(&chance->scene.peer);
    (void)client_scene_hear(&chance->scene);
}

static void judge(struct chance *chance, size_t seed)
{
    struct buf payload = BUF_LIMIT(2 * SIZE);
    const char *head_end = strstr(buf_text(&chance->scene.peer.got), "\r\n\r\n");
    REQUIRE(head_end);
    size_t head = (size_t)(head_end - buf_text(&chance->scene.peer.got)) + 4;
    struct span got = span_skip(buf_span(&chance->scene.peer.got), head);
    if (chance->kind == CHUNKS) {
        struct fake_request request = {.body = BUF_LIMIT(2 * SIZE)};
        CHECK(buf_put_span(&request.body, got));
        CHECK_CASE(fake_request_dechunk(&request, &payload), "seed %zu: these are no chunks", seed);
        buf_release(&request.body);
        got = buf_span(&payload);
    }
    CHECK_CASE(is_pattern(got, chance->size), "seed %zu: the origin got %zu bytes, sent were %zu",
               seed, got.len, chance->size);
    got = buf_span(&chance->ask.text);
    CHECK_CASE(is_pattern(got, chance->payload),
               "seed %zu: the answer has %zu bytes, said were %zu", seed, got.len, chance->payload);
    CHECK_CASE(chance->ask.done && chance->ask.ends == 1, "seed %zu: %s", seed,
               chance->ask.why.text);
    CHECK_SIZE(chance->scene.budget.used, 0);
    buf_release(&payload);
}

TEST(chance_loses_and_mixes_no_bytes_of_requests_and_answers)
{
    static struct chance chance;
    for (size_t seed = 0; seed < SEEDS; seed++) {
        begin(&chance, seed);
        for (size_t i = 0; i < STEPS; i++)
            step(&chance);
        finish(&chance);
        judge(&chance, seed);
        ask_release(&chance.ask);
        client_scene_end(&chance.scene);
        buf_release(&chance.answer);
    }
}
