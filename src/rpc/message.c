/* One decoder and one encoder for each message kind, side by side, so that the two can be compared.
 * Numbers are byte positions in the data section. */
#include "culvert/rpc/message.h"

#include "culvert/rpc/frame.h"

#include <assert.h>

/* What a capability table says about a capability. */
enum { SENDER_HOSTED = 1 };

/* Shapes: words of data, pointers. */
static const struct capnp_place message_shape = {.data_words = 1, .pointer_count = 1};
static const struct capnp_place bootstrap_shape = {.data_words = 1, .pointer_count = 1};
static const struct capnp_place call_shape = {.data_words = 3, .pointer_count = 3};
static const struct capnp_place return_shape = {.data_words = 2, .pointer_count = 1};
static const struct capnp_place finish_shape = {.data_words = 1};
static const struct capnp_place release_shape = {.data_words = 1};
static const struct capnp_place target_shape = {.data_words = 1, .pointer_count = 1};
static const struct capnp_place promised_answer_shape = {.data_words = 1, .pointer_count = 1};
static const struct capnp_place transform_step_shape = {.data_words = 1};
static const struct capnp_place payload_shape = {.pointer_count = 2};
static const struct capnp_place capability_shape = {.data_words = 1, .pointer_count = 1};
static const struct capnp_place unknown_shape = {.data_words = 1};
static const struct capnp_place exception_shape = {.data_words = 1, .pointer_count = 1};

static struct capnp_place add(struct capnp_writer *writer, struct capnp_place to, size_t index,
                              struct capnp_place shape)
{
    return capnp_write_struct(writer, to, index, shape.data_words, shape.pointer_count);
}

static bool decode_exception(const struct capnp_struct *body, struct rpc_exception *exception,
                             struct error *err)
{
    exception->type = capnp_read_u16(body, 4);
    return capnp_read_text(body, 0, &exception->reason, err);
}

static void encode_exception(struct capnp_writer *writer, struct capnp_place to,
                             const struct rpc_exception *exception)
{
    struct capnp_place body = add(writer, to, 0, exception_shape);
    capnp_write_u16(writer, body, 4, exception->type);
    capnp_write_text(writer, body, 0, exception->reason);
}

/* A capability that the sender does not host itself reads as an empty struct. */
static bool decode_capability(const struct capnp_list *table, uint32_t number,
                              struct rpc_payload *payload, struct error *err)
{
    struct capnp_struct entry;
    if (number >= table->count)
        return error_set(err, ERROR_PROTOCOL, 0, "capability %u is not in its table", number);
    if (!capnp_list_struct(table, number, &entry, err))
        return false;
    payload->is_capability = capnp_read_u16(&entry, 0) == SENDER_HOSTED;
    payload->capability = capnp_read_u32(&entry, 4);
    return true;
}

static bool decode_payload(const struct capnp_struct *body, size_t index,
                           struct rpc_payload *payload, struct error *err)
{
    struct capnp_struct at;
    struct capnp_list table;
    uint32_t number;
    if (!capnp_read_struct(body, index, &at, err) || !capnp_read_list(&at, 1, &table, err))
        return false;
    payload->capability_count = table.count;
    if (capnp_read_capability(&at, 0, &number))
        return decode_capability(&table, number, payload, err);
    return capnp_read_struct(&at, 0, &payload->content, err);
}

/* A call always has a table of capabilities, a return only when there are any: so do the peers. */
static void encode_payload(struct capnp_writer *writer, struct capnp_place to, size_t index,
                           const struct rpc_payload *payload, bool is_call)
{
    struct capnp_place at = add(writer, to, index, payload_shape);
    if (payload->is_capability)
        capnp_write_capability(writer, at, 0, 0);
    else if (payload->write)
        payload->write(writer, at, payload->value);
    if (!payload->is_capability && !is_call)
        return;
    struct capnp_place entry =
        capnp_write_structs(writer, at, 1, payload->is_capability ? 1 : 0, capability_shape);
    if (!payload->is_capability)
        return;
    capnp_write_u16(writer, entry, 0, SENDER_HOSTED);
    capnp_write_u32(writer, entry, 4, payload->capability);
}

