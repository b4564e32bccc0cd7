/* Visitors and connectors that come, ask, answer and leave in any order: whatever happens, nothing
 * stays behind. The order is random and the same in every run. */
#include "support/fake_connector.h"
#include "support/h2_visitor.h"

#include "harness.h"

enum { SEEDS = 60, STEPS = 120, FAKES = 3, WIRES = 4, ASKS = 4 };

static const struct fake_reply replies[] = {
    {.kind = FAKE_REPLY_WHOLE, .body = "fine"},
    {.kind = FAKE_REPLY_BEGUN, .body = "begun"},
    {.kind = FAKE_REPLY_BEGUN, .body = "begun", .length = 10},
    {.kind = FAKE_REPLY_WHOLE, .body = "fine", .waits = true, .informs = true},
    {.kind = FAKE_REPLY_SILENCE},
    {.kind = FAKE_REPLY_RESET},
    {.kind = FAKE_REPLY_REFUSED},
    {.kind = FAKE_REPLY_HANG_UP},
    {.kind = FAKE_REPLY_HANG_UP, .waits = true},
    {.kind = FAKE_REPLY_WHOLE, .status = 502, .meta = "{\"src\":\"cloudflared\"}"},
    {.kind = FAKE_REPLY_WHOLE, .meta = ""},
};

struct storm {
    struct both_ends ends;
    uint32_t dice;
    struct uuid client;
    struct fake_connector fakes[FAKES];
    bool there[FAKES];
    struct fake_reply mix[FAKE_CALLS_MAX];
    struct visitor_wire wires[WIRES];
    struct h2_visitor h2;
    struct ask asks[ASKS];
    bool asked[ASKS];
};

/* 0 ... below-1 (xorshift). */
static size_t roll(struct storm *storm, size_t below)
{
    storm->dice ^= storm->dice << 13;
    storm->dice ^= storm->dice >> 17;
    storm->dice ^= storm->dice << 5;
    return storm->dice % below;
}

static struct fake_call *any_call(struct storm *storm)
{
    struct fake_connector *fake = &storm->fakes[roll(storm, FAKES)];
    bool in_hand = storm->there[fake - storm->fakes] && !fake->over && fake->call_count > 0;
    struct fake_call *call = in_hand ? &fake->calls[roll(storm, fake->call_count)] : NULL;
    return call && call->in && !channel_is_ended(call->out.bytes) ? call : NULL;
}

/* ---- what may happen ---- */

static void connect_fake(struct storm *storm)
{
    size_t i = roll(storm, FAKES);
    if (storm->there[i] && !storm->fakes[i].over)
        return;
    if (storm->there[i])
        fake_connector_close(&storm->fakes[i]);
    struct fake_connector_options options =
        fake_connector_of(&storm->ends, (uint8_t)roll(storm, 2));
    options.client_id = storm->client;
    options.replaces = roll(storm, 4) == 0;
    options.holds_control = roll(storm, 3) == 0;
    options.streams_max = roll(storm, 3) == 0 ? 3 : 0;
    fake_connector_dial(&storm->fakes[i], &storm->ends, &options);
    fake_connector_follow(&storm->fakes[i], storm->mix, ARRAY_LEN(storm->mix));
    storm->there[i] = true;
}

static void leave_fake(struct storm *storm)
{
    static void (*const ways[])(struct fake_connector * fake) = {
        fake_connector_unregister, fake_connector_end_control,  fake_connector_abort,
        fake_connector_goaway,     fake_connector_stop_reading, fake_connector_hang_up,
    };
    struct fake_connector *fake = &storm->fakes[roll(storm, FAKES)];
    size_t way = roll(storm, ARRAY_LEN(ways));
    bool can = storm->there[fake - storm->fakes] && !fake->over &&
               (way > 2 || (fake->registered && !fake->leaving));
    if (can)
        ways[way](fake);
    fake->leaving |= can;
}

static void say(struct storm *storm)
{
    static const char *const words[] = {
        "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 4\r\n\r\nbody",
        "PUT / HTTP/1.1\r\nHost: app.example.com\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n",
        "GET /client/v4/zones/x HTTP/1.1\r\nHost: edge.localhost\r\n\r\n",
    };
    struct visitor_wire *wire = &storm->wires[roll(storm, WIRES)];
    if (wire->conn && wire->ended)
        visitor_close(wire);
    if (!wire->conn)
        visitor_open(wire, &storm->ends);
    visitor_say(wire, span_of(words[roll(storm, ARRAY_LEN(words))]));
}

