/* Many connections that want nothing: the idle give way to who comes, an address has a number, and
 * one that only wastes is shut out. Nobody else notices. */
#include "culvert/edge/admission.h"
#include "culvert/net/sockets.h"
#include "culvert/service/descriptors.h"
#include "support/attacks.h"
#include "support/siege.h"

#include "harness.h"

#include <unistd.h>

enum {
    IDLE = 10 * 1000,
    ADDRESSES = 10,
    AT_ONCE = 100,      /* connections begun in a turn */
    CONNECTIONS = 3000, /* as crowded.yml says */
    PER_ADDRESS = 1500,
};

struct crowd {
    struct siege siege;
    int fds[IDLE];
    size_t count;
    uint64_t again_ms; /* when it comes again */
};

/* Connects from 127.0.0.`from`; the socket is kept. */
static bool come(struct crowd *crowd, unsigned from, const struct ip_address *to)
{
    const struct sockets *sockets = loop_sockets(crowd->siege.loop);
    char text[20];
    struct ip_address local;
    (void)snprintf(text, sizeof text, "127.0.0.%u", from);
    if (!ip_parse(span_of(text), 0, &local))
        return false;
    int fd = sockets->connect(sockets, to, &local);
    if (fd == -1)
        return false;
    crowd->fds[crowd->count++] = fd;
    return true;
}

static void leave(struct crowd *crowd)
{
    while (crowd->count > 0)
        (void)close(crowd->fds[--crowd->count]);
}

/* `count` come, some in a turn, from `addresses` addresses beginning with 127.0.0.`first`. */
static bool all_come(struct crowd *crowd, size_t count, unsigned first, unsigned addresses)
{
    bool ok = true;
    for (size_t i = 0; i < count && ok; i++) {
        ok = come(crowd, first + (unsigned)i % addresses,
                  i % 2 ? &crowd->siege.https : &crowd->siege.http);
        if (i % AT_ONCE == 0)
            siege_turn(&crowd->siege);
    }
    return ok;
}

struct count_wait {
    struct siege *siege;
    const char *limit, *or_limit; /* NULL: none */
    double level;
};

static double last_of(const struct siege *siege, const char *limit)
{
    char series[128];
    (void)snprintf(series, sizeof series, "culvert_edge_abuse_total{limit=\"%s\"}", limit);
    double count = siege_last(siege, series);
    return count > 0 ? count : 0;
}

static bool is_counted(void *arg)
{
    const struct count_wait *wait = arg;
    double count = last_of(wait->siege, wait->limit);
    double other = wait->or_limit ? last_of(wait->siege, wait->or_limit) : 0;
    return count >= 1 && count + other >= wait->level;
}

static bool counts(struct crowd *crowd, const char *limit, double level)
{
    struct count_wait wait = {&crowd->siege, limit, NULL, level};
    return siege_until(&crowd->siege, is_counted, &wait);
}

/* On a slow machine the first ones are silent for too long before the last ones come. */
static bool gave_way(struct crowd *crowd)
{
    struct count_wait wait = {&crowd->siege, "connections", "silent", IDLE - CONNECTIONS};
    return siege_until(&crowd->siege, is_counted, &wait);
}

static const char *const crowded[] = {"--config", TEST_VECTORS "/edge/crowded.yml", NULL};

static bool open_crowd(struct crowd *crowd, const char *const *flags)
{
    crowd->count = 0;
    crowd->again_ms = 0;
    return siege_open(&crowd->siege, flags);
}

static void close_crowd(struct crowd *crowd)
{
    CHECK(siege_is_unhurt(&crowd->siege));
    leave(crowd);
    CHECK(siege_close(&crowd->siege));
}

TEST(ten_thousand_idle_connections_give_way_to_who_comes)
{
    static struct crowd crowd;
    if (descriptors_raise() < IDLE + 1000) {
        printf("# too few descriptors for ten thousand connections\n");
        return;
    }
    bool up = open_crowd(&crowd, crowded);
    CHECK(up);
    if (up) {
        CHECK(all_come(&crowd, IDLE, 2, ADDRESSES));
        CHECK(gave_way(&crowd));
        CHECK(siege_serves(&crowd.siege, 5));
        CHECK(siege_metric(&crowd.siege, "culvert_edge_visitors") <= CONNECTIONS);
    }
    close_crowd(&crowd);
}

