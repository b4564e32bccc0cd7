#include "culvert/net/resolver.h"

#include "culvert/base/file.h"
#include "culvert/net/jobs.h"
#include "culvert/net/name_servers.h"
#include "harness.h"

struct asked {
    int calls;
    struct error why;
    bool failed;
    size_t count;
    struct ip_address addresses[RESOLVER_ADDRESSES_MAX];
    struct srv_target targets[RESOLVER_TARGETS_MAX];
};

static void note_addresses(void *arg, const struct ip_address *addresses, size_t count,
                           const struct error *why)
{
    struct asked *asked = arg;
    asked->calls++;
    asked->failed = why != NULL;
    asked->count = count;
    if (why)
        asked->why = *why;
    else
        memcpy(asked->addresses, addresses, count * sizeof *addresses);
}

static void note_targets(void *arg, const struct srv_target *targets, size_t count,
                         const struct error *why)
{
    struct asked *asked = arg;
    asked->calls++;
    asked->failed = why != NULL;
    asked->count = count;
    if (why)
        asked->why = *why;
    else
        memcpy(asked->targets, targets, count * sizeof *targets);
}

static void check_address(const struct asked *asked, size_t index, const char *want)
{
    char text[IP_TEXT_SIZE];
    if (index >= asked->count) {
        CHECK_CASE(false, "no address %zu, wanted %s", index, want);
        return;
    }
    ip_format(&asked->addresses[index], text);
    CHECK_TEXT(text, want);
}

TEST(a_number_is_answered_without_a_thread_in_a_later_turn)
{
    static const struct {
        const char *host, *want;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1:80"},
        {"::1", "[::1]:80"},
        {"[2001:db8::2]", "[2001:db8::2]:80"},
    };
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    struct resolver *resolver = resolver_new(loop, jobs);
    REQUIRE(resolver);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct asked asked = {0};
        CHECK(resolver_addresses(resolver, cases[i].host, 80, note_addresses, &asked, NULL));
        CHECK(asked.calls == 0);
        (void)loop_turn(loop, 0);
        CHECK(asked.calls == 1);
        check_address(&asked, 0, cases[i].want);
    }
    resolver_free(resolver);
    jobs_free(jobs);
    loop_free(loop);
}

TEST(a_name_is_asked_on_a_thread)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    struct resolver *resolver = resolver_new(loop, jobs);
    struct asked asked = {0};
    REQUIRE(resolver);
    CHECK(resolver_addresses(resolver, "localhost", 443, note_addresses, &asked, NULL));
    while (asked.calls == 0)
        (void)loop_turn(loop, 1000);
    CHECK_CASE(!asked.failed, "%s", asked.why.text);
    REQUIRE(asked.count >= 1);
    CHECK(ip_is_loopback(&asked.addresses[0]));
    CHECK(ip_port(&asked.addresses[0]) == 443);
    resolver_free(resolver);
    jobs_free(jobs);
    loop_free(loop);
}

TEST(addresses_in_spellings_of_old_are_neither_names_nor_numbers)
{
    static const char *const spellings[] = {"127.1", "2130706433", "0x7f000001", "0177.0.0.1"};
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    struct resolver *resolver = resolver_new(loop, jobs);
    REQUIRE(resolver);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct asked asked = {0};
        CHECK(resolver_addresses(resolver, spellings[i], 80, note_addresses, &asked, NULL));
        while (asked.calls == 0)
            (void)loop_turn(loop, 1000);
        CHECK_CASE(asked.failed && asked.count == 0, "%s", spellings[i]);
    }
    resolver_free(resolver);
    jobs_free(jobs);
    loop_free(loop);
}

