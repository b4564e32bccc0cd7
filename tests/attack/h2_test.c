/* Each attack over HTTP/2 is ended by a limit with a name, which is counted, and nobody else
 * notices. */
#include "support/h2_attacks.h"
#include "support/siege.h"

#include "harness.h"

static bool is_ended(void *arg)
{
    return attacker_is_ended(arg);
}

static void attack_once(struct siege *siege, const struct attack *attack, bool tls)
{
    struct attacker attacker;
    const struct attacker_options target = siege_target(siege, tls);
    double before = siege_abuse(siege, attack->limit);
    attacker_begin(&attacker, siege->loop, attack, &target);
    bool ended = siege_until(siege, is_ended, &attacker);
    CHECK_CASE(ended, "%s: it is not ended", attack->name);
    double after = siege_abuse(siege, attack->limit);
    CHECK_CASE(after == before + 1, "%s: %s is %.0f, it was %.0f", attack->name, attack->limit,
               after, before);
    attacker_end(&attacker);
}

TEST(each_attack_is_ended_by_its_limit_and_nobody_notices)
{
    struct siege siege;
    size_t count;
    const struct attack *attacks = h2_attacks(&count);
    bool up = siege_open(&siege, NULL);
    CHECK(up);
    for (size_t i = 0; i < count && up; i++)
        attack_once(&siege, &attacks[i], i % 2 == 1);
    CHECK(up && siege_serves(&siege, 2));
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}
