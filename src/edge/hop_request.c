/* A request that came over a hop: the other worker has adapted its head already, and unpacks the
 * answer, so that it passes here as it is. What fails before an answer is told in a field, by the
 * kind that the connection itself would have told; what fails later is a reset. */
#include "hop_request.h"

#include "culvert/edge/hop_word.h"
#include "culvert/edge/tunnel_opener.h"
#include "culvert/proxy/exchange.h"
#include "culvert/tunnel/stream_kind.h"
#include "culvert/tunnel/user_headers.h"

struct hop_request {
    struct opener opener;
    struct hop_requests *all;
    struct link link;
    struct uuid tunnel_id, avoid;
    struct uuid used; /* the connection that was asked; nil: none */
    bool is_websocket;
    struct reap reap;
};

static void destroy(void *object)
{
    free(object);
}

static void reset(struct inbound *in)
{
    struct error why;
    error_set(&why, ERROR_PROTOCOL, 0, "nothing that is served over a hop");
    inbound_reset(in, &why);
    inbound_close(in);
}

/* Never over a hop again: the connection is one of this worker, or there is none. */
static struct outbound *open_local(struct opener *base, const struct request_head *head,
                                   struct body *body, const struct outbound_events *events,
                                   void *arg, struct error *err)
{
    struct hop_request *request = CONTAINER_OF(base, struct hop_request, opener);
    struct registered *entry = registry_pick(request->all->registry, &request->tunnel_id,
                                             uuid_is_nil(&request->avoid) ? NULL : &request->avoid);
    if (!entry) {
        error_set(err, ERROR_LIMIT, 0, "no live connection of the tunnel takes requests there");
        return NULL;
    }
    request->used = entry->connection_id;
    struct outbound *out = h2_session_open(entry->session, head, body, events, arg, err);
    if (out)
        out->moves_on = uuid_is_nil(&request->avoid) && tunnel_may_move_on(head);
    return out;
}

/* The other worker will say 101; here it stays what the connector said. */
static bool note_upgrade(struct response_head *head, struct error *err)
{
    struct headers fields;
    struct span packed;
    headers_init(&fields);
    bool ok = !headers_find(&head->fields, SPAN(USER_HEADERS_FIELD), &packed) ||
              user_headers_unpack(packed, &fields, err);
    head->is_upgrade = ok && stream_is_upgraded(head->status, &fields);
    headers_release(&fields);
    return ok;
}

static bool adapt(void *arg, struct response_head *head, struct error *err)
{
    const struct hop_request *request = arg;
    hop_failure_strip(&head->fields);
    return !request->is_websocket || note_upgrade(head, err);
}

static int fail(void *arg, struct inbound *in, const struct error *why)
{
    const struct hop_request *request = arg;
    struct response_head head;
    struct error err;
    response_head_init(&head);
    head.status = 503;
    head.length = 0;
    head.ends_here = true;
    bool ok = hop_failure_put(&head.fields, why, &request->used, &err) &&
              inbound_answer(in, &head, NULL, &err);
    response_head_release(&head);
    if (ok)
        return 503;
    inbound_reset(in, &err);
    return 0;
}

static void ended(void *arg, const struct exchange_report *report)
{
    struct hop_request *request = arg;
    (void)report; /* the visitor's worker keeps the books */
    list_remove(&request->all->open, &request->link);
    loop_reap(request->all->loop, &request->reap, destroy, request);
}

static const struct exchange_hooks hooks = {.adapt = adapt, .fail = fail, .ended = ended};
static const struct opener_ops opener_ops = {open_local};

static void serve_tunnel(struct hop_requests *all, struct inbound *in, const struct hop_word *word)
{
    struct hop_request *request = calloc(1, sizeof *request);
    if (!request) {
        reset(in);
        return;
    }
    request->opener.ops = &opener_ops;
    request->all = all;
    request->tunnel_id = word->tunnel_id;
    request->avoid = word->avoid;
    request->is_websocket = stream_kind_of(&in->head) == STREAM_WEBSOCKET;
    list_put_last(&all->open, &request->link);
    (void)exchange_start(all->loop, in, &request->opener, NULL, &hooks, request);
}

void hop_request_serve(struct hop_requests *all, struct inbound *in)
{
    struct hop_word word;
    if (!hop_word_take(&in->head.fields, &word)) {
        reset(in);
        return;
    }
    switch (word.kind) {
    case HOP_TUNNEL:
        serve_tunnel(all, in, &word);
        return;
    case HOP_OWN:
        if (all->on_own)
            all->on_own(all->arg, in, &word.visitor);
        else
            reset(in);
        return;
    }
}
