/* The input is one Cap'n Proto message: all that hangs on its root is visited, then it is decoded
 * as an RPC message, and what our encoder makes of that must be decoded to the same again. */
#include "culvert/rpc/message.h"
#include "culvert/rpc/registration.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The longest input: larger ones teach nothing that is new. */
enum { STACK = 64, FUZZ_INPUT_MAX = 64 << 10 };

/* Structs that are still to be visited; what does not fit is not. */
struct walk {
    struct capnp_struct stack[STACK];
    size_t count;
    unsigned char sum; /* of all bytes, so that each is looked at */
};

static void sum(struct walk *walk, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        walk->sum = (unsigned char)(walk->sum + (unsigned char)bytes.data[i]);
}

static void push(struct walk *walk, const struct capnp_struct *at)
{
    if (walk->count < STACK)
        walk->stack[walk->count++] = *at;
}

static void visit_list(struct walk *walk, const struct capnp_list *list)
{
    struct capnp_struct element;
    struct span text;
    for (size_t i = 0; i < list->count; i++) {
        if (!capnp_list_struct(list, i, &element, NULL))
            return;
        push(walk, &element);
        if (capnp_list_text(list, i, &text, NULL))
            sum(walk, text);
    }
}

static void visit(struct walk *walk, const struct capnp_struct *at)
{
    struct capnp_struct child;
    struct capnp_list list;
    struct span bytes;
    uint32_t number;
    for (size_t i = 0; i * 8 <= at->data_size; i++)
        walk->sum = (unsigned char)(walk->sum + capnp_read_u64(at, i * 8));
    for (size_t i = 0; i <= at->pointer_count; i++) {
        if (capnp_read_struct(at, i, &child, NULL) && child.message)
            push(walk, &child);
        if (capnp_read_list(at, i, &list, NULL))
            visit_list(walk, &list);
        if (capnp_read_data(at, i, &bytes, NULL))
            sum(walk, bytes);
        if (capnp_read_text(at, i, &bytes, NULL))
            sum(walk, bytes);
        if (capnp_read_capability(at, i, &number))
            walk->sum = (unsigned char)(walk->sum + number);
    }
}

static void walk_all(struct span bytes)
{
    struct capnp_message message;
    struct walk walk = {0};
    struct error err = {0};
    if (!capnp_message_open(&message, bytes, &walk.stack[0], &err)) {
        assert(err.kind == ERROR_PROTOCOL);
        return;
    }
    walk.count = 1;
    while (walk.count > 0) {
        struct capnp_struct at = walk.stack[--walk.count];
        visit(&walk, &at);
    }
}

/* The typed contents, for a call and a return alike. */
static void read_contents(const struct capnp_struct *content)
{
    struct registration_params params;
    struct registration_result result;
    struct span json;
    if (registration_params_read(content, &params, NULL))
        assert(params.feature_count <= REGISTRATION_FEATURES_MAX);
    if (registration_result_read(content, &result, NULL))
        assert(result.refusal.cause.len <= FUZZ_INPUT_MAX);
    if (registration_configuration_read(content, &json, NULL))
        assert(json.len <= FUZZ_INPUT_MAX);
}

/* Kinds that keep all their fields when they are encoded again. */
static void check_again(const struct rpc_message *message)
{
    struct capnp_writer writer;
    struct capnp_message reader;
    struct rpc_message again;
    struct span bytes;
    bool ok = rpc_message_encode(message, &writer, &bytes, NULL);
    assert(ok);
    ok = rpc_message_decode(bytes, &reader, &again, NULL);
    assert(ok && again.kind == message->kind);
    if (message->kind == RPC_FINISH)
        assert(again.finish.question == message->finish.question &&
               again.finish.release_results == message->finish.release_results);
    if (message->kind == RPC_RELEASE)
        assert(again.release.id == message->release.id &&
               again.release.count == message->release.count);
    if (message->kind == RPC_ABORT)
        assert(span_equal(again.abort.reason, message->abort.reason) &&
               again.abort.type == message->abort.type);
    if (message->kind == RPC_UNIMPLEMENTED)
        assert(again.unimplemented.tag == message->unimplemented.tag &&
               again.unimplemented.id == message->unimplemented.id);
    if (message->kind == RPC_CALL)
        assert(again.call.question == message->call.question &&
               again.call.interface_id == message->call.interface_id &&
               again.call.method == message->call.method);
    if (message->kind == RPC_RETURN)
        assert(again.ret.answer == message->ret.answer &&
               again.ret.outcome == message->ret.outcome &&
               span_equal(again.ret.exception.reason, message->ret.exception.reason));
    capnp_write_release(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make(data, size);
    struct capnp_message reader;
    struct rpc_message message;
    struct error err = {0};
    if (size > FUZZ_INPUT_MAX)
        return 0;
    walk_all(bytes);
    if (!rpc_message_decode(bytes, &reader, &message, &err)) {
        assert(err.kind == ERROR_PROTOCOL);
        return 0;
    }
    if (message.kind == RPC_CALL)
        read_contents(&message.call.params.content);
    if (message.kind == RPC_RETURN)
        read_contents(&message.ret.results.content);
    if (message.kind != RPC_OTHER)
        check_again(&message);
    return 0;
}
