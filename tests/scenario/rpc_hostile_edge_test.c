/* What an edge may say or leave unsaid: the connector goes on, or gives the connection up and comes
 * back, and serves its visitors then. */
#include "culvert/connector/ha_connection.h"
#include "culvert/tunnel/stream_kind.h"
#include "support/lone_connector.h"

#include "harness.h"

enum { LONG_MS = 60 * 1000 };

static const struct fake_script hello = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")}}};

/* One HA connection; the edge answers the first one so, and all others well. */
static void open_lone(struct lone_connector *lone, struct fake_edge_answer answers[2])
{
    answers[1] = (struct fake_edge_answer){.kind = FAKE_EDGE_ACCEPT};
    lone_connector_open(lone);
    lone->options.connections = 1;
    fake_edge_follow(&lone->edge, answers, 2);
    fake_origin_follow(&lone->origin, &hello, 1);
}

/* It is registered once, serves, and stops in good order. */
static void check_serves(struct lone_connector *lone, const char *name)
{
    struct ask ask;
    size_t last = lone->edge.count - 1;
    CHECK_CASE(!lone->over, "%s: the connector ended", name);
    CHECK_CASE(fake_edge_registered(&lone->edge) == 1, "%s: %zu registered of %zu", name,
               fake_edge_registered(&lone->edge), lone->edge.count);
    if (fake_edge_registered(&lone->edge) != 1)
        return;
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &lone->edge.connections[last].opener));
    lone_connector_pass(lone, 100);
    CHECK_CASE(ask.status == 200 && span_equal(buf_span(&ask.text), SPAN("hello")), "%s: %d", name,
               ask.status);
    ask_close(&ask);
    lone_connector_pass(lone, 0);
    ask_release(&ask);
}

static void play(const struct rpc_fault *fault, bool first)
{
    struct lone_connector lone;
    struct fake_edge_answer answers[2] = {
        {.kind = FAKE_EDGE_ACCEPT, .fault = fault, .fault_first = first}};
    open_lone(&lone, answers);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, LONG_MS);
    check_serves(&lone, fault->name);
    CHECK_CASE(lone.edge.count == (fault->ends_connector ? 2 : 1), "%s, first %d: %zu connections",
               fault->name, first, lone.edge.count);
    lone_connector_close(&lone);
}

TEST(whatever_an_edge_says_before_the_registration_harms_that_connection_only)
{
    for (const struct rpc_fault *fault = rpc_faults; fault->name; fault++)
        play(fault, true);
}

TEST(whatever_an_edge_says_behind_the_registration_harms_that_connection_only)
{
    for (const struct rpc_fault *fault = rpc_faults; fault->name; fault++)
        play(fault, false);
}

TEST(an_edge_that_asks_without_end_and_reads_no_answer_is_left)
{
    static const struct rpc_fault asks = {"questions", .times = 1};
    struct rpc_fault endless = asks;
    struct lone_connector lone;
    for (const struct rpc_fault *fault = rpc_faults; fault->name; fault++)
        if (strcmp(fault->name, "a question for our interface") == 0)
            endless = *fault;
    endless.times = 100 * 1000;
    struct fake_edge_answer answers[2] = {
        {.kind = FAKE_EDGE_ACCEPT, .fault = &endless, .fault_first = true, .deaf = true}};
    open_lone(&lone, answers);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, LONG_MS);
    check_serves(&lone, endless.name);
    CHECK_SIZE(lone.edge.count, 2);
    lone_connector_close(&lone);
}

TEST(a_message_that_never_becomes_whole_is_waited_for_as_long_as_an_answer)
{
    static const struct rpc_fault half = {
        "half a message",
        .bytes = SPAN_INIT("\0\0\0\0\x10\0\0\0\0\0\0\0\1\0\1\0"),
        .times = 1,
    };
    struct lone_connector lone;
    struct fake_edge_answer answers[2] = {
        {.kind = FAKE_EDGE_IGNORE, .fault = &half, .fault_first = true}};
    open_lone(&lone, answers);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, LONG_MS);
    check_serves(&lone, half.name);
    CHECK(lone_connector_came(&lone, 1) <= lone.options.rpc_timeout_ms + 1001);
    lone_connector_close(&lone);
}

TEST(a_refusal_with_a_huge_text_is_a_refusal)
{
    static char text[500 * 1000];
    struct lone_connector lone;
    memset(text, 'x', sizeof text - 1);
    struct fake_edge_answer answers[2] = {
        {.kind = FAKE_EDGE_REFUSE, .cause = text, .should_retry = true}};
    open_lone(&lone, answers);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, LONG_MS);
    check_serves(&lone, "a huge refusal");
    CHECK_SIZE(lone.edge.count, 2);
    lone_connector_close(&lone);
}