TEST(of_those_who_do_not_begin_to_speak_the_oldest_goes)
{
    enum { SILENT = 9000 };
    static struct crowd crowd;
    if (descriptors_raise() < SILENT + 5000) {
        printf("# too few descriptors for nine thousand connections\n");
        return;
    }
    bool up = open_crowd(&crowd, NULL);
    CHECK(up);
    if (up) {
        bool ok = true;
        for (size_t i = 0; i < SILENT && ok; i++) {
            ok = come(&crowd, 2 + (unsigned)i % ADDRESSES, &crowd.siege.http);
            if (i % AT_ONCE == 0)
                siege_turn(&crowd.siege);
        }
        CHECK(ok);
        CHECK(counts(&crowd, "opening", 1));
        CHECK(siege_serves(&crowd.siege, 5));
    }
    close_crowd(&crowd);
}

TEST(an_address_has_a_number_and_who_only_wastes_is_shut_out)
{
    static struct crowd crowd;
    bool up = open_crowd(&crowd, crowded);
    CHECK(up);
    if (up) {
        CHECK(all_come(&crowd, PER_ADDRESS + 100, 99, 1));
        CHECK(counts(&crowd, "address_connections", 100));
        leave(&crowd);
        /* All of those brought nothing: what comes now is one too many. */
        for (size_t i = 0; i < 1000 && last_of(&crowd.siege, "address_wasted") < 1; i++) {
            CHECK(all_come(&crowd, 10, 99, 1));
            leave(&crowd);
            siege_turn(&crowd.siege);
        }
        CHECK(counts(&crowd, "address_wasted", 1));
        CHECK(siege_serves(&crowd.siege, 5));
    }
    close_crowd(&crowd);
}

static bool is_cut_off(void *arg)
{
    return attacker_is_ended(arg);
}

/* Comes again now and then, far too seldom to be shut out for that. */
static bool is_turned_away(void *arg)
{
    enum { EVERY_MS = 100 };
    struct crowd *crowd = arg;
    uint64_t now = loop_now_ms(crowd->siege.loop);
    if (now >= crowd->again_ms && come(crowd, 99, &crowd->siege.http)) {
        crowd->again_ms = now + EVERY_MS;
        leave(crowd);
    }
    return last_of(&crowd->siege, "address_wasted") >= 1;
}

TEST(who_is_cut_off_for_floods_is_turned_away)
{
    static struct crowd crowd;
    bool up = open_crowd(&crowd, crowded);
    CHECK(up);
    if (up) {
        struct attacker_options target = siege_target(&crowd.siege, false);
        CHECK(ip_parse(SPAN("127.0.0.99"), 0, &target.from));
        for (size_t i = 0; i < ADMISSION_WASTED_MAX / ADMISSION_FLOOD_COST; i++) {
            struct attacker attacker;
            attacker_begin(&attacker, crowd.siege.loop, attacks_find("h2-pings"), &target);
            CHECK(siege_until(&crowd.siege, is_cut_off, &attacker));
            attacker_end(&attacker);
            siege_turn(&crowd.siege);
        }
        CHECK(siege_until(&crowd.siege, is_turned_away, &crowd));
        CHECK(siege_serves(&crowd.siege, 5));
    }
    close_crowd(&crowd);
}

static bool is_shut_out(void *arg)
{
    struct crowd *crowd = arg;
    return siege_last(&crowd->siege, "culvert_edge_shut_out_connections_total") >= 10;
}

TEST(connectors_of_one_address_leave_room_for_others)
{
    enum { CONNECTORS_PER_ADDRESS = 50 };
    static struct crowd crowd;
    bool up = open_crowd(&crowd, crowded);
    CHECK(up);
    if (up) {
        for (size_t i = 0; i < CONNECTORS_PER_ADDRESS + 10; i++)
            CHECK(come(&crowd, 99, &crowd.siege.tunnel));
        CHECK(siege_until(&crowd.siege, is_shut_out, &crowd));
        CHECK(siege_metric(&crowd.siege, "culvert_edge_connections") >= 4);
        CHECK(siege_serves(&crowd.siege, 5));
    }
    close_crowd(&crowd);
}
