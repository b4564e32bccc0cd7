/* The states of a registration, as the connector sees it. Every arrow names who walks it; every
 * state may also go to closed, by shutdown or fail.
 *
 *   idle --register--> registering --on_register_return--> registered
 *                           |                                  |
 *                     refuse|                        unregister|
 *                           v                                  v
 *                        refused   unregistered <--settle-- unregistering
 *
 * Questions: Bootstrap is 0, the pipelined call is 1; numbers are used again, the one freed last
 * first, as the peers do. */
#include "culvert/rpc/registration_client.h"

#include "peer.h"

#include <assert.h>

enum client_state {
    CLIENT_IDLE,
    CLIENT_REGISTERING,
    CLIENT_REGISTERED,
    CLIENT_UNREGISTERING,
    CLIENT_UNREGISTERED,
    CLIENT_REFUSED,
    CLIENT_CLOSED,
    CLIENT_STATES,
};

static const unsigned next_states[CLIENT_STATES] = {
    [CLIENT_IDLE] = BIT(CLIENT_REGISTERING) | BIT(CLIENT_CLOSED),
    [CLIENT_REGISTERING] = BIT(CLIENT_REGISTERED) | BIT(CLIENT_REFUSED) | BIT(CLIENT_CLOSED),
    [CLIENT_REGISTERED] = BIT(CLIENT_UNREGISTERING) | BIT(CLIENT_CLOSED),
    [CLIENT_UNREGISTERING] = BIT(CLIENT_UNREGISTERED) | BIT(CLIENT_CLOSED),
    [CLIENT_UNREGISTERED] = BIT(CLIENT_CLOSED),
    [CLIENT_REFUSED] = BIT(CLIENT_CLOSED),
    [CLIENT_CLOSED] = 0,
};

/* What we ask; each at most once at a time, so that these bound all tables of questions. */
enum question_kind {
    QUESTION_BOOTSTRAP,
    QUESTION_REGISTER,
    QUESTION_CONFIGURE,
    QUESTION_UNREGISTER,
    QUESTION_KINDS,
};

struct question {
    bool is_open;
    uint32_t id;
};

struct registration_client {
    struct peer peer;
    const struct registration_client_events *events;
    void *arg;
    enum client_state state;
    struct question questions[QUESTION_KINDS];
    uint32_t freed[QUESTION_KINDS]; /* question numbers to use again, the last one first */
    size_t freed_count;
    uint32_t fresh; /* the lowest question number never used */
    bool has_import;
    uint32_t import; /* the edge's registration interface, known once Bootstrap has returned */
};

/* The only place that writes `state`. */
static void enter(struct registration_client *client, enum client_state next)
{
    assert(next_states[client->state] & BIT(next));
    client->state = next;
}

static void open_question(struct registration_client *client, enum question_kind kind)
{
    assert(!client->questions[kind].is_open);
    uint32_t id = client->freed_count > 0 ? client->freed[--client->freed_count] : client->fresh++;
    client->questions[kind] = (struct question){true, id};
}

static void close_question(struct registration_client *client, enum question_kind kind)
{
    client->questions[kind].is_open = false;
    client->freed[client->freed_count++] = client->questions[kind].id;
}

/* QUESTION_KINDS when there is no such open question. */
static enum question_kind find_question(const struct registration_client *client, uint32_t id)
{
    unsigned kind = 0;
    while (kind < QUESTION_KINDS &&
           !(client->questions[kind].is_open && client->questions[kind].id == id))
        kind++;
    return (enum question_kind)kind;
}

/* Sends `message` as a question; its number goes where `id` points, which is in `message`. */
static bool ask(struct registration_client *client, enum question_kind kind,
                struct rpc_message *message, uint32_t *id, struct error *err)
{
    open_question(client, kind);
    *id = client->questions[kind].id;
    if (peer_send(&client->peer, message, err))
        return true;
    close_question(client, kind);
    return false;
}

/* Calls the interface: by its number if we know it, else as that which Bootstrap will return. */
static bool call(struct registration_client *client, enum question_kind kind, uint16_t method,
                 struct rpc_payload params, struct error *err)
{
    struct rpc_target target = {.kind = RPC_TARGET_CAPABILITY, .id = client->import};
    if (!client->has_import) {
        target.kind = RPC_TARGET_ANSWER;
        target.id = client->questions[QUESTION_BOOTSTRAP].id;
    }
    struct rpc_message message = {
        .kind = RPC_CALL,
        .call = {.target = target,
                 .interface_id = REGISTRATION_INTERFACE,
                 .method = method,
                 .params = params},
    };
    return ask(client, kind, &message, &message.call.question, err);
}

