#include "culvert/rpc/registration_client.h"

#include "harness.h"
#include "support/rpc_vector.h"
#include "support/rpc_wire.h"

/* An owner that notes what it is told. */
struct owner {
    struct registration_client *client;
    struct rpc_wire sent;
    struct rpc_wire edge; /* what the edge says */
    struct buf journal;
    struct rpc_vector params; /* of the recorded session */
    struct rpc_vector configuration;
    bool plays_session; /* calls on as the recorded session did */
};

static void note(struct owner *owner, const char *what, struct span text)
{
    CHECK(buf_printf(&owner->journal, "%s%s%.*s;", what, text.len > 0 ? " " : "", SPAN_ARG(text)));
}

static void send(void *arg, struct span bytes)
{
    struct owner *owner = arg;
    rpc_wire_put(&owner->sent, bytes);
}

static void on_registered(void *arg, const struct connection_details *details)
{
    struct owner *owner = arg;
    note(owner, details->is_remotely_managed ? "managed" : "registered", details->location);
    if (owner->plays_session)
        CHECK(registration_client_update_local_configuration(owner->client,
                                                             owner->configuration.json, NULL));
}

static void on_refused(void *arg, const struct registration_refusal *refusal)
{
    struct owner *owner = arg;
    note(owner, refusal->should_retry ? "retry" : "never", refusal->cause);
    if (refusal->retry_after_ns != 0)
        CHECK(buf_printf(&owner->journal, "after %lld;", (long long)refusal->retry_after_ns));
}

static void on_local_configuration_done(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    note(owner, "configured", err ? span_of(err->text) : SPAN_NONE);
    if (owner->plays_session)
        CHECK(registration_client_unregister(owner->client, NULL));
}

static void on_unregistered(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    note(owner, "unregistered", err ? span_of(err->text) : SPAN_NONE);
    if (owner->plays_session)
        registration_client_shutdown(owner->client);
}

static void on_failed(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    note(owner, error_kind_name(err->kind), span_of(err->text));
}

static const struct registration_client_events events = {
    .send = send,
    .on_registered = on_registered,
    .on_refused = on_refused,
    .on_local_configuration_done = on_local_configuration_done,
    .on_unregistered = on_unregistered,
    .on_failed = on_failed,
};

static void owner_init(struct owner *owner)
{
    *owner = (struct owner){.journal = BUF_LIMIT(4096)};
    rpc_wire_init(&owner->sent);
    rpc_wire_init(&owner->edge);
    CHECK(rpc_vector_load(&owner->params, "03-register.connector"));
    CHECK(rpc_vector_load(&owner->configuration, "07-update-local-configuration.connector"));
    owner->client = registration_client_new(&events, owner);
    CHECK(owner->client != NULL);
}

static void owner_release(struct owner *owner)
{
    registration_client_free(owner->client);
    rpc_vector_release(&owner->params);
    rpc_vector_release(&owner->configuration);
    rpc_wire_release(&owner->sent);
    rpc_wire_release(&owner->edge);
    buf_release(&owner->journal);
}

static void hear(struct owner *owner)
{
    registration_client_feed(owner->client, rpc_wire_take(&owner->edge));
}

static void hear_vector(struct owner *owner, const char *name)
{
    rpc_wire_put_vector(&owner->edge, name);
    hear(owner);
}

static void hear_message(struct owner *owner, const struct rpc_message *message)
{
    rpc_wire_put_message(&owner->edge, message);
    hear(owner);
}

static bool do_register(struct owner *owner)
{
    return registration_client_register(owner->client, &owner->params.params, NULL);
}

/* Registers and takes what was sent for it. */
static void start(struct owner *owner)
{
    owner_init(owner);
    CHECK(do_register(owner));
    CHECK(rpc_wire_next(&owner->sent).kind == RPC_BOOTSTRAP);
    CHECK(rpc_wire_next(&owner->sent).kind == RPC_CALL);
    CHECK(rpc_wire_is_empty(&owner->sent));
}

/* As start, and the edge has taken it. */
static void start_registered(struct owner *owner)
{
    start(owner);
    hear_vector(owner, "02-bootstrap-return.edge");
    hear_vector(owner, "04-register-return-ok.edge");
    CHECK(rpc_wire_next(&owner->sent).kind == RPC_FINISH);
    CHECK(rpc_wire_next(&owner->sent).kind == RPC_FINISH);
    CHECK(rpc_wire_is_empty(&owner->sent));
    CHECK_TEXT(buf_text(&owner->journal), "registered lab01;");
    buf_clear(&owner->journal);
}

