/* The states of a registration, as the edge sees it. Every arrow names who walks it; every state
 * may also go to closed, by close or an end of the stream.
 *
 *   idle --on_register--> registering --accept--> registered
 *                              |                       |
 *                        refuse|          on_unregister|
 *                              v                       v
 *                           refused   gone <--unregistered-- unregistering
 *
 * Only one capability exists: the registration interface, our export 0. */
#include "culvert/rpc/registration_server.h"

#include "peer.h"

#include <assert.h>

enum server_state {
    SERVER_IDLE,
    SERVER_REGISTERING,
    SERVER_REGISTERED,
    SERVER_UNREGISTERING,
    SERVER_GONE,
    SERVER_REFUSED,
    SERVER_CLOSED,
    SERVER_STATES,
};

static const unsigned next_states[SERVER_STATES] = {
    [SERVER_IDLE] = BIT(SERVER_REGISTERING) | BIT(SERVER_CLOSED),
    [SERVER_REGISTERING] = BIT(SERVER_REGISTERED) | BIT(SERVER_REFUSED) | BIT(SERVER_CLOSED),
    [SERVER_REGISTERED] = BIT(SERVER_UNREGISTERING) | BIT(SERVER_CLOSED),
    [SERVER_UNREGISTERING] = BIT(SERVER_GONE) | BIT(SERVER_CLOSED),
    [SERVER_GONE] = BIT(SERVER_CLOSED),
    [SERVER_REFUSED] = BIT(SERVER_CLOSED),
    [SERVER_CLOSED] = 0,
};

enum {
    EXPORT = 0,
    /* Questions that are not finished. Connectors have two at a time, three in a hurry. */
    ANSWERS_MAX = 16,
};

enum answer_state {
    ANSWER_NONE,
    ANSWER_WAITING,   /* the Return is still to be sent */
    ANSWER_ABANDONED, /* likewise, but the connector has sent its Finish already */
    ANSWER_RETURNED,  /* the Finish is still to come */
};

struct answer {
    enum answer_state state;
    uint32_t question;
    bool is_bootstrap;   /* it returns the interface: calls may be sent to it */
    bool release_params; /* capabilities came with the parameters: we let them go */
};

struct registration_server {
    struct peer peer;
    const struct registration_server_events *events;
    void *arg;
    enum server_state state;
    struct answer answers[ANSWERS_MAX];
    struct answer
        *pending;        /* the call that the owner answers; NULL when there is none (any more) */
    uint64_t references; /* to our export, held by the connector */
};

/* The only place that writes `state`. */
static void enter(struct registration_server *server, enum server_state next)
{
    assert(next_states[server->state] & BIT(next));
    server->state = next;
}

static struct answer *find_answer(struct registration_server *server, uint32_t question)
{
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        if (server->answers[i].state != ANSWER_NONE && server->answers[i].question == question)
            return &server->answers[i];
    return NULL;
}

static struct answer *find_room(struct registration_server *server)
{
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        if (server->answers[i].state == ANSWER_NONE)
            return &server->answers[i];
    return NULL;
}

/* Notes a question. A number may come again once it was answered or given up, whether or not the
 * Finish has come: connectors hurry. NULL: it is asked twice, or too many are open. */
static struct answer *open_answer(struct registration_server *server, uint32_t question,
                                  struct error *err)
{
    struct answer *answer = find_answer(server, question);
    if (answer && answer->state == ANSWER_WAITING) {
        error_set(err, ERROR_PROTOCOL, 0, "question %u is asked twice", (unsigned)question);
        return NULL;
    }
    if (answer && answer == server->pending)
        server->pending = NULL; /* nobody waits for it */
    if (!answer)
        answer = find_room(server);
    if (!answer) {
        error_set(err, ERROR_LIMIT, 0, "more than %d questions are open", ANSWERS_MAX);
        return NULL;
    }
    *answer = (struct answer){.state = ANSWER_WAITING, .question = question};
    return answer;
}

/* Sends the Return of `answer`, which gets its number and flags here. */
static bool settle(struct registration_server *server, struct answer *answer, struct rpc_return ret,
                   struct error *err)
{
    ret.answer = answer->question;
    ret.release_params = answer->release_params;
    answer->state = answer->state == ANSWER_ABANDONED ? ANSWER_NONE : ANSWER_RETURNED;
    struct rpc_message message = {.kind = RPC_RETURN, .ret = ret};
    return peer_send(&server->peer, &message, err);
}

