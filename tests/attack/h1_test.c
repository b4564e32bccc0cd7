/* Each attack over HTTP/1.1, in clear and under TLS, is ended by a limit with a name, which is
 * counted, and nobody else notices. All of them at a time: so they also meet each other. */
#include "support/h1_attacks.h"

#include "culvert/net/sockets.h"
#include "harness.h"
#include "support/siege.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ATTACKERS_MAX = 128, TRICKLE_MS = 100 };

struct band {
    struct siege siege;
    int trickler; /* takes a few bytes now and then; -1: it was ended */
    uint64_t trickled_ms;
    struct attacker attackers[ATTACKERS_MAX];
    size_t count;
};

/* Asks for much with little room for it. */
static void begin_to_trickle(struct band *band)
{
    static const char request[] = "GET /bytes/100000000 HTTP/1.1\r\nHost: " SIEGE_NAME "\r\n\r\n";
    int little = 4096;
    const struct ip_address *to = &band->siege.http;
    band->trickler = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (band->trickler == -1 ||
        setsockopt(band->trickler, SOL_SOCKET, SO_RCVBUF, &little, sizeof little) == -1 ||
        connect(band->trickler, &to->any, to->len) == -1 ||
        send(band->trickler, request, sizeof request - 1, 0) != sizeof request - 1)
        abort();
}

static bool trickler_is_ended(struct band *band)
{
    char some[8];
    uint64_t now_ms = loop_now_ms(band->siege.loop);
    if (band->trickler == -1 || now_ms < band->trickled_ms + TRICKLE_MS)
        return band->trickler == -1;
    band->trickled_ms = now_ms;
    ssize_t n = recv(band->trickler, some, sizeof some, MSG_DONTWAIT);
    bool lives = n > 0 || (n == -1 && errno == EAGAIN);
    /* Cut off, it would still take what lies here for most of a minute. */
    if (lives && !sockets_peer_left(band->trickler))
        return false;
    (void)close(band->trickler);
    band->trickler = -1;
    return true;
}

static bool all_are_ended(void *arg)
{
    struct band *band = arg;
    bool all = trickler_is_ended(band);
    for (size_t i = 0; i < band->count; i++) {
        all = attacker_is_ended(&band->attackers[i]) && all;
        if (band->attackers[i].round > 0)
            attacker_say(&band->attackers[i]); /* those that drip */
    }
    return all;
}

static void begin_all(struct band *band)
{
    size_t count;
    const struct attack *attacks = h1_attacks(&count);
    for (size_t i = 0; i < 2 * count; i++) {
        struct attacker_options target = siege_target(&band->siege, i % 2 == 1);
        target.tls = target.tls ? band->siege.tls_h1 : NULL;
        attacker_begin(&band->attackers[band->count++], band->siege.loop, &attacks[i / 2], &target);
    }
}

/* How many of them the limit was to end. */
static double wanted(const struct band *band, const char *limit)
{
    double count = strcmp(limit, "read_pace") == 0 ? 1 : 0; /* the trickler */
    for (size_t i = 0; i < band->count; i++)
        count += strcmp(band->attackers[i].attack->limit ? band->attackers[i].attack->limit : "",
                        limit) == 0;
    return count;
}

static void judge(struct band *band)
{
    for (size_t i = 0; i < band->count; i++) {
        const struct attacker *attacker = &band->attackers[i];
        const char *limit = attacker->attack->limit;
        CHECK_CASE(attacker->ended, "%s%s: it is not ended", attacker->attack->name,
                   i % 2 ? " under TLS" : "");
        if (!limit)
            continue;
        double counted = siege_abuse(&band->siege, limit);
        CHECK_CASE(counted == wanted(band, limit), "%s: %s is %.0f, not %.0f",
                   attacker->attack->name, limit, counted, wanted(band, limit));
    }
}

TEST(each_attack_is_ended_by_its_limit_and_nobody_notices)
{
    static struct band band;
    static const char *const flags[] = {"--config", TEST_VECTORS "/edge/impatient.yml", NULL};
    bool up = siege_open(&band.siege, flags);
    CHECK(up);
    if (up) {
        begin_to_trickle(&band);
        begin_all(&band);
        CHECK(siege_until(&band.siege, all_are_ended, &band));
        CHECK(band.trickler == -1);
        judge(&band);
        CHECK(siege_serves(&band.siege, 2));
    }
    CHECK(siege_is_unhurt(&band.siege));
    for (size_t i = 0; i < band.count; i++)
        attacker_end(&band.attackers[i]);
    CHECK(siege_close(&band.siege));
}
