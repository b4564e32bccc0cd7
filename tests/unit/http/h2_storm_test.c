/* Storms over a session: requests and answers come, stop, are reset and cut into small reads and
 * writes, in an order that chance chose. When it is over nothing is owed: every stream that was
 * left ends, the next one crosses at once, and the connection's credit was given back to the last
 * byte. A seed that fails is named, and fails again. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

#include <errno.h>

enum {
    SEEDS = 24,
    STEPS = 400,
    ASKS = DESK_REQUESTS_MAX - 2, /* the last two are the probes */
    PIECE = 1000,
    FIRST_WINDOW = 65535, /* RFC 9113 6.9.2 */
};

/* What one end wrote, frame by frame. */
struct tap {
    int fd;
    size_t head_len, payload_left;
    unsigned char head[9];
    unsigned char number[4];
    size_t number_len;
    uint64_t data;   /* bytes of DATA, padding too */
    uint64_t credit; /* of the connection, that it gave */
};

struct storm {
    struct h2_scene scene;
    struct tap taps[2]; /* of the client, of the server */
    ssize_t (*write)(const struct sockets *sockets, int fd, const struct iovec *from, int count);
    struct ask asks[ASKS];
    size_t count;
    uint64_t state;
};

static size_t roll(struct storm *storm, size_t sides)
{
    storm->state = storm->state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(storm->state >> 33) % sides;
}

/* ---- the wire ---- */

static uint32_t number_at(const unsigned char *bytes, size_t len)
{
    uint32_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | bytes[i];
    return number;
}

static void frame_is_over(struct tap *tap)
{
    bool of_connection = number_at(tap->head + 5, 4) == 0;
    if (tap->head[3] == WIRE_DATA)
        tap->data += number_at(tap->head, 3);
    else if (tap->head[3] == WIRE_WINDOW_UPDATE && of_connection)
        tap->credit += number_at(tap->number, 4);
    tap->head_len = tap->number_len = 0;
}

static void hear(struct tap *tap, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (tap->head_len < sizeof tap->head) {
            tap->head[tap->head_len++] = bytes[i];
            if (tap->head_len < sizeof tap->head)
                continue;
            tap->payload_left = number_at(tap->head, 3);
        } else {
            if (tap->number_len < sizeof tap->number)
                tap->number[tap->number_len++] = bytes[i];
            tap->payload_left--;
        }
        if (tap->payload_left == 0)
            frame_is_over(tap);
    }
}

static ssize_t tapped_write(const struct sockets *sockets, int fd, const struct iovec *from,
                            int count)
{
    struct memory_sockets *memory =
        CONTAINER_OF((struct sockets *)(uintptr_t)sockets, struct memory_sockets, sockets);
    struct turned_loop *turned = CONTAINER_OF(memory, struct turned_loop, memory);
    struct h2_scene *scene = CONTAINER_OF(turned, struct h2_scene, turned);
    struct storm *storm = CONTAINER_OF(scene, struct storm, scene);
    ssize_t n = storm->write(sockets, fd, from, count);
    size_t left = n > 0 ? (size_t)n : 0;
    for (int i = 0; i < count && left > 0; i++) {
        size_t here = from[i].iov_len < left ? from[i].iov_len : left;
        for (size_t side = 0; side < 2; side++)
            if (storm->taps[side].fd == fd)
                hear(&storm->taps[side], from[i].iov_base, here);
        left -= here;
    }
    return n;
}

static void begin(struct storm *storm, uint64_t seed)
{
    static const uint32_t limits[] = {3, 20, 100};
    struct h2_scene *scene = &storm->scene;
    int ends[2];
    memset(storm, 0, sizeof *storm);
    storm->state = seed;
    h2_scene_prepare(scene);
    scene->server.options.streams_max = limits[roll(storm, ARRAY_LEN(limits))];
    storm->write = scene->turned.memory.sockets.write;
    scene->turned.memory.sockets.write = tapped_write;
    memory_pair(ends);
    storm->taps[0] = (struct tap){.fd = ends[0]};
    storm->taps[1] = (struct tap){.fd = ends[1]};
    /* The client begins with the preface, which is no frame. */
    storm->taps[0].head_len = sizeof storm->taps[0].head;
    storm->taps[0].payload_left = strlen(WIRE_PREFACE);
    storm->taps[0].head[3] = WIRE_SETTINGS;
    /* More than half of the budget is in use: no window grows, and the account stays simple. */
    scene->client.budget.used = scene->server.budget.used = scene->client.budget.limit / 2 + 1;
    h2_end_open(&scene->client, &scene->turned, ends[0]);
    h2_end_open(&scene->server, &scene->turned, ends[1]);
    turned_loop_settle(&scene->turned);
}

