/* Two connections to which chance happens, in clear and under TLS: what arrives is what was sent,
 * in order, and an end comes behind all of it. A seed that fails is named, and fails again. */
#include "culvert/net/channel.h"
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_ear.h"
#include "support/tls_pair.h"
#include "support/turned_loop.h"

#include <errno.h>

enum { SEEDS = 120, STEPS = 200 };

struct chance {
    struct turned_loop turned;
    struct conn_ear ears[2];
    struct budget budget;
    struct channel *channels[2]; /* which bytes may pass on their way to a connection */
    size_t sent[2];
    bool ended[2];
    uint64_t state;
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

static size_t make_some(struct chance *chance, size_t side, char bytes[40000])
{
    static const size_t sizes[] = {1, 10, 1000, 16384, 40000};
    size_t len = sizes[roll(chance, ARRAY_LEN(sizes))];
    for (size_t i = 0; i < len; i++)
        bytes[i] = byte_at(chance->sent[side] + i);
    return len;
}

static void move_some(struct chance *chance, size_t side)
{
    static const size_t steps[] = {1, 3, 500, 9000, 16384, 100000};
    struct channel *channel = chance->channels[side];
    size_t before = channel_len(channel);
    size_t len = steps[roll(chance, ARRAY_LEN(steps))];
    if (before == 0 || chance->ended[side] || conn_room(chance->ears[side].conn) == 0)
        return;
    CHECK(conn_put_from(chance->ears[side].conn, channel, &len));
    CHECK_SIZE(channel_len(channel), before - len);
}

/* At once, or behind what waits in the channel. */
static void put_some(struct chance *chance, size_t side)
{
    char bytes[40000];
    size_t len = make_some(chance, side, bytes);
    struct conn *conn = chance->ears[side].conn;
    struct channel *channel = chance->channels[side];
    bool by_channel = channel_len(channel) > 0 || roll(chance, 2) == 0;
    if (chance->ended[side] || (by_channel ? channel_room(channel) : conn_room(conn)) < len)
        return;
    if (by_channel)
        CHECK_SIZE(channel_put(channel, bytes, len), len);
    else
        CHECK(conn_put(conn, bytes, len));
    chance->sent[side] += len;
}

static void end_side(struct chance *chance, size_t side)
{
    struct channel *channel = chance->channels[side];
    while (channel_len(channel) > 0) {
        size_t len = channel_len(channel);
        CHECK(conn_put_from(chance->ears[side].conn, channel, &len));
    }
    conn_end(chance->ears[side].conn);
    chance->ended[side] = true;
}

static void step(struct chance *chance)
{
    static const size_t takes[] = {0, 0, 1, 100, 30000};
    static const size_t cuts[] = {0, 0, 1, 70, 5000};
    static const int hiccups[] = {EINTR, EAGAIN};
    size_t side = roll(chance, 2);
    struct conn_ear *ear = &chance->ears[side];
    struct memory_sockets *memory = &chance->turned.memory;
    switch (roll(chance, 17)) {
    case 0:
        gate_hold(conn_gate(ear->conn), HOLD_CHANNEL);
        break;
    case 1:
    case 2:
        gate_release(conn_gate(ear->conn), HOLD_CHANNEL);
        break;
    case 3:
        ear->take_most = takes[roll(chance, ARRAY_LEN(takes))];
        break;
    case 4:
        conn_again(ear->conn);
        break;
    case 5:
        memory->read_most = cuts[roll(chance, ARRAY_LEN(cuts))];
        break;
    case 6:
        memory->write_most = cuts[roll(chance, ARRAY_LEN(cuts))];
        break;
    case 7:
        memory->on_read = (struct memory_fault){.error = hiccups[roll(chance, 2)]};
        break;
    case 8:
        if (roll(chance, 20) == 0)
            end_side(chance, side);
        break;
    case 9:
    case 10:
        (void)loop_turn(chance->turned.loop, 0);
        break;
    case 11:
    case 12:
    case 13:
        move_some(chance, side);
        break;
    default:
        put_some(chance, side);
        break;
    }
}

/* Everything is let through to its end. */
static void finish(struct chance *chance)
{
    struct memory_sockets *memory = &chance->turned.memory;
    memory->read_most = memory->write_most = 0;
    for (size_t side = 0; side < 2; side++)
        if (!chance->ended[side])
            end_side(chance, side);
    CHECK_SIZE(chance->budget.used, 0);
    for (int i = 0; i < 50; i++) {
        for (size_t side = 0; side < 2; side++) {
            struct conn_ear *ear = &chance->ears[side];
            ear->take_most = 0;
            gate_release(conn_gate(ear->conn), HOLD_CHANNEL);
            conn_again(ear->conn); /* also what it left when it heard of the end */
        }
        turned_loop_settle(&chance->turned);
    }
}

static void judge(const struct chance *chance, size_t seed)
{
    for (size_t side = 0; side < 2; side++) {
        const struct conn_ear *ear = &chance->ears[side];
        CHECK_CASE(ear->ended == 1 && ear->lost == 0, "seed %zu: %zu ends, %zu losses: %s", seed,
                   ear->ended, ear->lost, ear->why.text);
        bool same = ear->got.len <= chance->sent[1 - side];
        for (size_t i = 0; same && i < ear->got.len; i++)
            same = ear->got.data[i] == byte_at(i);
        CHECK_CASE(same, "seed %zu: other bytes than were sent", seed);
        CHECK_CASE(ear->got.len == chance->sent[1 - side], "seed %zu: %zu of %zu bytes", seed,
                   ear->got.len, chance->sent[1 - side]);
    }
}

static void play(struct tls_context *client, struct tls_context *server)
{
    static struct chance chance;
    for (size_t seed = 0; seed < SEEDS; seed++) {
        int ends[2];
        memset(&chance, 0, sizeof chance);
        chance.state = seed;
        turned_loop_init(&chance.turned);
        memory_pair(ends);
        chance.budget = (struct budget){.limit = 1 << 30, .loop = chance.turned.loop};
        for (size_t side = 0; side < 2; side++) {
            conn_ear_open(&chance.ears[side], chance.turned.loop, ends[side]);
            chance.channels[side] =
                channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, seed % 2 ? &chance.budget : NULL);
            REQUIRE(chance.channels[side]);
        }
        if (client) {
            CHECK(conn_start_tls(chance.ears[0].conn, client, NULL, 0, NULL));
            CHECK(conn_start_tls(chance.ears[1].conn, server, NULL, 0, NULL));
        }
        for (size_t i = 0; i < STEPS; i++)
            step(&chance);
        finish(&chance);
        judge(&chance, seed);
        for (size_t side = 0; side < 2; side++) {
            conn_ear_release(&chance.ears[side]);
            channel_free(chance.channels[side]);
        }
        turned_loop_settle(&chance.turned);
        turned_loop_release(&chance.turned);
    }
}

TEST(chance_loses_and_mixes_no_bytes)
{
    play(NULL, NULL);
}

TEST(chance_loses_and_mixes_no_bytes_under_tls)
{
    struct tls_fixture fixture;
    tls_fixture_init(&fixture, "a.example");
    struct tls_context *client =
        tls_client_new(&(struct tls_client_options){.no_verify = true}, NULL);
    struct tls_context *server = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = fixture.identity}, NULL);
    REQUIRE(client && server);
    play(client, server);
    tls_context_unref(client);
    tls_context_unref(server);
    tls_fixture_release(&fixture);
}