static void leave_wire(struct storm *storm)
{
    struct visitor_wire *wire = &storm->wires[roll(storm, WIRES)];
    if (wire->conn)
        visitor_close(wire);
}

static void ask_h2(struct storm *storm)
{
    size_t i = roll(storm, ASKS);
    struct ask *ask = &storm->asks[i];
    if (storm->h2.over)
        h2_visitor_open(&storm->h2, &storm->ends);
    if (storm->asked[i])
        ask_release(ask);
    ask_init(ask, roll(storm, 2) ? "GET" : "POST", "/");
    buf_clear(&ask->head.authority);
    CHECK(buf_put_span(&ask->head.authority, SPAN("app.example.com")));
    ask->holds = roll(storm, 2) == 0;
    if (roll(storm, 2)) {
        ask_announce(ask, LENGTH_UNKNOWN);
        ask_put(ask, SPAN("body"));
    }
    storm->asked[i] = true;
    (void)ask_send(ask, &storm->h2.opener);
}

static void go_on(struct storm *storm)
{
    struct fake_call *call = any_call(storm);
    size_t what = roll(storm, 3);
    if (call && what == 0)
        fake_call_say(call, "more");
    else if (call && what == 1)
        fake_call_end(call);
    else if (call)
        fake_call_reset(call);
}

static void let_time_pass(struct storm *storm)
{
    static const uint64_t steps_ms[] = {1, 100, 1000, 2500, 20 * 1000};
    both_ends_pass(&storm->ends, steps_ms[roll(storm, ARRAY_LEN(steps_ms))]);
}

static void turn(struct storm *storm)
{
    (void)loop_turn(storm->ends.loop, 0);
}

static void (*const deeds[])(struct storm *storm) = {
    connect_fake, connect_fake, leave_fake, say,   say,  say,  leave_wire,
    ask_h2,       ask_h2,       go_on,      go_on, turn, turn, let_time_pass,
};

static void storm_open(struct storm *storm, uint32_t seed)
{
    memset(storm, 0, sizeof *storm);
    storm->dice = seed * 2654435761u + 1;
    storm->client = uuid_make();
    storm->h2.over = true;
    both_ends_open(&storm->ends);
    if (seed % 4 == 0) { /* everything comes in crumbs */
        storm->ends.memory.read_most = 1 + roll(storm, 64);
        storm->ends.memory.write_most = 1 + roll(storm, 64);
    }
    for (size_t i = 0; i < ARRAY_LEN(storm->mix); i++)
        storm->mix[i] = replies[roll(storm, ARRAY_LEN(replies))];
}

static void all_leave(struct storm *storm)
{
    for (size_t i = 0; i < WIRES; i++)
        if (storm->wires[i].conn)
            visitor_close(&storm->wires[i]);
    for (size_t i = 0; i < ASKS; i++)
        if (storm->asked[i])
            ask_release(&storm->asks[i]);
    if (storm->h2.session)
        h2_visitor_close(&storm->h2);
    for (size_t i = 0; i < FAKES; i++)
        if (storm->there[i])
            fake_connector_close(&storm->fakes[i]);
}

TEST(whatever_happens_nothing_stays_behind)
{
    static const char *const series[] = {"culvert_edge_open_requests", "culvert_edge_channel_bytes",
                                         "culvert_edge_connections"};
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct storm storm;
        storm_open(&storm, seed);
        for (size_t i = 0; i < STEPS; i++)
            deeds[roll(&storm, ARRAY_LEN(deeds))](&storm);
        if (seed % 3 > 0)
            all_leave(&storm);
        if (seed % 3 == 1) {
            both_ends_pass(&storm.ends, 20 * 1000);
            for (size_t i = 0; i < ARRAY_LEN(series); i++)
                CHECK_CASE(both_ends_metric(&storm.ends, "127.0.0.1:2001", series[i]) == 0,
                           "seed %u: %s", seed, series[i]);
        }
        edge_stop(storm.ends.edge);
        both_ends_pass(&storm.ends, EDGE_GRACE_MS + 2000);
        CHECK_CASE(storm.ends.edge_over, "seed %u: the edge is not over", seed);
        if (seed % 3 == 0)
            all_leave(&storm);
        both_ends_close(&storm.ends);
    }
}
