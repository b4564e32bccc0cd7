#include "culvert/rpc/message.h"

#include "harness.h"
#include "support/rpc_vector.h"

static void check_payload(const char *name, const struct rpc_payload *got,
                          const struct rpc_payload *want)
{
    CHECK_CASE(got->is_capability == want->is_capability, "%s: is_capability", name);
    CHECK_CASE(got->capability == want->capability, "%s: capability", name);
    CHECK_CASE(got->capability_count == (want->is_capability ? 1 : 0), "%s: table", name);
    CHECK_CASE((got->content.message != NULL) == !want->is_capability, "%s: content", name);
}

static void check_call(const char *name, const struct rpc_call *got, const struct rpc_call *want)
{
    CHECK_CASE(got->question == want->question, "%s: question", name);
    CHECK_CASE(got->target.kind == want->target.kind, "%s: target", name);
    CHECK_CASE(got->target.id == want->target.id, "%s: target's id", name);
    CHECK_CASE(!got->target.has_transform, "%s: transform", name);
    CHECK_CASE(got->interface_id == want->interface_id, "%s: interface", name);
    CHECK_CASE(got->method == want->method, "%s: method", name);
    CHECK_CASE(got->results_to == 0, "%s: results go to the caller", name);
    check_payload(name, &got->params, &want->params);
}

static void check_return(const char *name, const struct rpc_return *got,
                         const struct rpc_return *want)
{
    CHECK_CASE(got->answer == want->answer, "%s: answer", name);
    CHECK_CASE(got->release_params == want->release_params, "%s: releases", name);
    CHECK_CASE(got->outcome == want->outcome, "%s: outcome", name);
    CHECK_CASE(got->exception.type == want->exception.type, "%s: type", name);
    CHECK_SPAN(got->exception.reason, want->exception.reason);
    if (want->outcome == RPC_RESULTS)
        check_payload(name, &got->results, &want->results);
}

static void check_message(const char *name, const struct rpc_message *got,
                          const struct rpc_message *want)
{
    CHECK_CASE(got->kind == want->kind, "%s: kind", name);
    switch (want->kind) {
    case RPC_CALL:
        check_call(name, &got->call, &want->call);
        break;
    case RPC_RETURN:
        check_return(name, &got->ret, &want->ret);
        break;
    case RPC_FINISH:
        CHECK_CASE(got->finish.question == want->finish.question, "%s: question", name);
        CHECK_CASE(got->finish.release_results == want->finish.release_results, "%s: flag", name);
        break;
    case RPC_RELEASE:
        CHECK_CASE(got->release.id == want->release.id, "%s: id", name);
        CHECK_CASE(got->release.count == want->release.count, "%s: count", name);
        break;
    case RPC_BOOTSTRAP:
        CHECK_CASE(got->bootstrap.question == want->bootstrap.question, "%s: question", name);
        break;
    case RPC_ABORT:
        CHECK_SPAN(got->abort.reason, want->abort.reason);
        break;
    case RPC_UNIMPLEMENTED:
    case RPC_OTHER:
        harness_fail(__FILE__, __LINE__, "%s: no vector has this kind", name);
    }
}

TEST(every_recorded_message_is_encoded_byte_by_byte_as_the_peers_do)
{
    for (const char *const *name = rpc_vector_names; *name; name++) {
        struct rpc_vector vector;
        struct capnp_writer writer = {0};
        struct span bytes = SPAN_NONE;
        bool ok = rpc_vector_load(&vector, *name) &&
                  rpc_message_encode(&vector.message, &writer, &bytes, NULL);
        CHECK_CASE(ok && span_equal(bytes, buf_span(&vector.bytes)), "%s", *name);
        capnp_write_release(&writer);
        rpc_vector_release(&vector);
    }
}

TEST(every_recorded_message_is_decoded_to_its_fields)
{
    for (const char *const *name = rpc_vector_names; *name; name++) {
        struct rpc_vector vector;
        struct capnp_message reader;
        struct rpc_message message;
        struct error err = {0};
        if (rpc_vector_load(&vector, *name)) {
            bool ok = rpc_message_decode(buf_span(&vector.bytes), &reader, &message, &err);
            CHECK_CASE(ok, "%s: %s", *name, err.text);
            if (ok)
                check_message(*name, &message, &vector.message);
        }
        rpc_vector_release(&vector);
    }
}

TEST(a_recorded_message_that_lacks_its_end_is_refused)
{
    for (const char *const *name = rpc_vector_names; *name; name++) {
        struct buf bytes = BUF_LIMIT(4096);
        struct capnp_message reader;
        struct rpc_message message;
        REQUIRE(rpc_vector_bytes(*name, &bytes));
        for (size_t len = 0; len < bytes.len; len++)
            CHECK_CASE(
                !rpc_message_decode(span_first(buf_span(&bytes), len), &reader, &message, NULL),
                "%s: %zu bytes", *name, len);
        buf_release(&bytes);
    }
}

TEST(an_unknown_kind_is_known_by_its_tag_and_number)
{
    static const struct {
        const char *what;
        struct span bytes;
        uint32_t id;
    } cases[] = {
        {"a struct with a 7",
         SPAN_INIT("\0\0\0\0\4\0\0\0"
                   "\0\0\0\0\1\0\1\0"
                   "\5\0\0\0\0\0\0\0"
                   "\0\0\0\0\1\0\0\0"
                   "\7\0\0\0\0\0\0\0"),
         7},
        {"a capability",
         SPAN_INIT("\0\0\0\0\3\0\0\0"
                   "\0\0\0\0\1\0\1\0"
                   "\5\0\0\0\0\0\0\0"
                   "\3\0\0\0\0\0\0\0"),
         0},
        {"nothing",
         SPAN_INIT("\0\0\0\0\2\0\0\0"
                   "\0\0\0\0\1\0\0\0"
                   "\5\0\0\0\0\0\0\0"),
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct capnp_message reader;
        struct rpc_message received;
        struct rpc_message again;
        struct capnp_writer writer;
        struct span bytes;
        REQUIRE(rpc_message_decode(cases[i].bytes, &reader, &received, NULL));
        CHECK_CASE(received.kind == RPC_OTHER && received.other.tag == 5 &&
                       received.other.id == cases[i].id,
                   "%s", cases[i].what);
        struct rpc_message answer = {.kind = RPC_UNIMPLEMENTED, .unimplemented = received.other};
        REQUIRE(rpc_message_encode(&answer, &writer, &bytes, NULL));
        REQUIRE(rpc_message_decode(bytes, &reader, &again, NULL));
        CHECK_CASE(again.kind == RPC_UNIMPLEMENTED && again.unimplemented.tag == 5 &&
                       again.unimplemented.id == cases[i].id,
                   "%s, sent back", cases[i].what);
        capnp_write_release(&writer);
    }
}

TEST(a_message_over_the_limit_is_not_encoded)
{
    struct buf big = BUF_LIMIT(1 << 20);
    char *room = buf_room(&big, 1 << 20);
    REQUIRE(room);
    memset(room, 'x', 1 << 20);
    buf_added(&big, 1 << 20);
    struct rpc_message message = {.kind = RPC_ABORT, .abort = {.reason = buf_span(&big)}};
    struct capnp_writer writer = {0};
    struct span bytes;
    struct error err = {0};
    CHECK(!rpc_message_encode(&message, &writer, &bytes, &err));
    CHECK(err.kind == ERROR_LIMIT);
    capnp_write_release(&writer);
    buf_release(&big);
}
