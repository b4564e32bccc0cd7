/* Each attack over HTTP/2 is ended by a limit with a name, which is counted, and nobody else
 * notices. */
#include "support/h2_attacks.h"
#include "support/siege.h"

#include "harness.h"

enum { ATTACKS_MAX = 64 };

static bool is_ended(void *arg)
{
    struct attacker *attacker = arg;
    if (attacker->attack->more)
        attacker_say(attacker); /* those that drip, or wait for something */
    return attacker_is_ended(attacker);
}

static double counted(struct siege *siege, const struct attack *attack)
{
    return attack->limit ? siege_abuse(siege, attack->limit) : 0;
}

static void expect_end(struct siege *siege, struct attacker *attacker, double before)
{
    const struct attack *attack = attacker->attack;
    bool ended = siege_until(siege, is_ended, attacker);
    CHECK_CASE(ended, "%s: it is not ended", attack->name);
    double after = counted(siege, attack);
    CHECK_CASE(!attack->limit || after > before, "%s: %s is still %.0f", attack->name,
               attack->limit, after);
    attacker_end(attacker);
}

static void attack_at_once(struct siege *siege, const struct attack *attack, bool tls)
{
    struct attacker attacker;
    const struct attacker_options target = siege_target(siege, tls);
    double before = counted(siege, attack);
    attacker_begin(&attacker, siege->loop, attack, &target);
    expect_end(siege, &attacker, before);
}

/* Each limit of time ends its own: those that drip are kept at it until all are ended. */
struct slow_ones {
    struct attacker attackers[ATTACKS_MAX];
    size_t count;
};

static bool all_are_ended(void *arg)
{
    struct slow_ones *slow = arg;
    bool all = true;
    for (size_t i = 0; i < slow->count; i++)
        all = is_ended(&slow->attackers[i]) && all;
    return all;
}

static double wanted(const struct slow_ones *slow, const char *limit)
{
    double count = 0;
    for (size_t i = 0; i < slow->count; i++)
        count += strcmp(slow->attackers[i].attack->limit ? slow->attackers[i].attack->limit : "",
                        limit) == 0;
    return count;
}

static void begin_slow_ones(struct siege *siege, struct slow_ones *slow,
                            const struct attack *attacks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct attacker_options target = siege_target(siege, i % 2 == 1);
        if (attacks[i].is_slow)
            attacker_begin(&slow->attackers[slow->count++], siege->loop, &attacks[i], &target);
    }
}

static void expect_slow_ends(struct siege *siege, struct slow_ones *slow)
{
    CHECK(siege_until(siege, all_are_ended, slow));
    for (size_t i = 0; i < slow->count; i++) {
        struct attacker *attacker = &slow->attackers[i];
        const struct attack *attack = attacker->attack;
        CHECK_CASE(attacker->ended, "%s: it is not ended", attack->name);
        double count = counted(siege, attack);
        CHECK_CASE(!attack->limit || count >= wanted(slow, attack->limit), "%s: %s is %.0f",
                   attack->name, attack->limit, count);
        attacker_end(attacker);
    }
}

TEST(each_attack_is_ended_by_its_limit_and_nobody_notices)
{
    static const char *const flags[] = {"--config", TEST_VECTORS "/edge/impatient.yml", NULL};
    static struct slow_ones slow;
    struct siege siege;
    size_t count;
    const struct attack *attacks = h2_attacks(&count);
    REQUIRE(count <= ATTACKS_MAX);
    bool up = siege_open(&siege, flags);
    CHECK(up);
    if (up) {
        begin_slow_ones(&siege, &slow, attacks, count);
        for (size_t i = 0; i < count; i++)
            if (!attacks[i].is_slow)
                attack_at_once(&siege, &attacks[i], i % 2 == 1);
        expect_slow_ends(&siege, &slow);
        CHECK(siege_serves(&siege, 2));
    }
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}

/* ---- what reaches the origin ---- */

static const struct attack *find(const char *name)
{
    size_t count;
    const struct attack *attacks = h2_attacks(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(attacks[i].name, name) == 0)
            return &attacks[i];
    return NULL;
}