static bool settle_done(struct registration_server *server, struct answer *answer,
                        struct error *err)
{
    return settle(server, answer,
                  (struct rpc_return){.results = {.write = registration_nothing_write}}, err);
}

static bool settle_exception(struct registration_server *server, struct answer *answer,
                             enum rpc_exception_type type, struct span reason, struct error *err)
{
    return settle(server, answer,
                  (struct rpc_return){
                      .outcome = RPC_EXCEPTION,
                      .exception = {.type = (uint16_t)type, .reason = reason},
                  },
                  err);
}

/* Tells the connector what is wrong with its parameters, then gives the stream up: `err` says it to
 * the owner too. */
static bool settle_broken(struct registration_server *server, struct answer *answer,
                          const struct error *err)
{
    (void)!settle_exception(server, answer, RPC_EXCEPTION_FAILED, span_of(err->text), NULL);
    return false;
}

static bool on_bootstrap(struct registration_server *server, uint32_t question, struct error *err)
{
    struct answer *answer = open_answer(server, question, err);
    if (!answer)
        return false;
    answer->is_bootstrap = true;
    server->references++;
    return settle(server, answer,
                  (struct rpc_return){.results = {.is_capability = true, .capability = EXPORT}},
                  err);
}

static bool leads_to_us(struct registration_server *server, const struct rpc_target *target)
{
    if (target->kind == RPC_TARGET_CAPABILITY)
        return target->id == EXPORT && server->references > 0;
    if (target->kind != RPC_TARGET_ANSWER || target->has_transform)
        return false;
    const struct answer *answer = find_answer(server, target->id);
    return answer && answer->is_bootstrap;
}

static bool on_register(struct registration_server *server, struct answer *answer,
                        const struct capnp_struct *content, struct error *err)
{
    struct registration_params params;
    if (server->state != SERVER_IDLE)
        return settle_exception(server, answer, RPC_EXCEPTION_FAILED,
                                SPAN("this control stream has registered before"), err);
    if (!registration_params_read(content, &params, err))
        return settle_broken(server, answer, err);
    enter(server, SERVER_REGISTERING);
    server->pending = answer;
    server->events->on_register(server->arg, &params);
    return true;
}

static bool on_unregister(struct registration_server *server, struct answer *answer,
                          struct error *err)
{
    if (server->state != SERVER_REGISTERED)
        return settle_exception(server, answer, RPC_EXCEPTION_FAILED, SPAN("not registered"), err);
    enter(server, SERVER_UNREGISTERING);
    server->pending = answer;
    server->events->on_unregister(server->arg);
    return true;
}

static bool on_local_configuration(struct registration_server *server, struct answer *answer,
                                   const struct capnp_struct *content, struct error *err)
{
    struct span json;
    if (server->state != SERVER_REGISTERED)
        return settle_exception(server, answer, RPC_EXCEPTION_FAILED, SPAN("not registered"), err);
    if (!registration_configuration_read(content, &json, err))
        return settle_broken(server, answer, err);
    server->events->on_local_configuration(server->arg, json);
    return settle_done(server, answer, err);
}

static bool on_call(struct registration_server *server, const struct rpc_call *call,
                    struct error *err)
{
    if (call->results_to != 0)
        return peer_send_unimplemented(
            &server->peer, (struct rpc_unknown){.tag = RPC_CALL, .id = call->question}, err);
    struct answer *answer = open_answer(server, call->question, err);
    if (!answer)
        return false;
    answer->release_params = call->params.capability_count > 0;
    if (!leads_to_us(server, &call->target))
        return settle_exception(server, answer, RPC_EXCEPTION_FAILED,
                                SPAN("the call leads to nothing"), err);
    if (call->interface_id == REGISTRATION_INTERFACE) {
        switch (call->method) {
        case REGISTRATION_REGISTER:
            return on_register(server, answer, &call->params.content, err);
        case REGISTRATION_UNREGISTER:
            return on_unregister(server, answer, err);
        case REGISTRATION_UPDATE_LOCAL_CONFIGURATION:
            return on_local_configuration(server, answer, &call->params.content, err);
        default:
            break;
        }
    }
    return settle_exception(server, answer, RPC_EXCEPTION_UNIMPLEMENTED, SPAN("no such method"),
                            err);
}

static void release(struct registration_server *server, uint64_t count)
{
    /* Who lets go more than it holds harms itself only. */
    server->references -= count < server->references ? count : server->references;
}