TEST(the_systems_servers_are_those_of_its_configuration)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    struct resolver *resolver = resolver_new(loop, jobs);
    struct asked asked = {0};
    struct buf text = BUF_LIMIT(64 * 1024);
    struct ip_address servers[NAME_SERVERS_MAX];
    REQUIRE(resolver);
    CHECK(file_read("/etc/resolv.conf", &text, NULL) || text.len == 0);
    size_t count = name_servers_parse(buf_span(&text), servers);
    CHECK(resolver_addresses(resolver, RESOLVER_NAME_SERVERS, 53, note_addresses, &asked, NULL));
    while (asked.calls == 0)
        (void)loop_turn(loop, 1000);
    CHECK_CASE(!asked.failed, "%s", asked.why.text);
    CHECK_SIZE(asked.count, count);
    for (size_t i = 0; i < count; i++)
        CHECK(ip_equal(&asked.addresses[i], &servers[i]));
    buf_release(&text);
    resolver_free(resolver);
    jobs_free(jobs);
    loop_free(loop);
}

/* A label of more than 63 bytes is in no name: the system says so without asking anybody. */
TEST(a_name_that_does_not_exist_is_one_failure_with_its_reason)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    struct resolver *resolver = resolver_new(loop, jobs);
    struct asked asked = {0};
    char name[71];
    REQUIRE(resolver);
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK(resolver_addresses(resolver, name, 443, note_addresses, &asked, NULL));
    while (asked.calls == 0)
        (void)loop_turn(loop, 1000);
    CHECK(asked.failed);
    CHECK(asked.why.kind == ERROR_NETWORK);
    CHECK(span_starts(span_of(asked.why.text), SPAN("lookup aaaa")));
    resolver_free(resolver);
    jobs_free(jobs);
    loop_free(loop);
}

TEST(nothing_is_called_after_cancelling)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    struct resolver *resolver = resolver_new(loop, jobs);
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    struct asked asked = {0};
    REQUIRE(resolver);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        lookup_cancel(resolver_addresses(resolver, hosts[i], 1, note_addresses, &asked, NULL));
    lookup_cancel(NULL);
    CHECK(resolver_addresses(resolver, "localhost", 1, note_addresses, &asked, NULL));
    while (asked.calls == 0)
        (void)loop_turn(loop, 1000);
    CHECK(asked.calls == 1);
    resolver_free(resolver);
    jobs_free(jobs);
    loop_free(loop);
}

TEST(what_cannot_be_a_name_is_refused_at_once)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct resolver *resolver = resolver_new_table(loop, NULL, 0);
    struct asked asked = {0};
    struct error err = {0};
    char long_name[400];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    CHECK(!resolver_addresses(resolver, "", 1, note_addresses, &asked, &err));
    CHECK(err.kind == ERROR_INVALID);
    CHECK(!resolver_srv(resolver, long_name, note_targets, &asked, &err));
    CHECK(err.kind == ERROR_INVALID);
    resolver_free(resolver);
    loop_free(loop);
}

TEST(a_table_answers_in_place_of_the_system)
{
    static const struct resolver_entry entries[] = {
        {"a.example", "192.0.2.1"},
        {"b.example", "192.0.2.2"},
        {"a.example", "2001:db8::1"},
        {"_edge._tcp.example", "region1.example:7844"},
        {"_edge._tcp.example", "region2.example:7845"},
    };
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct resolver *resolver = resolver_new_table(loop, entries, ARRAY_LEN(entries));
    struct asked hosts = {0}, targets = {0}, nobody = {0};
    REQUIRE(resolver);
    CHECK(resolver_addresses(resolver, "A.example", 443, note_addresses, &hosts, NULL));
    CHECK(resolver_srv(resolver, "_edge._tcp.example", note_targets, &targets, NULL));
    CHECK(resolver_addresses(resolver, "c.example", 443, note_addresses, &nobody, NULL));
    (void)loop_turn(loop, 0);
    CHECK_SIZE(hosts.count, 2);
    check_address(&hosts, 0, "192.0.2.1:443");
    check_address(&hosts, 1, "[2001:db8::1]:443");
    CHECK_SIZE(targets.count, 2);
    CHECK_TEXT(targets.targets[0].name, "region1.example");
    CHECK(targets.targets[1].port == 7845);
    CHECK(nobody.failed && nobody.calls == 1);
    CHECK_TEXT(nobody.why.text, "lookup c.example: Name or service not known");
    resolver_free(resolver);
    loop_free(loop);
}