static bool decode_target(const struct capnp_struct *body, size_t index, struct rpc_target *target,
                          struct error *err)
{
    struct capnp_struct at;
    struct capnp_struct answer;
    struct capnp_list transform;
    if (!capnp_read_struct(body, index, &at, err))
        return false;
    target->kind = capnp_read_u16(&at, 4);
    target->id = capnp_read_u32(&at, 0);
    if (target->kind != RPC_TARGET_ANSWER)
        return true;
    if (!capnp_read_struct(&at, 0, &answer, err) || !capnp_read_list(&answer, 0, &transform, err))
        return false;
    target->id = capnp_read_u32(&answer, 0);
    target->has_transform = transform.count > 0;
    return true;
}

static void encode_target(struct capnp_writer *writer, struct capnp_place to, size_t index,
                          const struct rpc_target *target)
{
    struct capnp_place at = add(writer, to, index, target_shape);
    capnp_write_u16(writer, at, 4, target->kind);
    if (target->kind == RPC_TARGET_CAPABILITY) {
        capnp_write_u32(writer, at, 0, target->id);
        return;
    }
    struct capnp_place answer = add(writer, at, 0, promised_answer_shape);
    capnp_write_u32(writer, answer, 0, target->id);
    (void)capnp_write_structs(writer, answer, 0, 0, transform_step_shape);
}

static bool decode_call(const struct capnp_struct *body, struct rpc_call *call, struct error *err)
{
    call->question = capnp_read_u32(body, 0);
    call->method = capnp_read_u16(body, 4);
    call->results_to = capnp_read_u16(body, 6);
    call->interface_id = capnp_read_u64(body, 8);
    return decode_target(body, 0, &call->target, err) &&
           decode_payload(body, 1, &call->params, err);
}

static void encode_call(struct capnp_writer *writer, struct capnp_place root,
                        const struct rpc_call *call)
{
    struct capnp_place body = add(writer, root, 0, call_shape);
    capnp_write_u32(writer, body, 0, call->question);
    capnp_write_u16(writer, body, 4, call->method);
    capnp_write_u16(writer, body, 6, call->results_to);
    capnp_write_u64(writer, body, 8, call->interface_id);
    encode_target(writer, body, 0, &call->target);
    encode_payload(writer, body, 1, &call->params, true);
}

/* Flags whose default is true are stored inverted. */
static bool decode_return(const struct capnp_struct *body, struct rpc_return *ret,
                          struct error *err)
{
    ret->answer = capnp_read_u32(body, 0);
    ret->release_params = !capnp_read_bit(body, 32);
    ret->outcome = capnp_read_u16(body, 6);
    if (ret->outcome == RPC_RESULTS)
        return decode_payload(body, 0, &ret->results, err);
    if (ret->outcome != RPC_EXCEPTION)
        return true;
    struct capnp_struct exception;
    return capnp_read_struct(body, 0, &exception, err) &&
           decode_exception(&exception, &ret->exception, err);
}

static void encode_return(struct capnp_writer *writer, struct capnp_place root,
                          const struct rpc_return *ret)
{
    struct capnp_place body = add(writer, root, 0, return_shape);
    capnp_write_u32(writer, body, 0, ret->answer);
    capnp_write_bit(writer, body, 32, !ret->release_params);
    capnp_write_u16(writer, body, 6, ret->outcome);
    if (ret->outcome == RPC_RESULTS)
        encode_payload(writer, body, 0, &ret->results, false);
    else if (ret->outcome == RPC_EXCEPTION)
        encode_exception(writer, body, &ret->exception);
}

/* An unknown body need not be a struct: then it has no number. */
static void decode_unknown(const struct capnp_struct *message, struct rpc_unknown *unknown)
{
    struct capnp_struct body;
    unknown->tag = capnp_read_u16(message, 0);
    if (capnp_read_struct(message, 0, &body, NULL))
        unknown->id = capnp_read_u32(&body, 0);
}