/* ---- the storm ---- */

static void put_some(struct storm *storm, struct channel *to)
{
    static const size_t sizes[] = {0, 1, 100, 5000, 20000, 65536};
    static const char bytes[65536];
    if (!channel_is_ended(to))
        (void)channel_put(to, bytes, sizes[roll(storm, ARRAY_LEN(sizes))]);
}

static void begin_ask(struct storm *storm)
{
    if (storm->count == ASKS)
        return;
    struct ask *ask = &storm->asks[storm->count];
    ask_init(ask, roll(storm, 4) ? "POST" : "HEAD", "/");
    if (roll(storm, 4))
        ask_announce(ask, LENGTH_UNKNOWN);
    ask->holds = roll(storm, 3) == 0;
    ask->closes_first = roll(storm, 10) == 0;
    if (ask_send(ask, &storm->scene.opener))
        storm->count++;
    else
        ask_release(ask);
}

static void at_client(struct storm *storm)
{
    if (storm->count == 0)
        return;
    struct ask *ask = &storm->asks[roll(storm, storm->count)];
    switch (roll(storm, 9)) {
    case 0:
        ask_close(ask);
        break;
    case 1:
        ask_end(ask);
        break;
    case 2:
        ask->holds = !ask->holds;
        break;
    case 3:
        ask_take(ask);
        break;
    default:
        put_some(storm, ask->body.bytes);
        break;
    }
}

static void at_desk(struct storm *storm)
{
    struct desk *desk = &storm->scene.desk;
    struct desk_request *request = desk->count ? &desk->requests[roll(storm, desk->count)] : NULL;
    if (!request || !request->in || request->over)
        return;
    switch (roll(storm, 12)) {
    case 0:
        desk_close(request);
        break;
    case 1:
        desk_reset(request);
        desk_close(request);
        break;
    case 2:
        if (request->answer.bytes)
            desk_end(request);
        break;
    case 3:
    case 4:
        desk_read(request);
        break;
    default:
        if (!request->answer.bytes)
            desk_begin(request, 200, LENGTH_UNKNOWN);
        else
            put_some(storm, request->answer.bytes);
        break;
    }
}

static void around(struct storm *storm)
{
    static const size_t cuts[] = {0, 0, 9, 50, 1000, 20000};
    static const int hiccups[] = {EINTR, EAGAIN};
    struct memory_sockets *memory = &storm->scene.turned.memory;
    switch (roll(storm, 10)) {
    case 0:
        memory->write_most = cuts[roll(storm, ARRAY_LEN(cuts))];
        break;
    case 1:
        memory->read_most = cuts[roll(storm, ARRAY_LEN(cuts))];
        break;
    case 2:
        memory->on_read = (struct memory_fault){.error = hiccups[roll(storm, 2)]};
        break;
    case 3:
        storm->scene.desk.holds = !storm->scene.desk.holds;
        break;
    default:
        (void)loop_turn(storm->scene.turned.loop, 0);
        break;
    }
}

/* ---- behind it ---- */

/* Everybody does what is theirs to do; only the sessions can now keep anything back. */
static void finish(struct storm *storm)
{
    struct desk *desk = &storm->scene.desk;
    storm->scene.turned.memory.read_most = storm->scene.turned.memory.write_most = 0;
    desk->holds = false;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < storm->count; i++) {
            storm->asks[i].holds = false;
            ask_take(&storm->asks[i]);
            ask_end(&storm->asks[i]);
        }
        for (size_t i = 0; i < desk->count; i++) {
            struct desk_request *request = &desk->requests[i];
            desk_read(request);
            if (!request->in || request->over)
                continue;
            if (request->answer.bytes)
                desk_end(request);
            else
                desk_answer(request, 200, "late");
        }
        turned_loop_settle(&storm->scene.turned);
    }
}