TEST(an_edge_that_is_silent_or_no_edge_at_all_is_left_in_time)
{
    static const struct {
        const char *name;
        const char *text;
        bool over_tls;
        uint64_t to_ms; /* when the next connection comes at the latest */
    } cases[] = {
        {"silent", NULL, false, 16 * 1000},
        {"silent over TLS", NULL, true, HA_TLS_MS + 1001},
        {"a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", false, 16 * 1000},
        {"half a frame", "\1\1\1", false, 16 * 1000},
        {"no TLS at all", "HTTP/1.1 400 Bad Request\r\n\r\n", true, 1001},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lone_connector lone;
        struct fake_edge_answer answers[2] = {{.kind = FAKE_EDGE_HOLD, .text = cases[i].text}};
        struct tls_context *tls =
            tls_client_new(&(struct tls_client_options){.no_verify = true}, NULL);
        open_lone(&lone, answers);
        REQUIRE(tls != NULL);
        lone.tls = cases[i].over_tls ? tls : NULL;
        if (cases[i].over_tls)
            answers[1] = answers[0]; /* nobody here speaks it */
        lone_connector_start(&lone);
        lone_connector_pass(&lone, LONG_MS);
        REQUIRE(lone.edge.count >= 2);
        CHECK_CASE(lone_connector_came(&lone, 1) <= cases[i].to_ms, "%s: after %llu ms",
                   cases[i].name, (unsigned long long)lone_connector_came(&lone, 1));
        if (!cases[i].over_tls)
            check_serves(&lone, cases[i].name);
        CHECK(!lone.over);
        lone_connector_close(&lone);
        tls_context_unref(tls);
    }
}

TEST(an_edge_that_cannot_be_reached_is_dialed_again)
{
    struct lone_connector lone;
    struct fake_edge_answer answers[2] = {{.kind = FAKE_EDGE_ACCEPT}};
    open_lone(&lone, answers);
    memory_sockets_silence(&lone.memory, "127.0.0.1:7844");
    lone_connector_start(&lone);
    lone_connector_pass(&lone, HA_CONNECT_MS - 1);
    fake_edge_serve(&lone.edge, "127.0.0.1:7844");
    CHECK_SIZE(lone.edge.count, 0);
    lone_connector_pass(&lone, 2000);
    check_serves(&lone, "reached at last");
    lone_connector_close(&lone);
}

TEST(a_second_control_stream_is_reset_and_the_first_one_stays)
{
    struct ask ask;
    struct lone_connector lone;
    struct fake_edge_answer answers[2] = {{.kind = FAKE_EDGE_ACCEPT}};
    open_lone(&lone, answers);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    ask_init(&ask, "GET", "/");
    CHECK(stream_kind_mark(&ask.head, STREAM_CONTROL, SPAN_NONE, NULL));
    CHECK(ask_send(&ask, &lone.edge.connections[0].opener));
    lone_connector_pass(&lone, 1000);
    CHECK(ask.failed && ask.status == 0);
    ask_close(&ask);
    lone_connector_pass(&lone, 0);
    ask_release(&ask);
    check_serves(&lone, "a second control stream");
    CHECK_SIZE(lone.edge.count, 1);
    lone_connector_close(&lone);
}

static void reset_control(struct fake_edge *edge, size_t connection)
{
    struct fake_edge_connection *far = &edge->connections[connection];
    channel_set_taker(far->in->bytes, NULL, NULL);
    far->in = NULL;
    outbound_close(far->control);
    far->control = NULL;
}

TEST(however_a_registered_control_stream_ends_its_connection_is_replaced_within_two_seconds)
{
    static void (*const ends[])(struct fake_edge * edge, size_t connection) = {
        fake_edge_end_control, reset_control, fake_edge_drop, fake_edge_goaway};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct lone_connector lone;
        struct fake_edge_answer answers[2] = {{.kind = FAKE_EDGE_ACCEPT}};
        open_lone(&lone, answers);
        lone_connector_start(&lone);
        lone_connector_pass(&lone, 1000);
        ends[i](&lone.edge, 0);
        lone_connector_pass(&lone, 2000);
        CHECK_CASE(lone.edge.count == 2, "end %zu: %zu connections", i, lone.edge.count);
        check_serves(&lone, "an end of the control stream");
        lone_connector_close(&lone);
    }
}