bool registration_client_register(struct registration_client *client,
                                  const struct registration_params *params, struct error *err)
{
    if (client->state != CLIENT_IDLE)
        return error_set(err, ERROR_INVALID, 0, "a control stream registers once");
    struct rpc_message bootstrap = {.kind = RPC_BOOTSTRAP};
    struct rpc_payload payload = {.write = registration_params_write, .value = params};
    if (!ask(client, QUESTION_BOOTSTRAP, &bootstrap, &bootstrap.bootstrap.question, err))
        return false;
    enter(client, CLIENT_REGISTERING);
    return call(client, QUESTION_REGISTER, REGISTRATION_REGISTER, payload, err);
}

bool registration_client_update_local_configuration(struct registration_client *client,
                                                    struct span json, struct error *err)
{
    if (client->state != CLIENT_REGISTERED)
        return error_set(err, ERROR_INVALID, 0, "the connection is not registered");
    if (client->questions[QUESTION_CONFIGURE].is_open)
        return error_set(err, ERROR_INVALID, 0, "a local configuration is under way");
    struct rpc_payload payload = {.write = registration_configuration_write, .value = &json};
    return call(client, QUESTION_CONFIGURE, REGISTRATION_UPDATE_LOCAL_CONFIGURATION, payload, err);
}

bool registration_client_unregister(struct registration_client *client, struct error *err)
{
    if (client->state != CLIENT_REGISTERED)
        return error_set(err, ERROR_INVALID, 0, "the connection is not registered");
    struct rpc_payload payload = {.write = registration_nothing_write};
    if (!call(client, QUESTION_UNREGISTER, REGISTRATION_UNREGISTER, payload, err))
        return false;
    enter(client, CLIENT_UNREGISTERING);
    return true;
}

/* Did a call bring results? If not, `err` says what came in their place. */
static bool check_outcome(const struct rpc_return *ret, struct error *err)
{
    if (ret->outcome == RPC_RESULTS)
        return true;
    if (ret->outcome == RPC_EXCEPTION)
        return error_set(err, ERROR_PROTOCOL, 0, "exception from the edge: %.*s",
                         SPAN_ARG(span_first(ret->exception.reason, ERROR_TEXT_MAX)));
    if (ret->outcome == RPC_CANCELED)
        return error_set(err, ERROR_PROTOCOL, 0, "the edge canceled the call");
    return error_set(err, ERROR_PROTOCOL, 0, "the edge returned in a way unknown to us (%u)",
                     (unsigned)ret->outcome);
}

static void refuse(struct registration_client *client, struct registration_refusal refusal)
{
    if (refusal.retry_after_ns < 0)
        refusal.retry_after_ns = 0;
    enter(client, CLIENT_REFUSED);
    client->events->on_refused(client->arg, &refusal);
}

/* Refuses in the edge's place, which gave no reason that a program could read: try again. */
static void refuse_in_words(struct registration_client *client, const struct error *why)
{
    refuse(client,
           (struct registration_refusal){.cause = span_of(why->text), .should_retry = true});
}

static void on_bootstrap_return(struct registration_client *client, const struct rpc_return *ret)
{
    struct error why;
    if (check_outcome(ret, &why) && ret->results.is_capability) {
        client->has_import = true;
        client->import = ret->results.capability;
        return;
    }
    if (client->state != CLIENT_REGISTERING)
        return;
    if (ret->outcome == RPC_RESULTS)
        error_set(&why, ERROR_PROTOCOL, 0, "the edge offers no registration interface");
    refuse_in_words(client, &why);
}

static bool on_register_return(struct registration_client *client, const struct rpc_return *ret,
                               struct error *err)
{
    struct registration_result result;
    struct error why;
    if (client->state != CLIENT_REGISTERING)
        return true;
    if (!check_outcome(ret, &why)) {
        refuse_in_words(client, &why);
        return true;
    }
    if (!registration_result_read(&ret->results.content, &result, err))
        return false;
    if (result.outcome == REGISTRATION_ACCEPTED) {
        enter(client, CLIENT_REGISTERED);
        client->events->on_registered(client->arg, &result.details);
    } else if (result.outcome == REGISTRATION_REFUSED) {
        refuse(client, result.refusal);
    } else {
        error_set(&why, ERROR_PROTOCOL, 0, "the edge answered in a way unknown to us (%u)",
                  (unsigned)result.outcome);
        refuse_in_words(client, &why);
    }
    return true;
}

