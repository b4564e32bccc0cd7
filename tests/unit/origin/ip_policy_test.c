#include "culvert/origin/ip_policy.h"

#include "harness.h"

enum { RULES = 6 };

struct written {
    char prefix[40]; /* "": none */
    int64_t port;    /* 0: all */
    bool allow;
};

static struct ip_policy *policy_of(const struct written *written, size_t count)
{
    char prefixes[RULES][40];
    int64_t ports[RULES];
    struct ip_rule rules[RULES];
    struct error err;
    for (size_t i = 0; i < count; i++) {
        memcpy(prefixes[i], written[i].prefix, sizeof prefixes[i]);
        ports[i] = written[i].port;
        rules[i] = (struct ip_rule){.prefix = prefixes[i][0] ? prefixes[i] : NULL,
                                    .ports = &ports[i],
                                    .port_count = ports[i] ? 1 : 0,
                                    .allow = written[i].allow};
    }
    return ip_policy_new(rules, count, &err);
}

static bool permits(const struct ip_policy *policy, const char *address)
{
    struct ip_address ip;
    CHECK_CASE(ip_parse_with_port(span_of(address), &ip), "%s", address);
    return ip_policy_permits(policy, &ip);
}

TEST(the_first_rule_that_fits_decides_and_without_one_nothing_is_allowed)
{
    static const struct written rules[] = {
        {"127.0.0.1/32", 22, false}, {"127.0.0.0/8", 0, true}, {"10.128.0.0/9", 80, true},
        {"fd00::/8", 0, true},       {"fe80::/10", 0, false},
    };
    static const struct {
        const char *address;
        bool allowed;
    } cases[] = {
        {"127.0.0.1:22", false},          {"127.0.0.1:23", true},   {"127.1.2.3:22", true},
        {"10.128.0.1:80", true},          {"10.128.0.1:81", false}, {"10.127.0.1:80", false},
        {"10.255.255.255:80", true},      {"192.0.2.1:80", false},  {"[fd00::1]:1", true},
        {"[fc00::1]:1", false},           {"[fe80::1]:1", false},   {"[::ffff:127.0.0.9]:1", true},
        {"[::ffff:127.0.0.1]:22", false},
    };
    struct ip_policy *policy = policy_of(rules, ARRAY_LEN(rules));
    REQUIRE(policy != NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(permits(policy, cases[i].address) == cases[i].allowed, "%s", cases[i].address);
    ip_policy_free(policy);
    policy = policy_of(NULL, 0);
    REQUIRE(policy != NULL);
    CHECK(!permits(policy, "127.0.0.1:80"));
    ip_policy_free(policy);
}

TEST(the_unspecified_address_is_the_loopback_that_it_reaches)
{
    static const struct written rules[] = {{"127.0.0.0/8", 0, false},
                                           {"::1/128", 0, false},
                                           {"0.0.0.0/0", 0, true},
                                           {"::/0", 0, true}};
    struct ip_policy *policy = policy_of(rules, ARRAY_LEN(rules));
    REQUIRE(policy != NULL);
    CHECK(!permits(policy, "0.0.0.0:80") && !permits(policy, "[::]:80"));
    CHECK(!permits(policy, "[::ffff:0.0.0.0]:80"));
    CHECK(permits(policy, "10.0.0.1:80") && permits(policy, "[fd00::1]:80"));
    ip_policy_free(policy);
}

TEST(who_may_reach_loopback_may_not_ask_for_it_as_unspecified)
{
    static const struct written rules[] = {{"127.0.0.0/8", 0, true}, {"::1/128", 0, true}};
    struct ip_policy *policy = policy_of(rules, ARRAY_LEN(rules));
    REQUIRE(policy != NULL);
    CHECK(permits(policy, "127.0.0.1:80") && permits(policy, "[::1]:80"));
    CHECK(!permits(policy, "0.0.0.0:80") && !permits(policy, "[::]:80"));
    CHECK(!permits(policy, "[::ffff:0.0.0.0]:80"));
    ip_policy_free(policy);
}

TEST(a_prefix_of_mapped_addresses_is_one_of_ipv4)
{
    static const struct written rules[] = {{"::ffff:10.0.0.0/104", 0, true}};
    struct ip_policy *policy = policy_of(rules, ARRAY_LEN(rules));
    REQUIRE(policy != NULL);
    CHECK(permits(policy, "10.1.2.3:80") && permits(policy, "[::ffff:10.1.2.3]:80"));
    CHECK(!permits(policy, "11.1.2.3:80"));
    ip_policy_free(policy);
}

TEST(a_rule_that_cannot_be_read_denies_what_reaches_it)
{
    static const struct written bad[] = {
        {"", 0, true},
        {"10.0.0.0", 0, true},
        {"10.0.0.0/33", 0, true},
        {"example.com/8", 0, true},
        {"10.0.0.0/8", -1, true},
        {"10.0.0.0/8", 65536, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct written rules[] = {{"127.0.0.0/8", 0, true}, bad[i], {"0.0.0.0/0", 0, true}};
        struct ip_policy *policy = policy_of(rules, ARRAY_LEN(rules));
        REQUIRE(policy != NULL);
        CHECK_CASE(permits(policy, "127.0.0.1:80"), "case %zu", i);
        CHECK_CASE(!permits(policy, "10.0.0.1:80") && !permits(policy, "192.0.2.1:80"), "case %zu",
                   i);
        ip_policy_free(policy);
    }
}