static void on_finish(struct registration_server *server, uint32_t question, bool release_results)
{
    struct answer *answer = find_answer(server, question);
    if (!answer)
        return;
    if (answer->state == ANSWER_WAITING) {
        answer->state = ANSWER_ABANDONED;
        return;
    }
    if (answer->state != ANSWER_RETURNED)
        return;
    if (answer->is_bootstrap && release_results)
        release(server, 1);
    answer->state = ANSWER_NONE;
}

static bool on_message(void *arg, const struct rpc_message *message, struct error *err)
{
    struct registration_server *server = arg;
    switch (message->kind) {
    case RPC_BOOTSTRAP:
        return on_bootstrap(server, message->bootstrap.question, err);
    case RPC_CALL:
        return on_call(server, &message->call, err);
    case RPC_FINISH:
        on_finish(server, message->finish.question, message->finish.release_results);
        return true;
    case RPC_RELEASE:
        if (message->release.id == EXPORT)
            release(server, message->release.count);
        return true;
    case RPC_ABORT:
        server->peer.is_over = true; /* an Abort is not answered */
        enter(server, SERVER_CLOSED);
        server->events->on_closed(server->arg, message->abort.reason);
        return true;
    case RPC_RETURN:        /* we ask nothing */
    case RPC_UNIMPLEMENTED: /* of an answer of ours: it is not missed */
    case RPC_OTHER:
        return true;
    }
    return true;
}

/* Leaves `from`, whose call the owner answers with `ret`. */
static bool answer_pending(struct registration_server *server, enum server_state from,
                           enum server_state to, struct rpc_return ret, struct error *err)
{
    struct answer *answer = server->pending;
    if (server->state == SERVER_CLOSED)
        return true;
    if (server->state != from)
        return error_set(err, ERROR_INVALID, 0, "no call waits for this answer");
    enter(server, to);
    server->pending = NULL;
    return !answer || settle(server, answer, ret, err);
}

bool registration_server_accept(struct registration_server *server,
                                const struct connection_details *details, struct error *err)
{
    struct registration_result result = {.outcome = REGISTRATION_ACCEPTED, .details = *details};
    struct rpc_return ret = {.results = {.write = registration_result_write, .value = &result}};
    server->peer.frame.limit = FRAME_MESSAGE_MAX;
    return answer_pending(server, SERVER_REGISTERING, SERVER_REGISTERED, ret, err);
}

bool registration_server_refuse(struct registration_server *server,
                                const struct registration_refusal *refusal, struct error *err)
{
    struct registration_result result = {.outcome = REGISTRATION_REFUSED, .refusal = *refusal};
    struct rpc_return ret = {.results = {.write = registration_result_write, .value = &result}};
    return answer_pending(server, SERVER_REGISTERING, SERVER_REFUSED, ret, err);
}

bool registration_server_unregistered(struct registration_server *server, struct error *err)
{
    struct rpc_return ret = {.results = {.write = registration_nothing_write}};
    return answer_pending(server, SERVER_UNREGISTERING, SERVER_GONE, ret, err);
}

static void send_bytes(void *arg, struct span bytes)
{
    struct registration_server *server = arg;
    server->events->send(server->arg, bytes);
}

struct registration_server *registration_server_new(const struct registration_server_events *events,
                                                    void *arg)
{
    static const struct peer_events peer_events = {send_bytes, on_message};
    struct registration_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->events = events;
    server->arg = arg;
    peer_init(&server->peer, &peer_events, server);
    server->peer.frame.limit = REGISTRATION_STRANGER_MAX;
    return server;
}

void registration_server_feed(struct registration_server *server, struct span bytes)
{
    struct error err = {0};
    if (server->state == SERVER_CLOSED || peer_feed(&server->peer, bytes, &err))
        return;
    /* An event may have closed the server before the failure: then nobody listens any more. */
    if (server->state == SERVER_CLOSED)
        return;
    enter(server, SERVER_CLOSED);
    error_wrap(&err, "control stream");
    server->events->on_failed(server->arg, &err);
}

void registration_server_close(struct registration_server *server, struct span reason)
{
    if (server->state == SERVER_CLOSED)
        return;
    peer_abort(&server->peer, reason);
    enter(server, SERVER_CLOSED);
}

void registration_server_free(struct registration_server *server)
{
    if (!server)
        return;
    peer_release(&server->peer);
    free(server);
}