/* How much credit the other end owes this one for DATA that it has received. */
static uint64_t owed(const struct storm *storm, size_t side)
{
    return storm->taps[side].data + (H2_CONN_WINDOW - FIRST_WINDOW) - storm->taps[1 - side].credit;
}

/* Sends a body each way, then in small pieces until the credit of each way was given back: behind a
 * piece for which it is, none is owed. */
static void probe(struct storm *storm, size_t seed)
{
    static const char bytes[CHANNEL_LIMIT];
    struct h2_scene *scene = &storm->scene;
    struct desk_request *request = &scene->desk.requests[scene->desk.count];
    struct ask ask;
    bool paid[2] = {false, false};
    ask_init(&ask, "POST", "/probe");
    ask_announce(&ask, LENGTH_UNKNOWN);
    REQUIRE(ask_send(&ask, &scene->opener));
    turned_loop_settle(&scene->turned);
    REQUIRE(request->in != NULL);
    desk_begin(request, 200, LENGTH_UNKNOWN);
    struct channel *ways[] = {ask.body.bytes, request->answer.bytes};
    for (size_t side = 0; side < 2; side++) {
        while (!paid[side]) {
            uint64_t left = H2_CONN_WINDOW / 2 - owed(storm, side);
            size_t len = left > 4 * sizeof bytes ? sizeof bytes : PIECE;
            uint64_t before = storm->taps[1 - side].credit;
            uint64_t sent = storm->taps[side].data;
            CHECK_CASE(channel_put(ways[side], bytes, len) == len, "seed %zu: no room", seed);
            turned_loop_settle(&scene->turned);
            CHECK_CASE(storm->taps[side].data == sent + len, "seed %zu: side %zu is stuck", seed,
                       side);
            if (storm->taps[side].data != sent + len || owed(storm, side) > H2_CONN_WINDOW)
                break;
            paid[side] = storm->taps[1 - side].credit > before;
        }
        CHECK_CASE(paid[side] && owed(storm, side) == 0, "seed %zu: side %zu lacks %llu bytes",
                   seed, side, (unsigned long long)owed(storm, side));
        channel_end(ways[side]);
        turned_loop_settle(&scene->turned);
    }
    CHECK_CASE(ask.done && request->answered == 1, "seed %zu: the probe did not end", seed);
    ask_release(&ask);
}

static void judge(struct storm *storm, size_t seed)
{
    struct h2_scene *scene = &storm->scene;
    CHECK_CASE(scene->client.closed + scene->server.closed == 0, "seed %zu: it ended: %s %s", seed,
               scene->client.why.text, scene->server.why.text);
    for (size_t i = 0; i < storm->count; i++)
        CHECK_CASE(!storm->asks[i].out || storm->asks[i].ends == 1,
                   "seed %zu: request %zu did not end", seed, i);
    for (size_t i = 0; i < storm->count; i++)
        ask_release(&storm->asks[i]);
    turned_loop_settle(&scene->turned);
    CHECK_CASE(h2_session_streams(scene->client.session) == 0 &&
                   h2_session_streams(scene->server.session) == 0,
               "seed %zu: %zu and %zu streams are left", seed,
               h2_session_streams(scene->client.session),
               h2_session_streams(scene->server.session));
}

TEST(behind_a_storm_nothing_is_owed)
{
    static struct storm storm;
    size_t resets = 0;
    size_t bytes = 0;
    for (size_t seed = 0; seed < SEEDS; seed++) {
        begin(&storm, seed);
        for (size_t step = 0; step < STEPS; step++) {
            size_t what = roll(&storm, 10);
            if (what == 0)
                begin_ask(&storm);
            else if (what < 4)
                at_client(&storm);
            else if (what < 7)
                at_desk(&storm);
            else
                around(&storm);
        }
        finish(&storm);
        for (size_t i = 0; i < storm.scene.desk.count; i++)
            resets += storm.scene.desk.requests[i].aborted;
        bytes += storm.taps[0].data + storm.taps[1].data;
        judge(&storm, seed);
        probe(&storm, seed);
        storm.scene.client.budget.used -= storm.scene.client.budget.limit / 2 + 1;
        storm.scene.server.budget.used -= storm.scene.server.budget.limit / 2 + 1;
        h2_scene_end(&storm.scene);
    }
    CHECK(resets > SEEDS && bytes > SEEDS * 100 * 1000); /* much did happen */
}
