#include "culvert/origin/blueprint.h"

#include "harness.h"
#include "support/place.h"
#include "support/rules_text.h"

#include <pthread.h>

static struct blueprint *blueprint_of(const char *yaml, struct error *err)
{
    struct snapshot *snapshot = snapshot_of_text(yaml, err);
    struct blueprint *blueprint = snapshot ? blueprint_new(snapshot, err) : NULL;
    snapshot_unref(snapshot);
    return blueprint;
}

TEST(rules_that_trust_the_same_share_one_context)
{
    struct error err = {0};
    struct blueprint *blueprint =
        blueprint_of("ingress:\n"
                     "  - {hostname: a.test, service: 'https://a.origin'}\n"
                     "  - {hostname: b.test, service: 'https://b.origin'}\n"
                     "  - {hostname: c.test, service: 'https://c.origin',\n"
                     "     originRequest: {noTLSVerify: true}}\n"
                     "  - {hostname: d.test, service: 'http://d.origin'}\n"
                     "  - {service: 'http_status:404'}\n",
                     &err);
    REQUIRE(blueprint != NULL);
    struct tls_context *first = blueprint_tls(blueprint, 0);
    CHECK(first != NULL);
    CHECK(blueprint_tls(blueprint, 1) == first);
    CHECK(blueprint_tls(blueprint, 2) != NULL);
    CHECK(blueprint_tls(blueprint, 2) != first);
    CHECK(blueprint_tls(blueprint, 3) == NULL);
    CHECK(blueprint_tls(blueprint, 4) == NULL);
    CHECK_SIZE(rules_count(snapshot_rules(blueprint_snapshot(blueprint))), 5);
    blueprint_unref(blueprint);
}

TEST(roots_that_cannot_be_read_name_the_rule_and_the_file)
{
    static const char *const services[] = {"https://a.origin", "http://a.origin"};
    struct test_place place = place_make();
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        char yaml[512];
        struct error err = {0};
        (void)snprintf(yaml, sizeof yaml,
                       "ingress:\n  - {service: '%s', originRequest: {caPool: %s}}\n", services[i],
                       place_path(&place, "none.pem"));
        CHECK(blueprint_of(yaml, &err) == NULL);
        CHECK_CASE(strstr(err.text, "rule #0") && strstr(err.text, "/none.pem"), "%s", err.text);
    }
    place_remove(&place);
}

enum { HOLDERS = 4, TIMES = 1000 };

static void *hold_and_let_go(void *arg)
{
    for (int i = 0; i < TIMES; i++) {
        struct blueprint *held = blueprint_ref(arg);
        CHECK(blueprint_tls(held, 0) != NULL);
        blueprint_unref(held);
    }
    blueprint_unref(arg);
    return NULL;
}

TEST(the_last_thread_that_lets_go_frees_it)
{
    pthread_t threads[HOLDERS];
    struct blueprint *blueprint =
        blueprint_of("ingress:\n  - {service: 'https://a.origin'}\n", NULL);
    REQUIRE(blueprint != NULL);
    for (size_t i = 0; i < HOLDERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, hold_and_let_go, blueprint_ref(blueprint)) == 0);
    blueprint_unref(blueprint);
    for (size_t i = 0; i < HOLDERS; i++)
        (void)pthread_join(threads[i], NULL);
}
