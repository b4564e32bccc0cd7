/* Each attack over HTTP/2 is ended by a limit with a name, which is counted, and nobody else
 * notices. */
#include "support/h2_attacks.h"
#include "support/siege.h"

#include "harness.h"

#include <stdlib.h>

enum { ATTACKS_MAX = 64 };

static bool is_ended(void *arg)
{
    return attacker_is_ended(arg);
}

static void expect_end(struct siege *siege, struct attacker *attacker, double before)
{
    const struct attack *attack = attacker->attack;
    bool ended = siege_until(siege, is_ended, attacker);
    CHECK_CASE(ended, "%s: it is not ended", attack->name);
    double after = siege_abuse(siege, attack->limit);
    CHECK_CASE(after > before, "%s: %s is still %.0f", attack->name, attack->limit, after);
    if (getenv("TEST_LOG"))
        printf("# %s: ended after %zu ms, round %zu, goaway %u\n", attack->name,
               (size_t)(attacker->ended_ms - attacker->begun_ms), (size_t)attacker->round,
               attacker->goaway_code);
    attacker_end(attacker);
}

/* Those that time ends begin first, so that their times pass while the others attack. */
static void attack_all(struct siege *siege, const struct attack *attacks, size_t count)
{
    static struct attacker slow[ATTACKS_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct attacker_options target = siege_target(siege, i % 2 == 1);
        if (attacks[i].is_slow)
            attacker_begin(&slow[i], siege->loop, &attacks[i], &target);
    }
    for (size_t i = 0; i < count; i++) {
        struct attacker attacker;
        const struct attacker_options target = siege_target(siege, i % 2 == 1);
        if (attacks[i].is_slow)
            continue;
        double before = siege_abuse(siege, attacks[i].limit);
        attacker_begin(&attacker, siege->loop, &attacks[i], &target);
        expect_end(siege, &attacker, before);
    }
    for (size_t i = 0; i < count; i++)
        if (attacks[i].is_slow)
            expect_end(siege, &slow[i], 0);
}

TEST(each_attack_is_ended_by_its_limit_and_nobody_notices)
{
    struct siege siege;
    size_t count;
    const struct attack *attacks = h2_attacks(&count);
    REQUIRE(count <= ATTACKS_MAX);
    bool up = siege_open(&siege, NULL);
    CHECK(up);
    if (up)
        attack_all(&siege, attacks, count);
    CHECK(up && siege_serves(&siege, 2));
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}