/* Each would be a hundred dials for nothing. */
TEST(requests_that_are_spoiled_or_given_up_as_they_come_cost_the_origin_nothing)
{
    enum { TIMES = 4, MOST = 2 * TIMES }; /* a request may be cut in two where a read ends */
    static const char *const names[] = {"h2-window-overflow", "h2-body-too-long",
                                        "h2-body-too-short", "h2-rapid-reset"};
    struct siege siege;
    bool up = siege_open(&siege, NULL);
    CHECK(up);
    for (size_t i = 0; i < ARRAY_LEN(names) && up; i++) {
        const struct attack *attack = find(names[i]);
        REQUIRE(attack != NULL);
        uint64_t before = siege.origin.accepted;
        for (int n = 0; n < TIMES; n++)
            attack_at_once(&siege, attack, n % 2 == 1);
        CHECK(siege_serves(&siege, 2));
        uint64_t dials = siege.origin.accepted - before;
        CHECK_CASE(dials <= MOST, "%s: %zu connections", names[i], (size_t)dials);
    }
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}

/* ---- who is busy and means no harm ---- */

enum { CANCELLED = 100, ROUNDS = 4 };

/* As a browser does whose user turns the pages. */
static void leaf_through(struct attacker *attacker)
{
    uint32_t first = attacker->stream;
    for (int i = 0; i < CANCELLED; i++)
        (void)attacker_asks(attacker, "/wait", WIRE_END_STREAM);
    for (int i = 0; i < CANCELLED; i++)
        wire_put_number(&attacker->out, WIRE_RST_STREAM, first + 2 * (uint32_t)i, 8);
    (void)attacker_asks(attacker, "/hello", WIRE_END_STREAM);
}

/* Each page is answered before the next one is asked for. */
static void next_page(struct attacker *attacker, const struct wire_frame *frame)
{
    if (frame->type == WIRE_DATA && (frame->flags & WIRE_END_STREAM) && ++attacker->state < ROUNDS)
        leaf_through(attacker);
}

/* As a client does that reads by the KiB and pings whenever it has read. */
static void read_by_crumbs(struct attacker *attacker, const struct wire_frame *frame)
{
    const struct wire_frame ping = {WIRE_PING, 0, 0, SPAN("12345678")};
    if (frame->type != WIRE_DATA)
        return;
    for (size_t read = 0; read < frame->payload.len; read += 1024) {
        size_t len = frame->payload.len - read < 1024 ? frame->payload.len - read : 1024;
        wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, 0, (uint32_t)len);
        if (!(frame->flags & WIRE_END_STREAM))
            wire_put_number(&attacker->out, WIRE_WINDOW_UPDATE, frame->stream, (uint32_t)len);
    }
    wire_put(&attacker->out, &ping);
    attacker->state += frame->flags & WIRE_END_STREAM ? ROUNDS : 0;
}

static void ask_for_much(struct attacker *attacker)
{
    (void)attacker_asks(attacker, "/bytes/20000000", WIRE_END_STREAM);
}

static bool has_what_it_wants(void *arg)
{
    struct attacker *attacker = arg;
    return attacker->state >= ROUNDS || attacker_is_ended(attacker);
}

TEST(who_is_busy_and_means_no_harm_is_served)
{
    static const struct attack friends[] = {
        {.name = "leafs", .h2 = true, .begin = leaf_through, .on_frame = next_page},
        {.name = "crumbs", .h2 = true, .begin = ask_for_much, .on_frame = read_by_crumbs},
    };
    struct siege siege;
    bool up = siege_open(&siege, NULL);
    CHECK(up);
    for (size_t i = 0; i < 2 * ARRAY_LEN(friends) && up; i++) {
        struct attacker friend;
        const struct attacker_options target = siege_target(&siege, i % 2 == 1);
        attacker_begin(&friend, siege.loop, &friends[i / 2], &target);
        CHECK(siege_until(&siege, has_what_it_wants, &friend));
        CHECK_CASE(!friend.ended, "%s: it was cut off", friend.attack->name);
        attacker_end(&friend);
    }
    CHECK(up && siege_metric(&siege, "culvert_edge_channel_bytes") >= 0);
    CHECK(strstr(buf_text(&siege.figures), "culvert_edge_abuse_total{") == NULL);
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}
