/* Client, origin and time act at random, from a fixed seed: whatever the order, each outbound ends
 * at most once (the scene sees to that), no state is left by a way that it does not have, and
 * nothing is left behind. */
#include "culvert/origin/jump.h"

#include "harness.h"
#include "support/byte_scene.h"

enum { RUNS = 4000, STEPS_MIN = 3, STEPS_MORE = 14, LONG_SIZE = 3000, PINGS = 40 };

#define PLACE SPAN("127.0.0.1:9001")

struct chance {
    uint64_t state;
    struct tcp_origin_options options;
    struct byte_scene scene;
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

/* Bytes as they are, if they may still be said; nothing settles meanwhile. */
static void put(struct chance *chance, struct span bytes)
{
    struct channel *to = chance->scene.request.bytes;
    if (!channel_is_ended(to) && channel_room(to) >= bytes.len)
        CHECK_SIZE(channel_put(to, bytes.data, bytes.len), bytes.len);
}

static void put_frame(struct chance *chance, enum ws_opcode opcode, struct span payload)
{
    static const unsigned char no_mask[WS_MASK_SIZE] = {0};
    char frame[WS_HEAD_MAX + LONG_SIZE];
    size_t len = ws_head_write_masked((unsigned char *)frame, opcode, payload.len, no_mask);
    memcpy(frame + len, payload.data, payload.len);
    put(chance, span_make(frame, len + payload.len));
}

#define GREETING SPAN_INIT("\x05\x01\x00")
#define CONNECT  SPAN_INIT("\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x29")

/* Chance alone seldom gets through a handshake. */
static void begin_well(struct chance *chance)
{
    static const struct span steps[] = {GREETING, CONNECT};
    for (size_t i = 0; i < ARRAY_LEN(steps) && pick(chance, 3) > 0; i++)
        put_frame(chance, WS_BINARY, steps[i]);
}

static void say(struct chance *chance)
{
    static const struct span frames[] = {
        GREETING,
        CONNECT,
        SPAN_INIT("\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x2a"),
        SPAN_INIT("\x05\x01\x00\x03\x09localhost\x23\x29"),
        SPAN_INIT("\x05\x02\x00\x01\x7f\x00\x00\x01\x23\x29"),
    };
    static const char text[LONG_SIZE] = "text";
    size_t kind = pick(chance, ARRAY_LEN(frames) + 5);
    if (kind < ARRAY_LEN(frames))
        put_frame(chance, WS_BINARY, frames[kind]);
    else if (kind == ARRAY_LEN(frames))
        put_frame(chance, WS_BINARY, span_make(text, pick(chance, LONG_SIZE)));
    else if (kind == ARRAY_LEN(frames) + 1)
        put_frame(chance, WS_CLOSE, SPAN("\x03\xe8"));
    else if (kind == ARRAY_LEN(frames) + 2)
        put(chance, span_first(SPAN("\xff\x12garbage"), 1 + pick(chance, 8)));
    else if (kind == ARRAY_LEN(frames) + 3)
        channel_end(chance->scene.request.bytes);
    else
        for (size_t i = 0; i < PINGS; i++)
            put_frame(chance, WS_PING, span_make(text, WS_CONTROL_MAX));
}

static void let_origin_act(struct chance *chance)
{
    struct byte_scene *scene = &chance->scene;
    if (scene->peer_count == 0)
        return;
    if (pick(chance, 3) > 0)
        raw_peer_say(&scene->peers[0], &scene->turned, "welcome");
    else
        raw_peer_end(&scene->peers[0]);
}

static void act(struct chance *chance)
{
    struct byte_scene *scene = &chance->scene;
    size_t what = pick(chance, 16);
    if (what < 9)
        say(chance);
    else if (what < 11)
        let_origin_act(chance);
    else if (what == 11)
        turned_loop_pass(&scene->turned, pick(chance, TCP_ORIGIN_GREETING_MS));
    else if (what == 12 && scene->answer)
        (void)byte_scene_hear(scene);
    else if (what == 13 && pick(chance, 4) == 0)
        byte_scene_let_go(scene);
    else
        turned_loop_settle(&scene->turned);
}

static void choose(struct chance *chance)
{
    static const struct ip_rule all[] = {{.prefix = "0.0.0.0/0", .allow = true}};
    enum tcp_origin_kind kind = (enum tcp_origin_kind)pick(chance, TCP_ORIGIN_PRIVATE + 1);
    chance->options = (struct tcp_origin_options){
        .kind = kind,
        .name = "chance",
        .host = "127.0.0.1",
        .port = 9001,
        .greets = kind != TCP_ORIGIN_PRIVATE && pick(chance, 2) == 0,
        .connect_ms = 3000,
        .rules = all,
        .rule_count = kind == TCP_ORIGIN_SOCKS ? ARRAY_LEN(all) : 0,
    };
}

static void play(struct chance *chance)
{
    struct byte_scene *scene = &chance->scene;
    choose(chance);
    byte_scene_open(scene, &chance->options);
    scene->is_raw = chance->options.kind == TCP_ORIGIN_PRIVATE;
    buf_clear(&scene->head.authority);
    CHECK(buf_put_span(&scene->head.authority, PLACE));
    CHECK(headers_add(&scene->head.fields, SPAN(JUMP_FIELD), PLACE, NULL));
    if (pick(chance, 4) > 0)
        byte_scene_serve(scene, "127.0.0.1:9001");
    CHECK(byte_scene_ask(scene));
    begin_well(chance);
    for (size_t left = STEPS_MIN + pick(chance, STEPS_MORE); left > 0 && scene->out; left--)
        act(chance);
    turned_loop_settle(&scene->turned);
    chance->done += scene->done;
    chance->failed += scene->failed;
    byte_scene_close(scene);
}

TEST(whatever_the_order_a_stream_of_bytes_ends_once_and_leaves_nothing)
{
    struct chance chance = {.state = 88172645463325252ULL};
    for (size_t i = 0; i < RUNS; i++)
        play(&chance);
    CHECK(chance.done > RUNS / 4 && chance.failed > RUNS / 50);
}