/* The message could be sent back whole, but then its broken pointers would become ours. */
static void encode_unknown(struct capnp_writer *writer, struct capnp_place to,
                           const struct rpc_unknown *unknown)
{
    struct capnp_place message = add(writer, to, 0, message_shape);
    capnp_write_u16(writer, message, 0, unknown->tag);
    struct capnp_place body = add(writer, message, 0, unknown_shape);
    capnp_write_u32(writer, body, 0, unknown->id);
}

static bool decode_body(const struct capnp_struct *body, struct rpc_message *message,
                        struct error *err)
{
    switch (message->kind) {
    case RPC_UNIMPLEMENTED:
        decode_unknown(body, &message->unimplemented);
        return true;
    case RPC_ABORT:
        return decode_exception(body, &message->abort, err);
    case RPC_CALL:
        return decode_call(body, &message->call, err);
    case RPC_RETURN:
        return decode_return(body, &message->ret, err);
    case RPC_FINISH:
        message->finish.question = capnp_read_u32(body, 0);
        message->finish.release_results = !capnp_read_bit(body, 32);
        return true;
    case RPC_RELEASE:
        message->release.id = capnp_read_u32(body, 0);
        message->release.count = capnp_read_u32(body, 4);
        return true;
    case RPC_BOOTSTRAP:
        message->bootstrap.question = capnp_read_u32(body, 0);
        return true;
    case RPC_OTHER:
        return true;
    }
    return true;
}

static enum rpc_kind kind_of(uint16_t tag)
{
    static const enum rpc_kind known[] = {RPC_UNIMPLEMENTED, RPC_ABORT,   RPC_CALL,     RPC_RETURN,
                                          RPC_FINISH,        RPC_RELEASE, RPC_BOOTSTRAP};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i] == tag)
            return known[i];
    return RPC_OTHER;
}

bool rpc_message_decode(struct span bytes, struct capnp_message *reader,
                        struct rpc_message *message, struct error *err)
{
    struct capnp_struct root;
    struct capnp_struct body;
    *message = (struct rpc_message){0};
    if (!capnp_message_open(reader, bytes, &root, err))
        return false;
    message->kind = kind_of(capnp_read_u16(&root, 0));
    if (message->kind == RPC_OTHER) {
        decode_unknown(&root, &message->other);
        return true;
    }
    return capnp_read_struct(&root, 0, &body, err) && decode_body(&body, message, err);
}

bool rpc_message_encode(const struct rpc_message *message, struct capnp_writer *writer,
                        struct span *bytes, struct error *err)
{
    assert(message->kind != RPC_OTHER);
    capnp_write_start(writer, FRAME_MESSAGE_MAX);
    struct capnp_place root =
        capnp_write_root(writer, message_shape.data_words, message_shape.pointer_count);
    struct capnp_place body;
    capnp_write_u16(writer, root, 0, (uint16_t)message->kind);
    switch (message->kind) {
    case RPC_UNIMPLEMENTED:
        encode_unknown(writer, root, &message->unimplemented);
        break;
    case RPC_ABORT:
        encode_exception(writer, root, &message->abort);
        break;
    case RPC_CALL:
        encode_call(writer, root, &message->call);
        break;
    case RPC_RETURN:
        encode_return(writer, root, &message->ret);
        break;
    case RPC_FINISH:
        body = add(writer, root, 0, finish_shape);
        capnp_write_u32(writer, body, 0, message->finish.question);
        capnp_write_bit(writer, body, 32, !message->finish.release_results);
        break;
    case RPC_RELEASE:
        body = add(writer, root, 0, release_shape);
        capnp_write_u32(writer, body, 0, message->release.id);
        capnp_write_u32(writer, body, 4, message->release.count);
        break;
    case RPC_BOOTSTRAP:
        body = add(writer, root, 0, bootstrap_shape);
        capnp_write_u32(writer, body, 0, message->bootstrap.question);
        break;
    case RPC_OTHER:
        break;
    }
    return capnp_write_finish(writer, bytes, err);
}
