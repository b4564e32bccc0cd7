#include "culvert/access/key_store.h"

#include "harness.h"
#include "support/fake_issuer.h"
#include "support/must.h"
#include "support/turned_loop.h"

#define URL "https://one.test/keys"

static const char *const k2[] = {"k2", NULL};

struct hall {
    struct turned_loop turned;
    struct fake_issuer issuer;
    struct key_store *store;
};

/* Who asks, and how often it was answered later. */
struct asker {
    struct key_ask ask;
    size_t answered;
    bool at_once;
};

static void hall_open(struct hall *hall)
{
    turned_loop_init(&hall->turned);
    fake_issuer_init(&hall->issuer, hall->turned.loop);
    hall->store = key_store_new(hall->turned.loop, &hall->issuer.fetcher);
    must(hall->store != NULL);
}

static void hall_close(struct hall *hall)
{
    key_store_stop(hall->store);
    key_store_free(hall->store);
    fake_issuer_release(&hall->issuer);
    turned_loop_release(&hall->turned);
}

static void answered(struct key_ask *ask)
{
    CONTAINER_OF(ask, struct asker, ask)->answered++;
}

static void ask(struct hall *hall, struct asker *asker, const char *url, uint64_t version)
{
    *asker = (struct asker){
        .ask = {.url = url, .version = version, .wants_newer = version > 0, .answered = answered}};
    asker->at_once = key_store_ask(hall->store, &asker->ask);
}

static void pass(struct hall *hall, uint64_t ms)
{
    turned_loop_pass(&hall->turned, ms);
}

TEST(an_unknown_issuer_is_fetched_for_who_asks_and_the_next_is_answered_at_once)
{
    struct hall hall;
    struct asker one;
    struct asker two;
    hall_open(&hall);
    ask(&hall, &one, URL, 0);
    CHECK(!one.at_once && one.answered == 0);
    ask(&hall, &two, URL, 0);
    pass(&hall, 0);
    CHECK(one.answered == 1 && two.answered == 1);
    CHECK(one.ask.keys && one.ask.keys == two.ask.keys && one.ask.version > 0);
    CHECK(one.ask.why.kind == ERROR_NONE);
    jwks_unref(one.ask.keys);
    jwks_unref(two.ask.keys);
    ask(&hall, &one, URL, 0);
    CHECK(one.at_once && one.ask.keys);
    jwks_unref(one.ask.keys);
    CHECK_SIZE(hall.issuer.fetches, 1);
    hall_close(&hall);
}

/* Asks for newer ones than there are, and how long that takes. */
static uint64_t wait_of_one(struct hall *hall)
{
    struct asker one;
    uint64_t waited_ms = 0;
    ask(hall, &one, URL, 0);
    uint64_t version = one.ask.version;
    jwks_unref(one.ask.keys);
    size_t fetches = hall->issuer.fetches;
    ask(hall, &one, URL, version);
    pass(hall, 0);
    for (; one.answered == 0; waited_ms += 100)
        pass(hall, 100);
    CHECK(one.ask.version > version && one.ask.why.kind == ERROR_NONE);
    CHECK_SIZE(hall->issuer.fetches, fetches + 1);
    jwks_unref(one.ask.keys);
    return waited_ms;
}

TEST(who_wants_newer_keys_now_and_then_gets_them_at_once)
{
    struct hall hall;
    hall_open(&hall);
    key_store_want(hall.store, URL);
    for (size_t i = 0; i < 20; i++) {
        pass(&hall, KEY_STORE_INTERVAL_MS);
        CHECK_SIZE(wait_of_one(&hall), 0);
    }
    hall_close(&hall);
}