TEST(the_recorded_session_is_repeated_byte_by_byte)
{
    struct buf want = BUF_LIMIT(4096);
    REQUIRE(rpc_vector_bytes("session.connector", &want));
    for (size_t size = 1; size < 100; size += 7) {
        struct owner owner;
        owner_init(&owner);
        owner.plays_session = true;
        CHECK(do_register(&owner));
        rpc_wire_put_vector(&owner.edge, "session.edge");
        struct span rest = rpc_wire_take(&owner.edge);
        for (; rest.len > 0; rest = span_skip(rest, size))
            registration_client_feed(owner.client, span_first(rest, size));
        CHECK_CASE(span_equal(buf_span(&owner.sent.bytes), buf_span(&want)), "pieces of %zu", size);
        CHECK_TEXT(buf_text(&owner.journal), "registered lab01;configured;unregistered;");
        owner_release(&owner);
    }
    buf_release(&want);
}

TEST(every_answer_but_yes_is_a_refusal_with_a_cause)
{
    static const struct {
        const char *vector;
        const char *journal;
        bool release_results; /* of the Finish */
    } cases[] = {
        {"20-register-return-dup.edge", "never EDUPCONN;", false},
        {"21-register-return-unauthorized.edge", "never Unauthorized: Invalid tunnel secret;",
         false},
        {"22-register-return-retry.edge", "retry try again;after 3000000000;", false},
        {"23-register-return-permanent.edge", "never tunnel was deleted;", false},
        {"24-register-return-exception.edge", "retry exception from the edge: rpc exception;",
         true},
        {"25-register-return-canceled.edge", "retry the edge canceled the call;", true},
        {"26-register-return-odd.edge", "retry the edge answered in a way unknown to us (7);",
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct owner owner;
        start(&owner);
        hear_vector(&owner, "02-bootstrap-return.edge");
        CHECK(rpc_wire_next(&owner.sent).kind == RPC_FINISH);
        hear_vector(&owner, cases[i].vector);
        CHECK_TEXT(buf_text(&owner.journal), cases[i].journal);
        struct rpc_message finish = rpc_wire_next(&owner.sent);
        CHECK_CASE(finish.kind == RPC_FINISH && finish.finish.question == 1 &&
                       finish.finish.release_results == cases[i].release_results,
                   "%s: Finish", cases[i].vector);
        registration_client_shutdown(owner.client);
        CHECK_CASE(rpc_wire_next(&owner.sent).kind == RPC_ABORT, "%s: Abort", cases[i].vector);
        CHECK(rpc_wire_is_empty(&owner.sent));
        owner_release(&owner);
    }
}

TEST(returns_of_unknown_kinds_are_refusals_that_may_be_tried_again)
{
    struct owner owner;
    start(&owner);
    hear_message(&owner,
                 &(struct rpc_message){.kind = RPC_RETURN, .ret = {.answer = 1, .outcome = 5}});
    CHECK_TEXT(buf_text(&owner.journal), "retry the edge returned in a way unknown to us (5);");
    owner_release(&owner);
}

TEST(a_wait_of_less_than_nothing_is_none)
{
    struct owner owner;
    struct registration_result result = {
        .refusal = {.cause = SPAN("later"), .should_retry = true, .retry_after_ns = INT64_MIN}};
    start(&owner);
    hear_message(&owner,
                 &(struct rpc_message){
                     .kind = RPC_RETURN,
                     .ret = {.answer = 1,
                             .results = {.write = registration_result_write, .value = &result}}});
    CHECK_TEXT(buf_text(&owner.journal), "retry later;");
    owner_release(&owner);
}

TEST(an_edge_without_the_interface_is_a_refusal)
{
    static const struct {
        const char *what;
        struct rpc_return ret;
        const char *journal;
    } cases[] = {
        {"an exception",
         {.outcome = RPC_EXCEPTION, .exception = {.reason = SPAN_INIT("no bootstrap")}},
         "retry exception from the edge: no bootstrap;"},
        {"no capability",
         {.results = {.write = registration_nothing_write}},
         "retry the edge offers no registration interface;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct owner owner;
        start(&owner);
        hear_message(&owner, &(struct rpc_message){.kind = RPC_RETURN, .ret = cases[i].ret});
        /* The answer to the call, which cannot be good, is not told again. */
        hear_vector(&owner, "24-register-return-exception.edge");
        CHECK_CASE(span_equal(buf_span(&owner.journal), span_of(cases[i].journal)), "%s: %s",
                   cases[i].what, buf_text(&owner.journal));
        owner_release(&owner);
    }
}

TEST(an_abort_of_the_edge_fails_the_stream_and_is_not_answered)
{
    struct owner owner;
    start(&owner);
    hear_vector(&owner, "27-abort.edge");
    CHECK_TEXT(buf_text(&owner.journal), "network control stream: the edge aborted: edge aborts;");
    hear_vector(&owner, "04-register-return-ok.edge");
    registration_client_shutdown(owner.client);
    CHECK_TEXT(buf_text(&owner.journal), "network control stream: the edge aborted: edge aborts;");
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(broken_bytes_fail_the_stream_once_and_are_answered_with_an_abort)
{
    static const struct {
        const char *what;
        struct span bytes;
    } cases[] = {
        {"the empty message", SPAN_INIT("\0\0\0\0\0\0\0\0")},
        {"a null root", SPAN_INIT("\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0")},
        {"the size of text", SPAN_INIT("HTTP/1.1 400 Bad Request\r\n")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct owner owner;
        start_registered(&owner);
        registration_client_feed(owner.client, cases[i].bytes);
        registration_client_feed(owner.client, cases[i].bytes);
        CHECK_CASE(span_starts(buf_span(&owner.journal), SPAN("protocol control stream: ")),
                   "%s: %s", cases[i].what, buf_text(&owner.journal));
        CHECK_CASE(span_find(buf_span(&owner.journal), ';') == owner.journal.len - 1,
                   "%s: told twice", cases[i].what);
        CHECK_CASE(rpc_wire_next(&owner.sent).kind == RPC_ABORT, "%s: no Abort", cases[i].what);
        CHECK(rpc_wire_is_empty(&owner.sent));
        CHECK(!registration_client_unregister(owner.client, NULL));
        owner_release(&owner);
    }
}

TEST(a_late_bootstrap_leaves_later_calls_to_its_promised_answer)
{
    struct owner owner;
    start(&owner);
    hear_vector(&owner, "04-register-return-ok.edge");
    CHECK_TEXT(buf_text(&owner.journal), "registered lab01;");
    CHECK(rpc_wire_next(&owner.sent).finish.question == 1);
    CHECK(registration_client_update_local_configuration(owner.client, SPAN("{}"), NULL));
    struct rpc_message call = rpc_wire_next(&owner.sent);
    CHECK(call.kind == RPC_CALL && call.call.target.kind == RPC_TARGET_ANSWER);
    CHECK_SIZE(call.call.target.id, 0);
    CHECK_SIZE(call.call.question, 1);

    hear_vector(&owner, "02-bootstrap-return.edge");
    CHECK(rpc_wire_next(&owner.sent).finish.question == 0);
    CHECK(registration_client_unregister(owner.client, NULL));
    call = rpc_wire_next(&owner.sent);
    CHECK(call.kind == RPC_CALL && call.call.target.kind == RPC_TARGET_CAPABILITY);
    CHECK_SIZE(call.call.question, 0); /* 1 is taken, 0 was freed */
    owner_release(&owner);
}

TEST(a_failed_local_configuration_or_unregistration_is_told_in_words)
{
    struct owner owner;
    start_registered(&owner);
    CHECK(registration_client_update_local_configuration(owner.client, SPAN("{}"), NULL));
    hear_vector(&owner, "24-register-return-exception.edge");
    CHECK(registration_client_unregister(owner.client, NULL));
    hear_vector(&owner, "25-register-return-canceled.edge");
    CHECK_TEXT(buf_text(&owner.journal), "configured exception from the edge: rpc exception;"
                                         "unregistered the edge canceled the call;");
    owner_release(&owner);
}

TEST(calls_out_of_their_time_send_nothing)
{
    struct owner owner;
    struct error err = {0};
    owner_init(&owner);
    CHECK(!registration_client_unregister(owner.client, &err) && err.kind == ERROR_INVALID);
    CHECK(!registration_client_update_local_configuration(owner.client, SPAN("{}"), NULL));
    registration_client_shutdown(owner.client);
    CHECK(!do_register(&owner));
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);

    start_registered(&owner);
    CHECK(!do_register(&owner));
    CHECK(registration_client_update_local_configuration(owner.client, SPAN("{}"), NULL));
    CHECK(!registration_client_update_local_configuration(owner.client, SPAN("{}"), NULL));
    CHECK(registration_client_unregister(owner.client, NULL));
    CHECK(!registration_client_unregister(owner.client, NULL));
    CHECK(rpc_wire_next(&owner.sent).kind == RPC_CALL);
    CHECK(rpc_wire_next(&owner.sent).kind == RPC_CALL);
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(a_local_configuration_over_the_limit_fails_and_the_next_one_works)
{
    struct owner owner;
    struct buf big = BUF_LIMIT(FRAME_MESSAGE_MAX);
    char *room = buf_room(&big, FRAME_MESSAGE_MAX);
    struct error err = {0};
    start_registered(&owner);
    REQUIRE(room);
    memset(room, ' ', FRAME_MESSAGE_MAX);
    buf_added(&big, FRAME_MESSAGE_MAX);
    CHECK(!registration_client_update_local_configuration(owner.client, buf_span(&big), &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK(registration_client_update_local_configuration(owner.client, SPAN("{}"), NULL));
    CHECK_SIZE(rpc_wire_next(&owner.sent).call.question, 1);
    owner_release(&owner);
    buf_release(&big);
}

TEST(a_shutdown_gives_up_open_questions_and_silences_the_client)
{
    struct owner owner;
    start(&owner);
    registration_client_shutdown(owner.client);
    registration_client_shutdown(owner.client);
    for (uint32_t question = 0; question < 2; question++) {
        struct rpc_message finish = rpc_wire_next(&owner.sent);
        CHECK(finish.kind == RPC_FINISH && finish.finish.question == question);
        CHECK(finish.finish.release_results);
    }
    CHECK_SPAN(rpc_wire_next(&owner.sent).abort.reason, SPAN("rpc: shutdown"));
    CHECK(rpc_wire_is_empty(&owner.sent));
    hear_vector(&owner, "session.edge");
    CHECK_TEXT(buf_text(&owner.journal), "");
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(what_an_edge_has_no_reason_to_say_is_answered_or_ignored)
{
    static const struct rpc_message ignored[] = {
        {.kind = RPC_RETURN, .ret = {.answer = 7}},
        {.kind = RPC_FINISH, .finish = {.question = 7}},
        {.kind = RPC_RELEASE, .release = {.id = 7, .count = 9}},
        {.kind = RPC_UNIMPLEMENTED, .unimplemented = {.tag = RPC_FINISH}},
    };
    struct owner owner;
    start_registered(&owner);
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        hear_message(&owner, &ignored[i]);
        CHECK_CASE(rpc_wire_is_empty(&owner.sent), "case %zu", i);
    }
    hear_message(&owner, &(struct rpc_message){.kind = RPC_BOOTSTRAP, .bootstrap = {3}});
    struct rpc_message answer = rpc_wire_next(&owner.sent);
    CHECK(answer.kind == RPC_RETURN && answer.ret.outcome == RPC_EXCEPTION);
    CHECK_SIZE(answer.ret.answer, 3);
    CHECK_SPAN(answer.ret.exception.reason, SPAN("rpc: no bootstrap interface"));
    hear_message(&owner, &(struct rpc_message){.kind = RPC_CALL, .call = {.question = 4}});
    answer = rpc_wire_next(&owner.sent);
    CHECK(answer.kind == RPC_RETURN && answer.ret.outcome == RPC_EXCEPTION);
    CHECK_SIZE(answer.ret.answer, 4);
    CHECK_TEXT(buf_text(&owner.journal), "");
    owner_release(&owner);
}

TEST(an_unknown_kind_is_answered_as_unimplemented)
{
    struct owner owner;
    start_registered(&owner);
    rpc_wire_put(&owner.edge, SPAN("\0\0\0\0\2\0\0\0"
                                   "\0\0\0\0\1\0\0\0"
                                   "\5\0\0\0\0\0\0\0"));
    hear(&owner);
    struct rpc_message answer = rpc_wire_next(&owner.sent);
    CHECK(answer.kind == RPC_UNIMPLEMENTED);
    CHECK_SIZE(answer.unimplemented.tag, 5);
    CHECK_TEXT(buf_text(&owner.journal), "");
    owner_release(&owner);
}

TEST(a_call_that_the_edge_does_not_implement_is_a_refusal)
{
    struct owner owner;
    start(&owner);
    hear_message(&owner,
                 &(struct rpc_message){.kind = RPC_UNIMPLEMENTED, .unimplemented = {RPC_CALL, 1}});
    CHECK_TEXT(buf_text(&owner.journal),
               "retry exception from the edge: it does not know this message;");
    owner_release(&owner);
}
