#include "culvert/rpc/registration_server.h"

#include "harness.h"
#include "support/rpc_vector.h"
#include "support/rpc_wire.h"

/* An owner that notes what it is told. */
struct owner {
    struct registration_server *server;
    struct rpc_wire sent;
    struct rpc_wire connector; /* what the connector says */
    struct buf journal;
    bool plays_session; /* answers at once as in the recorded session */
};

static const struct connection_details lab01 = {
    .uuid = {{0xed, 0x9e, 0x10, 0xad, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}},
    .location = SPAN_INIT("lab01"),
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

static void on_register(void *arg, const struct registration_params *params)
{
    struct owner *owner = arg;
    note(owner, "register", params->account_tag);
    if (owner->plays_session)
        CHECK(registration_server_accept(owner->server, &lab01, NULL));
}

static void on_local_configuration(void *arg, struct span json)
{
    note(arg, "configure", json);
}

static void on_unregister(void *arg)
{
    struct owner *owner = arg;
    note(owner, "unregister", SPAN_NONE);
    if (owner->plays_session)
        CHECK(registration_server_unregistered(owner->server, NULL));
}

static void on_closed(void *arg, struct span reason)
{
    note(arg, "closed", reason);
}

static void on_failed(void *arg, const struct error *err)
{
    note(arg, error_kind_name(err->kind), span_of(err->text));
}

static const struct registration_server_events events = {
    .send = send,
    .on_register = on_register,
    .on_local_configuration = on_local_configuration,
    .on_unregister = on_unregister,
    .on_closed = on_closed,
    .on_failed = on_failed,
};

static void owner_init(struct owner *owner)
{
    *owner = (struct owner){.journal = BUF_LIMIT(4096)};
    rpc_wire_init(&owner->sent);
    rpc_wire_init(&owner->connector);
    owner->server = registration_server_new(&events, owner);
    CHECK(owner->server != NULL);
}

static void owner_release(struct owner *owner)
{
    registration_server_free(owner->server);
    rpc_wire_release(&owner->sent);
    rpc_wire_release(&owner->connector);
    buf_release(&owner->journal);
}

static void hear(struct owner *owner)
{
    registration_server_feed(owner->server, rpc_wire_take(&owner->connector));
}

static void hear_vector(struct owner *owner, const char *name)
{
    rpc_wire_put_vector(&owner->connector, name);
    hear(owner);
}

static void hear_message(struct owner *owner, const struct rpc_message *message)
{
    rpc_wire_put_message(&owner->connector, message);
    hear(owner);
}

static void hear_bootstrap(struct owner *owner, uint32_t question)
{
    hear_message(owner, &(struct rpc_message){.kind = RPC_BOOTSTRAP, .bootstrap = {question}});
}

static void hear_finish(struct owner *owner, uint32_t question, bool release_results)
{
    hear_message(owner,
                 &(struct rpc_message){.kind = RPC_FINISH, .finish = {question, release_results}});
}

/* A call without parameters to our export. */
static struct rpc_message plain_call(uint32_t question, uint16_t method)
{
    return (struct rpc_message){
        .kind = RPC_CALL,
        .call = {.question = question,
                 .interface_id = REGISTRATION_INTERFACE,
                 .method = method,
                 .params = {.write = registration_nothing_write}},
    };
}

/* The next message must be a Return of `answer`; "" when it has results, else its exception. */
static void check_return(struct owner *owner, uint32_t answer, const char *exception)
{
    struct rpc_message message = rpc_wire_next(&owner->sent);
    CHECK(message.kind == RPC_RETURN);
    CHECK_SIZE(message.ret.answer, answer);
    CHECK(message.ret.outcome == (*exception ? RPC_EXCEPTION : RPC_RESULTS));
    CHECK_SPAN(message.ret.exception.reason, span_of(exception));
}

/* Bootstrap and the call to register are heard, Bootstrap is answered. */
static void start(struct owner *owner)
{
    owner_init(owner);
    hear_vector(owner, "01-bootstrap.connector");
    hear_vector(owner, "03-register.connector");
    check_return(owner, 0, "");
    CHECK(rpc_wire_is_empty(&owner->sent));
    CHECK_TEXT(buf_text(&owner->journal), "register 0123456789abcdef0123456789abcdef;");
    buf_clear(&owner->journal);
}

/* As start, and the connection is accepted, all questions are finished. */
static void start_registered(struct owner *owner)
{
    start(owner);
    CHECK(registration_server_accept(owner->server, &lab01, NULL));
    check_return(owner, 1, "");
    hear_vector(owner, "05-finish-bootstrap.connector");
    hear_vector(owner, "06-finish-register.connector");
}

TEST(the_recorded_session_is_answered_byte_by_byte)
{
    struct buf want = BUF_LIMIT(4096);
    struct rpc_vector configuration;
    REQUIRE(rpc_vector_bytes("session.edge", &want));
    REQUIRE(rpc_vector_load(&configuration, "07-update-local-configuration.connector"));
    for (size_t size = 1; size < 100; size += 7) {
        struct owner owner;
        struct buf journal = BUF_LIMIT(4096);
        owner_init(&owner);
        owner.plays_session = true;
        rpc_wire_put_vector(&owner.connector, "session.connector");
        struct span rest = rpc_wire_take(&owner.connector);
        for (; rest.len > 0; rest = span_skip(rest, size))
            registration_server_feed(owner.server, span_first(rest, size));
        CHECK_CASE(span_equal(buf_span(&owner.sent.bytes), buf_span(&want)), "pieces of %zu", size);
        CHECK(buf_printf(&journal,
                         "register 0123456789abcdef0123456789abcdef;configure %.*s;unregister;"
                         "closed rpc: shutdown;",
                         SPAN_ARG(configuration.json)));
        CHECK_SPAN(buf_span(&owner.journal), buf_span(&journal));
        buf_release(&journal);
        owner_release(&owner);
    }
    rpc_vector_release(&configuration);
    buf_release(&want);
}

TEST(refusals_are_those_of_the_recorded_edge)
{
    static const char *const names[] = {
        "20-register-return-dup.edge", "21-register-return-unauthorized.edge",
        "22-register-return-retry.edge", "23-register-return-permanent.edge"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct owner owner;
        struct rpc_vector vector;
        start(&owner);
        REQUIRE(rpc_vector_load(&vector, names[i]));
        CHECK(registration_server_refuse(owner.server, &vector.result.refusal, NULL));
        CHECK_CASE(span_equal(rpc_wire_take(&owner.sent), buf_span(&vector.bytes)), "%s", names[i]);
        hear_vector(&owner, "14-abort.connector");
        CHECK_TEXT(buf_text(&owner.journal), "closed rpc: shutdown;");
        rpc_vector_release(&vector);
        owner_release(&owner);
    }
}

TEST(an_early_finish_does_not_keep_the_return_back)
{
    struct owner owner;
    start(&owner);
    hear_vector(&owner, "05-finish-bootstrap.connector");
    hear_vector(&owner, "06-finish-register.connector");
    CHECK(registration_server_accept(owner.server, &lab01, NULL));
    check_return(&owner, 1, "");
    hear_vector(&owner, "10-unregister.connector"); /* question 1 again */
    CHECK(registration_server_unregistered(owner.server, NULL));
    check_return(&owner, 1, "");
    CHECK_TEXT(buf_text(&owner.journal), "unregister;");
    owner_release(&owner);
}

TEST(a_number_may_come_again_before_its_finish)
{
    struct owner owner;
    start(&owner);
    CHECK(registration_server_accept(owner.server, &lab01, NULL));
    check_return(&owner, 1, "");
    hear_vector(&owner, "07-update-local-configuration.connector");
    check_return(&owner, 1, "");
    hear_vector(&owner, "10-unregister.connector");
    CHECK(registration_server_unregistered(owner.server, NULL));
    check_return(&owner, 1, "");
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(a_registration_that_was_given_up_and_asked_over_is_not_answered)
{
    struct owner owner;
    start(&owner);
    hear_vector(&owner, "06-finish-register.connector");
    hear_vector(&owner, "03-register.connector");
    check_return(&owner, 1, "this control stream has registered before");
    CHECK(registration_server_accept(owner.server, &lab01, NULL));
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(a_question_asked_twice_at_a_time_breaks_the_protocol)
{
    struct owner owner;
    start(&owner);
    hear_vector(&owner, "03-register.connector");
    CHECK_TEXT(buf_text(&owner.journal), "protocol control stream: question 1 is asked twice;");
    CHECK(rpc_wire_next(&owner.sent).kind == RPC_ABORT);
    CHECK(registration_server_accept(owner.server, &lab01, NULL)); /* too late: no effect */
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(questions_that_nobody_finishes_are_bounded)
{
    struct owner owner;
    owner_init(&owner);
    for (uint32_t i = 0; i < 16; i++) {
        hear_bootstrap(&owner, i);
        check_return(&owner, i, "");
    }
    hear_finish(&owner, 3, false);
    hear_bootstrap(&owner, 16);
    check_return(&owner, 16, "");
    hear_bootstrap(&owner, 17);
    CHECK_TEXT(buf_text(&owner.journal), "limit control stream: more than 16 questions are open;");
    CHECK(rpc_wire_next(&owner.sent).kind == RPC_ABORT);
    owner_release(&owner);
}

TEST(calls_that_lead_to_nothing_are_exceptions)
{
    static const struct {
        const char *what;
        struct rpc_target target;
        uint64_t interface_id;
        uint16_t method;
        const char *exception;
    } cases[] = {
        {"another export",
         {RPC_TARGET_CAPABILITY, 1, false},
         REGISTRATION_INTERFACE,
         0,
         "the call leads to nothing"},
        {"an unknown answer",
         {RPC_TARGET_ANSWER, 9, false},
         REGISTRATION_INTERFACE,
         0,
         "the call leads to nothing"},
        {"the answer to a call",
         {RPC_TARGET_ANSWER, 1, false},
         REGISTRATION_INTERFACE,
         0,
         "the call leads to nothing"},
        {"an unknown kind of target",
         {7, 0, false},
         REGISTRATION_INTERFACE,
         0,
         "the call leads to nothing"},
        {"another interface", {RPC_TARGET_CAPABILITY, 0, false}, 5, 0, "no such method"},
        {"another method",
         {RPC_TARGET_CAPABILITY, 0, false},
         REGISTRATION_INTERFACE,
         3,
         "no such method"},
        {"a second registration",
         {RPC_TARGET_CAPABILITY, 0, false},
         REGISTRATION_INTERFACE,
         0,
         "this control stream has registered before"},
        {"too early to unregister",
         {RPC_TARGET_ANSWER, 0, false},
         REGISTRATION_INTERFACE,
         1,
         "not registered"},
        {"too early to configure",
         {RPC_TARGET_ANSWER, 0, false},
         REGISTRATION_INTERFACE,
         2,
         "not registered"},
    };
    struct owner owner;
    start(&owner);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rpc_message call = plain_call(2, cases[i].method);
        call.call.target = cases[i].target;
        call.call.interface_id = cases[i].interface_id;
        hear_message(&owner, &call);
        check_return(&owner, 2, cases[i].exception);
        hear_finish(&owner, 2, true);
    }
    CHECK_TEXT(buf_text(&owner.journal), "");
    owner_release(&owner);
}

TEST(an_export_that_was_let_go_is_gone)
{
    static const struct {
        const char *what;
        uint32_t released;    /* by Release */
        bool release_results; /* by Finish */
        bool is_gone;
    } cases[] = {
        {"kept", 0, false, false},
        {"by Release", 1, false, true},
        {"by Finish", 0, true, true},
        {"more than held", 1000, true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct owner owner;
        owner_init(&owner);
        hear_bootstrap(&owner, 0);
        check_return(&owner, 0, "");
        hear_message(&owner,
                     &(struct rpc_message){.kind = RPC_RELEASE, .release = {0, cases[i].released}});
        hear_finish(&owner, 0, cases[i].release_results);
        struct rpc_message call = plain_call(0, REGISTRATION_UNREGISTER);
        hear_message(&owner, &call);
        check_return(&owner, 0, cases[i].is_gone ? "the call leads to nothing" : "not registered");
        owner_release(&owner);
    }
}

TEST(after_its_unregistration_a_connection_is_asked_nothing_more)
{
    struct owner owner;
    struct error err = {0};
    start_registered(&owner);
    CHECK(!registration_server_unregistered(owner.server, &err) && err.kind == ERROR_INVALID);
    CHECK(!registration_server_accept(owner.server, &lab01, NULL));
    hear_vector(&owner, "10-unregister.connector");
    CHECK(rpc_wire_is_empty(&owner.sent)); /* not before the owner says so */
    CHECK(registration_server_unregistered(owner.server, NULL));
    check_return(&owner, 1, "");
    struct rpc_message call = plain_call(2, REGISTRATION_UNREGISTER);
    hear_message(&owner, &call);
    check_return(&owner, 2, "not registered");
    CHECK_TEXT(buf_text(&owner.journal), "unregister;");
    owner_release(&owner);
}

TEST(broken_parameters_are_told_to_both_sides)
{
    struct owner owner;
    owner_init(&owner);
    hear_bootstrap(&owner, 0);
    check_return(&owner, 0, "");
    struct rpc_message call = plain_call(1, REGISTRATION_REGISTER);
    hear_message(&owner, &call);
    check_return(&owner, 1, "client id: an id of 0 bytes, not 16");
    CHECK(rpc_wire_next(&owner.sent).kind == RPC_ABORT);
    CHECK_TEXT(buf_text(&owner.journal),
               "protocol control stream: client id: an id of 0 bytes, not 16;");
    owner_release(&owner);
}

TEST(broken_bytes_fail_the_stream_once)
{
    struct owner owner;
    start_registered(&owner);
    registration_server_feed(owner.server, SPAN("\0\0\0\0\0\0\0\0"));
    registration_server_feed(owner.server, SPAN("\0\0\0\0\0\0\0\0"));
    CHECK_TEXT(buf_text(&owner.journal),
               "protocol control stream: Cap'n Proto: a message without a root;");
    CHECK(rpc_wire_next(&owner.sent).kind == RPC_ABORT);
    CHECK(rpc_wire_is_empty(&owner.sent));
    owner_release(&owner);
}

TEST(capabilities_in_parameters_are_let_go)
{
    struct owner owner;
    start_registered(&owner);
    struct rpc_message call = plain_call(1, REGISTRATION_UPDATE_LOCAL_CONFIGURATION);
    hear_message(&owner, &call);
    CHECK(!rpc_wire_next(&owner.sent).ret.release_params);
    call = plain_call(1, 9);
    call.call.params = (struct rpc_payload){.is_capability = true, .capability = 3};
    hear_message(&owner, &call);
    CHECK(rpc_wire_next(&owner.sent).ret.release_params);
    owner_release(&owner);
}

TEST(results_for_somebody_else_and_unknown_kinds_are_not_understood)
{
    struct owner owner;
    start_registered(&owner);
    struct rpc_message call = plain_call(4, REGISTRATION_UNREGISTER);
    call.call.results_to = 1;
    hear_message(&owner, &call);
    struct rpc_message answer = rpc_wire_next(&owner.sent);
    CHECK(answer.kind == RPC_UNIMPLEMENTED);
    CHECK_SIZE(answer.unimplemented.tag, RPC_CALL);
    CHECK_SIZE(answer.unimplemented.id, 4);
    CHECK_TEXT(buf_text(&owner.journal), "");
    owner_release(&owner);
}

TEST(what_a_connector_has_no_reason_to_say_is_ignored)
{
    static const struct rpc_message ignored[] = {
        {.kind = RPC_RETURN, .ret = {.answer = 7}},
        {.kind = RPC_FINISH, .finish = {.question = 7}},
        {.kind = RPC_RELEASE, .release = {.id = 7, .count = 9}},
        {.kind = RPC_UNIMPLEMENTED, .unimplemented = {.tag = RPC_RETURN}},
    };
    struct owner owner;
    start_registered(&owner);
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        hear_message(&owner, &ignored[i]);
        CHECK_CASE(rpc_wire_is_empty(&owner.sent), "case %zu", i);
    }
    CHECK_TEXT(buf_text(&owner.journal), "");
    owner_release(&owner);
}

TEST(a_closed_server_has_said_why_and_is_silent)
{
    struct owner owner;
    start(&owner);
    registration_server_close(owner.server, SPAN("edge aborts"));
    registration_server_close(owner.server, SPAN("again"));
    struct buf want = BUF_LIMIT(4096);
    REQUIRE(rpc_vector_bytes("27-abort.edge", &want));
    CHECK(span_equal(rpc_wire_take(&owner.sent), buf_span(&want)));
    hear_vector(&owner, "14-abort.connector");
    CHECK(registration_server_accept(owner.server, &lab01, NULL));
    CHECK(rpc_wire_is_empty(&owner.sent));
    CHECK_TEXT(buf_text(&owner.journal), "");
    buf_release(&want);
    owner_release(&owner);
}

TEST(a_stranger_says_short_messages_only)
{
    /* The table of a message of one segment; what it claims is never sent. */
    static const unsigned char much[] = {0, 0, 0, 0, 0x00, 0x08, 0, 0}; /* 16 KiB and the table */
    struct owner owner;
    start(&owner);
    registration_server_feed(owner.server, span_make(much, sizeof much));
    CHECK(strstr(buf_text(&owner.journal), "over 16384") != NULL);
    owner_release(&owner);
    start_registered(&owner);
    registration_server_feed(owner.server, span_make(much, sizeof much));
    CHECK_TEXT(buf_text(&owner.journal), "");
    owner_release(&owner);
}