TEST(who_wants_newer_keys_again_and_again_gets_them_once_in_an_interval)
{
    struct hall hall;
    uint64_t waited_ms = 0;
    hall_open(&hall);
    key_store_want(hall.store, URL);
    pass(&hall, 0);
    for (size_t i = 0; i + 1 < KEY_STORE_SPARE_MAX; i++) {
        uint64_t one_ms = wait_of_one(&hall);
        CHECK_SIZE(one_ms, KEY_STORE_GAP_MS);
        waited_ms += one_ms;
    }
    CHECK_SIZE(wait_of_one(&hall), KEY_STORE_INTERVAL_MS - waited_ms);
    for (size_t i = 0; i < 5; i++)
        CHECK_SIZE(wait_of_one(&hall), KEY_STORE_INTERVAL_MS);
    /* What rested is soon asked for again. */
    pass(&hall, KEY_STORE_SPARE_MAX * KEY_STORE_INTERVAL_MS);
    CHECK_SIZE(wait_of_one(&hall), 0);
    CHECK_SIZE(wait_of_one(&hall), KEY_STORE_GAP_MS);
    hall_close(&hall);
}

TEST(who_has_older_keys_than_there_are_gets_those)
{
    struct hall hall;
    struct asker one;
    hall_open(&hall);
    key_store_want(hall.store, URL);
    pass(&hall, 1000);
    ask(&hall, &one, URL, 0);
    uint64_t version = one.ask.version;
    jwks_unref(one.ask.keys);
    hall.issuer.keys = k2;
    ask(&hall, &one, URL, version);
    pass(&hall, 0);
    CHECK(one.answered == 1 && one.ask.version > version);
    jwks_unref(one.ask.keys);
    ask(&hall, &one, URL, version);
    CHECK(one.at_once && one.ask.version > version && hall.issuer.fetches == 2);
    jwks_unref(one.ask.keys);
    hall_close(&hall);
}

TEST(what_is_wanted_is_fetched_every_hour_and_more_often_after_a_failure)
{
    struct hall hall;
    hall_open(&hall);
    key_store_want(hall.store, URL);
    key_store_want(hall.store, URL);
    pass(&hall, KEY_STORE_FRESH_MS - 1);
    CHECK_SIZE(hall.issuer.fetches, 1);
    hall.issuer.is_down = true;
    pass(&hall, 1);
    CHECK_SIZE(hall.issuer.fetches, 2);
    pass(&hall, 2 * KEY_STORE_RETRY_MS);
    CHECK_SIZE(hall.issuer.fetches, 4);
    hall.issuer.is_down = false;
    pass(&hall, KEY_STORE_RETRY_MS + KEY_STORE_FRESH_MS);
    CHECK_SIZE(hall.issuer.fetches, 6);
    key_store_begin_wants(hall.store);
    pass(&hall, 10 * (uint64_t)KEY_STORE_FRESH_MS);
    CHECK_SIZE(hall.issuer.fetches, 6);
    key_store_want(hall.store, URL);
    CHECK_SIZE(hall.issuer.fetches, 7);
    pass(&hall, 0);
    hall_close(&hall);
}

