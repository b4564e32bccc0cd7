/* The input is what an edge says: its first byte how it is cut, the rest the stream. The
 * connector's side calls on as a real one would, and all it says must be whole messages. */
#include "culvert/rpc/frame.h"
#include "culvert/rpc/message.h"
#include "culvert/rpc/registration_client.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct owner {
    struct registration_client *client;
    struct frame frame; /* of what was sent */
    unsigned last;      /* last events: at most one */
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

static void on_registered(void *arg, const struct connection_details *details)
{
    struct owner *owner = arg;
    assert(owner->last == 0);
    bool ok =
        registration_client_update_local_configuration(owner->client, details->location, NULL);
    assert(ok);
}

static void on_refused(void *arg, const struct registration_refusal *refusal)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && refusal->retry_after_ns >= 0);
    if (refusal->should_retry)
        registration_client_shutdown(owner->client);
}

static void on_local_configuration_done(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && (!err || err->kind != ERROR_NONE));
    bool ok = registration_client_unregister(owner->client, NULL);
    assert(ok);
}

static void on_unregistered(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    assert(owner->last == 0);
    if (!err)
        registration_client_shutdown(owner->client);
}

static void on_failed(void *arg, const struct error *err)
{
    struct owner *owner = arg;
    assert(owner->last == 0 && err->kind != ERROR_NONE);
    owner->last++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct registration_client_events events = {
        .send = send,
        .on_registered = on_registered,
        .on_refused = on_refused,
        .on_local_configuration_done = on_local_configuration_done,
        .on_unregistered = on_unregistered,
        .on_failed = on_failed,
    };
    struct registration_params params = {.tunnel_secret = SPAN("secret")};
    struct owner owner = {0};
    if (size == 0)
        return 0;
    frame_init(&owner.frame);
    owner.client = registration_client_new(&events, &owner);
    if (!owner.client)
        return 0;
    bool ok = registration_client_register(owner.client, &params, NULL);
    assert(ok);
    size_t piece = data[0] ? data[0] : size;
    struct span rest = span_make(data + 1, size - 1);
    for (; rest.len > 0; rest = span_skip(rest, piece))
        registration_client_feed(owner.client, span_first(rest, piece));
    registration_client_shutdown(owner.client);
    registration_client_free(owner.client);
    frame_release(&owner.frame);
    return 0;
}
