/* See the header. Broken bytes are written by hand: a table of segments (their count less one, then
 * each one's words, in four bytes), then the segments, the first word being the root's pointer. */
#include "support/rpc_faults.h"

#include "culvert/rpc/message.h"
#include "culvert/rpc/registration.h"

enum { HUGE_TEXT = 100 * 1000, FIRST_NUMBER = 1000 };

static void put(struct buf *out, const struct rpc_message *message)
{
    struct capnp_writer writer;
    struct span bytes;
    if (!rpc_message_encode(message, &writer, &bytes, NULL) || !buf_put_span(out, bytes))
        abort();
    capnp_write_release(&writer);
}

static void write_bootstrap(struct buf *out, uint32_t number)
{
    put(out, &(struct rpc_message){.kind = RPC_BOOTSTRAP,
                                   .bootstrap = {.question = FIRST_NUMBER + number}});
}

static void write_same_bootstrap(struct buf *out, uint32_t number)
{
    (void)number;
    write_bootstrap(out, 0);
}

static void put_call(struct buf *out, uint32_t number, struct rpc_target target, uint64_t interface,
                     uint16_t method)
{
    put(out, &(struct rpc_message){.kind = RPC_CALL,
                                   .call = {.question = FIRST_NUMBER + number,
                                            .target = target,
                                            .interface_id = interface,
                                            .method = method,
                                            .params = {.write = registration_nothing_write}}});
}

static void write_unknown_interface(struct buf *out, uint32_t number)
{
    put_call(out, number, (struct rpc_target){.id = 0}, 0x1234567812345678, 7);
}

static void write_unknown_target(struct buf *out, uint32_t number)
{
    put_call(out, number, (struct rpc_target){.id = 77}, REGISTRATION_INTERFACE, 0);
}

static void write_early_unregister(struct buf *out, uint32_t number)
{
    put_call(out, number, (struct rpc_target){.id = 0}, REGISTRATION_INTERFACE,
             REGISTRATION_UNREGISTER);
}

static void write_unknown_return(struct buf *out, uint32_t number)
{
    put(out, &(struct rpc_message){.kind = RPC_RETURN,
                                   .ret = {.answer = FIRST_NUMBER + number,
                                           .outcome = RPC_EXCEPTION,
                                           .exception = {.reason = SPAN("no")}}});
}

static void write_capability_return(struct buf *out, uint32_t number)
{
    put(out,
        &(struct rpc_message){.kind = RPC_RETURN,
                              .ret = {.answer = FIRST_NUMBER + number,
                                      .results = {.is_capability = true, .capability = number}}});
}

static void write_huge_return(struct buf *out, uint32_t number)
{
    static char text[HUGE_TEXT];
    memset(text, 'x', sizeof text);
    put(out, &(struct rpc_message){.kind = RPC_RETURN,
                                   .ret = {.answer = FIRST_NUMBER + number,
                                           .outcome = RPC_EXCEPTION,
                                           .exception = {.reason = span_make(text, sizeof text)}}});
}

static void write_finish(struct buf *out, uint32_t number)
{
    put(out,
        &(struct rpc_message){.kind = RPC_FINISH, .finish = {.question = FIRST_NUMBER + number}});
}

static void write_release(struct buf *out, uint32_t number)
{
    put(out,
        &(struct rpc_message){.kind = RPC_RELEASE, .release = {.id = number, .count = UINT32_MAX}});
}

static void write_unimplemented(struct buf *out, uint32_t number)
{
    put(out,
        &(struct rpc_message){.kind = RPC_UNIMPLEMENTED,
                              .unimplemented = {.tag = RPC_CALL, .id = FIRST_NUMBER + number}});
}

static void write_abort(struct buf *out, uint32_t number)
{
    static char text[HUGE_TEXT];
    (void)number;
    memset(text, 'x', sizeof text);
    put(out, &(struct rpc_message){.kind = RPC_ABORT,
                                   .abort = {.reason = span_make(text, sizeof text)}});
}

#define RAW(text) .bytes = SPAN_INIT(text), .times = 1

const struct rpc_fault rpc_faults[] = {
    {"a question for our interface", .write = write_bootstrap, .times = 1},
    {"questions for our interface that nobody finishes", .write = write_bootstrap, .times = 1000,
     .ends_edge = true},
    {"the same question again and again", .write = write_same_bootstrap, .times = 10 * 1000},
    {"a call of an unknown interface", .write = write_unknown_interface, .times = 1},
    {"a call of what was never exported", .write = write_unknown_target, .times = 1},
    {"a call before its time", .write = write_early_unregister, .times = 1, .unregisters = true},
    {"calls that nobody finishes", .write = write_unknown_interface, .times = 1000,
     .ends_edge = true},
    {"a return that nobody asked for", .write = write_unknown_return, .times = 1000},
    {"capabilities galore", .write = write_capability_return, .times = 1000},
    {"a return with a huge text", .write = write_huge_return, .times = 20},
    {"a finish of nothing", .write = write_finish, .times = 10 * 1000},
    {"a release of nothing", .write = write_release, .times = 1000},
    {"what was never said is not understood", .write = write_unimplemented, .times = 1000},
    {"an abort with a huge text", .write = write_abort, .times = 1, .ends_connector = true,
     .ends_edge = true},
    {"an unknown kind", RAW("\0\0\0\0\3\0\0\0"
                            "\0\0\0\0\1\0\1\0"
                            "\x63\0\0\0\0\0\0\0"
                            "\0\0\0\0\0\0\0\0")},
    {"a root that points nowhere",
     RAW("\0\0\0\0\1\0\0\0"
         "\0\0\0\0\0\0\0\0"),
     .ends_connector = true, .ends_edge = true},
    {"a message without a word", RAW("\0\0\0\0\0\0\0\0"), .ends_connector = true,
     .ends_edge = true},
    {"a root outside of the message",
     RAW("\0\0\0\0\1\0\0\0"
         "\xf0\xff\xff\x1f\1\0\1\0"),
     .ends_connector = true, .ends_edge = true},
    {"a far pointer to itself",
     RAW("\0\0\0\0\1\0\0\0"
         "\2\0\0\0\0\0\0\0"),
     .ends_connector = true, .ends_edge = true},
    {"four thousand million segments", RAW("\xff\xff\xff\xff\xff\xff\xff\xff"),
     .ends_connector = true, .ends_edge = true},
    {"a segment of sixteen gigabytes", RAW("\0\0\0\0\xff\xff\xff\x7f"), .ends_connector = true,
     .ends_edge = true},
    {"text", RAW("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), .ends_connector = true, .ends_edge = true},
    {NULL, .times = 0},
};

void rpc_fault_write(const struct rpc_fault *fault, struct buf *out)
{
    for (uint32_t i = 0; i < fault->times; i++) {
        if (fault->write)
            fault->write(out, i);
        else if (!buf_put_span(out, fault->bytes))
            abort();
    }
}

size_t rpc_fault_size(const struct rpc_fault *fault)
{
    struct rpc_fault once = *fault;
    struct buf bytes = BUF_LIMIT(RPC_FAULT_BYTES_MAX);
    once.times = 1;
    rpc_fault_write(&once, &bytes);
    size_t size = bytes.len;
    buf_release(&bytes);
    return size;
}