TEST(whatever_goes_wrong_with_a_fetch_is_told_and_not_tried_again_at_once)
{
    static const struct {
        bool is_down, refuses;
        const char *text, *why;
    } cases[] = {
        {.is_down = true, .why = "the issuer is down"},
        {.refuses = true, .why = "no thread"},
        {.text = "<html>", .why = "JSON"},
        {.text = "{\"keys\":[]}", .why = "no RSA key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hall hall;
        struct asker one;
        hall_open(&hall);
        hall.issuer.is_down = cases[i].is_down;
        hall.issuer.refuses = cases[i].refuses;
        hall.issuer.text = cases[i].text;
        ask(&hall, &one, URL, 0);
        pass(&hall, 0);
        CHECK_CASE(one.answered == 1 && !one.ask.keys && strstr(one.ask.why.text, cases[i].why),
                   "%zu: %s", i, one.ask.why.text);
        ask(&hall, &one, URL, 0);
        CHECK(one.at_once && !one.ask.keys && one.ask.why.kind != ERROR_NONE);
        CHECK_SIZE(hall.issuer.fetches, 1);
        pass(&hall, KEY_STORE_INTERVAL_MS);
        ask(&hall, &one, URL, 0);
        CHECK(!one.at_once && hall.issuer.fetches == 2);
        pass(&hall, 0);
        hall_close(&hall);
    }
}

TEST(a_failure_leaves_the_keys_that_there_are)
{
    struct hall hall;
    struct asker one;
    hall_open(&hall);
    key_store_want(hall.store, URL);
    pass(&hall, KEY_STORE_INTERVAL_MS);
    hall.issuer.is_down = true;
    ask(&hall, &one, URL, 1);
    pass(&hall, 0);
    CHECK(one.answered == 1 && one.ask.keys && one.ask.why.kind == ERROR_NETWORK);
    jwks_unref(one.ask.keys);
    ask(&hall, &one, URL, 0);
    CHECK(one.at_once && one.ask.keys && one.ask.why.kind == ERROR_NONE);
    jwks_unref(one.ask.keys);
    pass(&hall, KEY_STORE_AGE_MAX_MS);
    ask(&hall, &one, URL, 0);
    CHECK(one.at_once && !one.ask.keys && one.ask.why.kind == ERROR_NETWORK);
    hall_close(&hall);
}

TEST(a_fetch_that_is_late_is_waited_for_no_longer_but_still_of_use)
{
    struct hall hall;
    struct asker one;
    hall_open(&hall);
    hall.issuer.is_slow = true;
    ask(&hall, &one, URL, 0);
    pass(&hall, KEY_STORE_WAIT_MS);
    CHECK(one.answered == 1 && !one.ask.keys && one.ask.why.kind == ERROR_TIMEOUT);
    ask(&hall, &one, URL, 0);
    CHECK(one.at_once && one.ask.why.kind == ERROR_TIMEOUT);
    fake_issuer_answer(&hall.issuer);
    ask(&hall, &one, URL, 0);
    CHECK(one.at_once && one.ask.keys && hall.issuer.fetches == 1);
    jwks_unref(one.ask.keys);
    hall_close(&hall);
}

TEST(the_issuer_least_used_goes_for_a_new_one_unless_it_is_wanted)
{
    static char urls[KEY_STORE_ISSUERS_MAX + 1][32];
    struct hall hall;
    struct asker one;
    hall_open(&hall);
    for (size_t i = 0; i <= KEY_STORE_ISSUERS_MAX; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "https://%zu.test/", i);
        if (i == 0)
            key_store_want(hall.store, urls[i]);
        ask(&hall, &one, urls[i], 0);
        pass(&hall, 0);
        CHECK_CASE(one.ask.keys, "%zu: %s", i, one.ask.why.text);
        jwks_unref(one.ask.keys);
    }
    size_t fetches = hall.issuer.fetches;
    ask(&hall, &one, urls[0], 0);
    CHECK(one.at_once && one.ask.keys);
    jwks_unref(one.ask.keys);
    ask(&hall, &one, urls[1], 0);
    CHECK(!one.at_once && hall.issuer.fetches == fetches + 1);
    pass(&hall, 0);
    jwks_unref(one.ask.keys);
    for (size_t i = 0; i <= KEY_STORE_ISSUERS_MAX; i++)
        key_store_want(hall.store, urls[i]);
    pass(&hall, 0);
    ask(&hall, &one, "https://more.test/", 0);
    CHECK(one.at_once && one.ask.why.kind == ERROR_LIMIT);
    hall_close(&hall);
}

TEST(the_end_answers_everybody)
{
    struct hall hall;
    struct asker one;
    struct asker two;
    hall_open(&hall);
    hall.issuer.is_slow = true;
    ask(&hall, &one, URL, 0);
    key_store_stop(hall.store);
    CHECK(one.answered == 1 && !one.ask.keys && one.ask.why.kind == ERROR_SYSTEM);
    ask(&hall, &two, URL, 0);
    CHECK(two.at_once && two.ask.why.kind == ERROR_SYSTEM);
    key_store_want(hall.store, "https://two.test/");
    CHECK_SIZE(hall.issuer.fetches, 1);
    hall_close(&hall);
}
