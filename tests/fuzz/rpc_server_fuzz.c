/* The input is what a connector says: its first byte how it is cut and what the owner thinks of it,
 * the rest the stream. All that the edge's side says must be whole messages. */
#include "culvert/rpc/frame.h"
#include "culvert/rpc/message.h"
#include "culvert/rpc/registration_server.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
    struct registration_server *server;
    struct frame frame; /* of what was sent */
    bool is_refusing;
    bool is_slow;  /* answers when all was heard */
    bool is_asked; /* a registration waits */
    bool is_asked_to_leave;
    unsigned registrations;
    unsigned last; /* last events: at most one */
};

static void send(void *arg, struct span bytes)
{
    struct owner *owner = arg;
    struct capnp_message reader;
    struct rpc_message message;
    struct span whole;
    enum frame_result result = frame_take(&owner->frame, &bytes, &whole, NULL);
    assert(result == FRAME_MESSAGE && bytes.len == 0);
    bool ok = rpc_message_decode(whole, &reader, &message, NULL);
    assert(ok);
}

static void answer(struct owner *owner)
{
    struct connection_details yes = {.location = SPAN("here")};
    struct registration_refusal no = {.cause = SPAN("no"), .should_retry = true};
    if (owner->is_asked) {
        bool ok = owner->is_refusing ? registration_server_refuse(owner->server, &no, NULL)
                                     : registration_server_accept(owner->server, &yes, NULL);
        assert(ok);
    }
    if (owner->is_asked_to_leave) {
        bool ok = registration_server_unregistered(owner->server, NULL);
        assert(ok);
    }
    owner->is_asked = false;
    owner->is_asked_to_leave = false;
}

static void on_register(void *arg, const struct registration_params *params)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && owner->registrations == 0);
    owner->registrations++;
    assert(params->feature_count <= REGISTRATION_FEATURES_MAX);
    owner->is_asked = true;
    if (!owner->is_slow)
        answer(owner);
}

static void on_local_configuration(void *arg, struct span json)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && json.len <= FRAME_MESSAGE_MAX);
}

static void on_unregister(void *arg)
{
    struct owner *owner = arg;
    assert(owner->last == 0);
    owner->is_asked_to_leave = true;
    if (!owner->is_slow)
        answer(owner);
}

static void on_closed(void *arg, struct span reason)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && reason.len <= FRAME_MESSAGE_MAX);
    owner->last++;
}

static void on_failed(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && err->kind != ERROR_NONE);
    owner->last++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct registration_server_events events = {
        .send = send,
        .on_register = on_register,
        .on_local_configuration = on_local_configuration,
        .on_unregister = on_unregister,
        .on_closed = on_closed,
        .on_failed = on_failed,
    };
    if (size == 0)
        return 0;
    struct owner owner = {.is_refusing = data[0] & 0x80, .is_slow = data[0] & 0x40};
    frame_init(&owner.frame);
    owner.server = registration_server_new(&events, &owner);
    if (!owner.server)
        return 0;
    size_t piece = data[0] & 0x3f ? data[0] & 0x3f : size;
    struct span rest = span_make(data + 1, size - 1);
    for (; rest.len > 0; rest = span_skip(rest, piece))
        registration_server_feed(owner.server, span_first(rest, piece));
    answer(&owner);
    registration_server_close(owner.server, SPAN("over"));
    registration_server_free(owner.server);
    frame_release(&owner.frame);
    return 0;
}