/* A question has its answer: Finish it, free its number, tell the owner. */
static bool settle(struct registration_client *client, enum question_kind kind,
                   const struct rpc_return *ret, struct error *err)
{
    struct error why;
    struct rpc_message finish = {
        .kind = RPC_FINISH,
        .finish = {.question = ret->answer, .release_results = ret->outcome != RPC_RESULTS},
    };
    if (!peer_send(&client->peer, &finish, err))
        return false;
    close_question(client, kind);
    switch (kind) {
    case QUESTION_BOOTSTRAP:
        on_bootstrap_return(client, ret);
        return true;
    case QUESTION_REGISTER:
        return on_register_return(client, ret, err);
    case QUESTION_CONFIGURE:
        client->events->on_local_configuration_done(client->arg,
                                                    check_outcome(ret, &why) ? NULL : &why);
        return true;
    case QUESTION_UNREGISTER:
        enter(client, CLIENT_UNREGISTERED);
        client->events->on_unregistered(client->arg, check_outcome(ret, &why) ? NULL : &why);
        return true;
    case QUESTION_KINDS: /* not a question of ours: ignored, as the peers do */
        break;
    }
    return true;
}

static bool on_return(struct registration_client *client, const struct rpc_return *ret,
                      struct error *err)
{
    enum question_kind kind = find_question(client, ret->answer);
    return kind == QUESTION_KINDS || settle(client, kind, ret, err);
}

/* The edge did not understand a question: that is its answer. */
static bool on_unimplemented(struct registration_client *client,
                             const struct rpc_unknown *unimplemented, struct error *err)
{
    if (unimplemented->tag != RPC_BOOTSTRAP && unimplemented->tag != RPC_CALL)
        return true;
    struct rpc_return ret = {
        .answer = unimplemented->id,
        .outcome = RPC_EXCEPTION,
        .exception = {RPC_EXCEPTION_UNIMPLEMENTED, SPAN("it does not know this message")},
    };
    return on_return(client, &ret, err);
}

static bool on_message(void *arg, const struct rpc_message *message, struct error *err)
{
    static const struct rpc_exception no_bootstrap = {
        .reason = SPAN_INIT("rpc: no bootstrap interface"),
    };
    static const struct rpc_exception no_capability = {
        .reason = SPAN_INIT("rpc: the connector exports no capability"),
    };
    struct registration_client *client = arg;
    switch (message->kind) {
    case RPC_RETURN:
        return on_return(client, &message->ret, err);
    case RPC_UNIMPLEMENTED:
        return on_unimplemented(client, &message->unimplemented, err);
    case RPC_BOOTSTRAP:
        return peer_send_exception(&client->peer, message->bootstrap.question, no_bootstrap, err);
    case RPC_CALL:
        return peer_send_exception(&client->peer, message->call.question, no_capability, err);
    case RPC_ABORT:
        client->peer.is_over = true; /* an Abort is not answered */
        return error_set(err, ERROR_NETWORK, 0, "the edge aborted: %.*s",
                         SPAN_ARG(span_first(message->abort.reason, ERROR_TEXT_MAX)));
    case RPC_FINISH:  /* of an exception above */
    case RPC_RELEASE: /* of nothing: we export nothing */
    case RPC_OTHER:
        return true;
    }
    return true;
}

static void send_bytes(void *arg, struct span bytes)
{
    struct registration_client *client = arg;
    client->events->send(client->arg, bytes);
}

struct registration_client *registration_client_new(const struct registration_client_events *events,
                                                    void *arg)
{
    static const struct peer_events peer_events = {send_bytes, on_message};
    struct registration_client *client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->events = events;
    client->arg = arg;
    peer_init(&client->peer, &peer_events, client);
    return client;
}

void registration_client_feed(struct registration_client *client, struct span bytes)
{
    struct error err = {0};
    if (client->state == CLIENT_CLOSED || peer_feed(&client->peer, bytes, &err))
        return;
    /* An event may have closed the client before the failure: then nobody listens any more. */
    if (client->state == CLIENT_CLOSED)
        return;
    enter(client, CLIENT_CLOSED);
    error_wrap(&err, "control stream");
    client->events->on_failed(client->arg, &err);
}

void registration_client_shutdown(struct registration_client *client)
{
    if (client->state == CLIENT_CLOSED)
        return;
    for (size_t kind = 0; kind < QUESTION_KINDS; kind++) {
        struct rpc_message finish = {
            .kind = RPC_FINISH,
            .finish = {.question = client->questions[kind].id, .release_results = true},
        };
        /* Best effort: the Abort says the same. */
        if (client->questions[kind].is_open)
            (void)!peer_send(&client->peer, &finish, NULL);
    }
    if (client->state != CLIENT_IDLE)
        peer_abort(&client->peer, SPAN("rpc: shutdown"));
    enter(client, CLIENT_CLOSED);
}

void registration_client_free(struct registration_client *client)
{
    if (!client)
        return;
    peer_release(&client->peer);
    free(client);
}
