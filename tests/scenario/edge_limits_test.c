/* An address whose connectors cannot show that a tunnel is theirs is shut out for a minute. */
#include "culvert/edge/limits.h"
#include "support/fake_connector.h"

#include "harness.h"

#define EDGE_METRICS "127.0.0.1:2001"
#define SHUT_OUT     "culvert_edge_shut_out_connections_total"

static void count_notes(void *arg, enum log_level level, int64_t unix_ms,
                        const struct log_line *line)
{
    size_t *notes = arg;
    (void)unix_ms;
    if (level == LEVEL_WARN && strstr(line->message, "shut out"))
        (*notes)++;
}

/* A registration as `options` say; what it was told. */
static bool is_taken(struct both_ends *ends, const struct fake_connector_options *options,
                     bool *refused)
{
    struct fake_connector fake;
    fake_connector_dial(&fake, ends, options);
    bool taken = fake_connector_is_taken(&fake);
    *refused = fake.refused;
    fake_connector_close(&fake);
    return taken;
}

TEST(an_address_with_too_many_wrong_secrets_is_shut_out_until_its_minute_is_over)
{
    struct both_ends ends;
    size_t notes = 0;
    bool refused = false;
    both_ends_open(&ends);
    ends.log.sinks[ends.log.sink_count++] = (struct log_sink){count_notes, &notes};
    const struct fake_connector_options good = fake_connector_of(&ends, 0);
    struct fake_connector_options bad = good;
    bad.secret = SPAN("guess");
    uint64_t began_ms = loop_now_ms(ends.loop);
    for (size_t i = 0; i < LIMITS_FAILURES_MAX; i++) {
        CHECK_SIZE(notes, 0);
        CHECK(!is_taken(&ends, &bad, &refused) && refused);
    }
    uint64_t used_ms = loop_now_ms(ends.loop) - began_ms;
    REQUIRE(used_ms < LIMITS_WINDOW_MS / 2);
    for (size_t i = 0; i < 3; i++)
        CHECK(!is_taken(&ends, &good, &refused) && !refused);
    CHECK_SIZE(notes, 1);
    CHECK_SIZE(both_ends_metric(&ends, EDGE_METRICS, SHUT_OUT), 3);
    both_ends_pass(&ends, LIMITS_WINDOW_MS);
    CHECK(is_taken(&ends, &good, &refused));
    CHECK_SIZE(both_ends_metric(&ends, EDGE_METRICS, SHUT_OUT), 3);
    both_ends_close(&ends);
}

TEST(a_duplicate_is_no_failure_of_its_address)
{
    struct both_ends ends;
    struct fake_connector older;
    bool refused = false;
    both_ends_open(&ends);
    const struct fake_connector_options options = fake_connector_of(&ends, 0);
    fake_connector_dial(&older, &ends, &options);
    CHECK(fake_connector_is_taken(&older));
    for (size_t i = 0; i <= LIMITS_FAILURES_MAX; i++)
        CHECK(!is_taken(&ends, &options, &refused) && refused);
    fake_connector_close(&older);
    both_ends_close(&ends);
}

TEST(the_door_of_connectors_leaves_the_rest_of_the_descriptors_to_others)
{
    static const struct edge_visitor_limits one = {.connectors = {.connections = 1}};
    struct both_ends ends;
    struct fake_connector first, second;
    both_ends_open_limited(&ends, &one);
    const struct fake_connector_options options = fake_connector_of(&ends, 0);
    const struct fake_connector_options another = fake_connector_of(&ends, 1);
    fake_connector_dial(&first, &ends, &options);
    CHECK(fake_connector_is_taken(&first));
    fake_connector_dial(&second, &ends, &another);
    both_ends_pass(&ends, 1000);
    CHECK(!second.registered && !second.refused && !second.over); /* it waits */
    fake_connector_close(&first);
    CHECK(fake_connector_is_taken(&second));
    fake_connector_close(&second);
    both_ends_close(&ends);
}

TEST(a_connection_of_a_connector_counts_until_its_descriptor_is_closed)
{
    static const struct edge_visitor_limits one = {.connectors = {.connections = 1}};
    struct both_ends ends;
    struct visitor_wire silent;
    struct fake_connector next;
    both_ends_open_limited(&ends, &one);
    const struct fake_connector_options options = fake_connector_of(&ends, 0);
    visitor_open_at(&silent, &ends, "127.0.0.1:7844");
    CHECK(visitor_sees_end(&silent)); /* and does not end its side */
    fake_connector_dial(&next, &ends, &options);
    both_ends_pass(&ends, CONN_LINGER_MS / 2);
    CHECK(!next.registered);
    CHECK(fake_connector_is_taken(&next));
    fake_connector_close(&next);
    visitor_close(&silent);
    both_ends_close(&ends);
}
