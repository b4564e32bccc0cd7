/* One function for each action. The bearer is checked first, so that who has none learns nothing
 * but that. */
#include "culvert/edge/api_run.h"

#include "culvert/base/encode.h"
#include "culvert/tunnel/credentials.h"

#include "api_answer.h"
#include "api_objects.h"

enum { SECRET_TEXT_MAX = STORE_TUNNEL_SECRET_MAX / 3 * 4 + 8 }; /* in base64 */

static void no_such_tunnel(struct api_work *work)
{
    api_refuse(work->answer, 404, API_CODE_NO_TUNNEL, "no such tunnel");
}

/* Finds the tunnel of the path, also a deleted one; else the answer is given. */
static bool find_tunnel(struct api_work *work, struct store_tunnel *tunnel)
{
    struct error err = {0};
    enum store_result result = store_tunnels_find(work->context->db, work->account.id,
                                                  &work->call->tunnel_id, tunnel, &err);
    if (result == STORE_NONE)
        no_such_tunnel(work);
    else if (result != STORE_OK)
        api_fail(work->answer, &err);
    return result == STORE_OK;
}

static struct doc *tunnel_object(const struct api_work *work, const struct store_tunnel *tunnel)
{
    return api_tunnel_object(tunnel, work->call->connections);
}

/* Appends the tunnel token. */
static bool put_token(const struct api_work *work, const struct uuid *tunnel_id, struct span secret,
                      struct buf *out)
{
    struct credentials *creds = credentials_new(span_of(work->account.id), tunnel_id, secret);
    const struct edge_contact *contact = work->context->contact;
    bool ok = creds && (!contact || edge_contact_copy(&creds->contact, contact)) &&
              credentials_format_token(creds, out);
    credentials_free(creds);
    return ok;
}

static bool fill_credentials(const struct api_work *work, const struct store_tunnel *tunnel,
                             struct doc *object)
{
    struct buf secret = BUF_LIMIT(SECRET_TEXT_MAX);
    char id[UUID_TEXT_SIZE];
    uuid_format(&tunnel->id, id);
    bool ok = base64_encode(BASE64_STANDARD, buf_span(&work->call->secret), &secret) &&
              doc_put_text(object, "AccountTag", span_of(tunnel->account_id)) &&
              doc_put_text(object, "TunnelID", span_of(id)) &&
              doc_put_text(object, "TunnelName", span_of(tunnel->name)) &&
              doc_put_text(object, "TunnelSecret", buf_span(&secret));
    buf_wipe(&secret);
    return ok;
}

/* What only the answer to creation has. */
static struct doc *created_object(const struct api_work *work, const struct store_tunnel *tunnel)
{
    struct buf token = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    struct doc *object = tunnel_object(work, tunnel);
    struct doc *file = doc_object();
    bool ok = object && file && fill_credentials(work, tunnel, file);
    if (ok) {
        ok = doc_put(object, "credentials_file", file) &&
             put_token(work, &tunnel->id, buf_span(&work->call->secret), &token) &&
             doc_put_text(object, "token", buf_span(&token));
    } else {
        doc_wipe(file);
    }
    buf_wipe(&token);
    if (ok)
        return object;
    doc_wipe(object);
    return NULL;
}

static void create_tunnel(struct api_work *work)
{
    struct error err = {0};
    struct store_tunnel tunnel;
    struct store_tunnel_new what = {
        .account_id = work->account.id,
        .id = uuid_make(),
        .name = work->call->name,
        .secret = buf_span(&work->call->secret),
        .now_ms = work->context->now_ms,
    };
    enum store_result result = store_tunnels_create(work->context->db, &what, &tunnel, &err);
    if (result == STORE_EXISTS)
        api_refuse(work->answer, 409, API_CODE_NAME_TAKEN,
                   "there is a tunnel named %.*s already: choose another name or delete it",
                   SPAN_ARG(span_first(work->call->name, 80)));
    else if (result != STORE_OK)
        api_fail(work->answer, &err);
    else
        api_succeed(work->answer, created_object(work, &tunnel), NULL);
}

static struct doc *page_info(const struct store_tunnel_filter *filter,
                             const struct store_tunnel_list *list)
{
    struct doc *info = doc_object();
    uint64_t pages = (list->total + filter->per_page - 1) / filter->per_page;
    if (info && doc_put_int(info, "count", (int64_t)list->count) &&
        doc_put_int(info, "page", (int64_t)filter->page) &&
        doc_put_int(info, "per_page", (int64_t)filter->per_page) &&
        doc_put_int(info, "total_count", (int64_t)list->total) &&
        doc_put_int(info, "total_pages", (int64_t)pages))
        return info;
    doc_free(info);
    return NULL;
}

static struct doc *tunnel_array(const struct api_work *work, const struct store_tunnel_list *list)
{
    struct doc *array = doc_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < list->count; i++)
        ok = doc_append(array, tunnel_object(work, &list->items[i]));
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}

static void list_tunnels(struct api_work *work)
{
    struct error err = {0};
    struct store_tunnel_list list = {0};
    struct store_tunnel_filter filter = work->call->filter;
    filter.account_id = work->account.id;
    if (store_tunnels_list(work->context->db, &filter, &list, &err) != STORE_OK) {
        api_fail(work->answer, &err);
        return;
    }
    struct doc *info = page_info(&filter, &list);
    struct doc *array = info ? tunnel_array(work, &list) : NULL;
    api_succeed(work->answer, array, info);
    store_tunnel_list_release(&list);
}

static void get_tunnel(struct api_work *work)
{
    struct store_tunnel tunnel;
    if (find_tunnel(work, &tunnel))
        api_succeed(work->answer, tunnel_object(work, &tunnel), NULL);
}

/* Reads all routes for the loop, which serves the old ones until it is given them: what fails for a
 * moment is tried again. False: the answer is given. */
static bool take_routes(struct api_work *work)
{
    enum { TRIES = 3 };
    struct error err = {0};
    int left = TRIES;
    while (left > 0 &&
           store_routes_list(work->context->db, &work->answer->routes, &err) != STORE_OK)
        left--;
    if (left == 0) {
        api_fail(work->answer, &err);
        return false;
    }
    work->answer->routes_changed = true;
    return true;
}

static void delete_tunnel(struct api_work *work)
{
    struct error err = {0};
    struct store_tunnel tunnel;
    const struct api_call *call = work->call;
    struct api_answer *answer = work->answer;
    struct store_tunnel_delete what = {work->account.id, call->tunnel_id, call->cascade,
                                       work->context->now_ms};
    size_t connected = api_connection_count(api_connectors_of(call->connections, &call->tunnel_id));

    if (connected > 0 && !call->cascade && find_tunnel(work, &tunnel))
        api_refuse(answer, 400, API_CODE_CONNECTED,
                   "the tunnel has %zu live connections: stop its connectors or force it",
                   connected);
    if (answer->status != 0)
        return;
    switch (store_tunnels_delete(work->context->db, &what, &tunnel, &err)) {
    case STORE_OK:
        answer->drops_connections = answer->deleted = true;
        answer->tunnel_id = call->tunnel_id;
        if (!call->cascade || take_routes(work))
            api_succeed(answer, api_tunnel_object(&tunnel, NULL), NULL);
        break;
    case STORE_NONE:
        no_such_tunnel(work);
        break;
    case STORE_IN_USE:
        api_refuse(answer, 400, API_CODE_HAS_ROUTES,
                   "the tunnel has DNS routes: route their names elsewhere or force it");
        break;
    case STORE_EXISTS:
    case STORE_FAILED:
        api_fail(answer, &err);
        break;
    }
}

static void give_token(struct api_work *work)
{
    struct error err = {0};
    struct buf secret = BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    struct buf token = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    const struct uuid *id = &work->call->tunnel_id;
    enum store_result result =
        store_tunnels_secret(work->context->db, span_of(work->account.id), id, &secret, &err);
    if (result == STORE_NONE) {
        no_such_tunnel(work);
    } else if (result != STORE_OK) {
        api_fail(work->answer, &err);
    } else {
        bool ok = put_token(work, id, buf_span(&secret), &token);
        api_succeed(work->answer, ok ? doc_text(buf_span(&token)) : NULL, NULL);
    }
    buf_wipe(&secret);
    buf_wipe(&token);
}

static void list_connections(struct api_work *work)
{
    struct store_tunnel tunnel;
    const struct api_call *call = work->call;
    if (find_tunnel(work, &tunnel))
        api_succeed(work->answer,
                    api_connectors_array(api_connectors_of(call->connections, &tunnel.id)), NULL);
}

static void drop_connections(struct api_work *work)
{
    struct store_tunnel tunnel;
    struct api_answer *answer = work->answer;
    if (!find_tunnel(work, &tunnel))
        return;
    answer->drops_connections = true;
    answer->tunnel_id = tunnel.id;
    answer->only_client = work->call->has_client;
    answer->client_id = work->call->client_id;
    api_succeed(answer, doc_null(), NULL);
}

static void put_route(struct api_work *work)
{
    api_put_route(work);
    if (work->answer->routes_changed && !take_routes(work))
        work->answer->routes_changed = false;
}

static void do_nothing(struct api_work *work)
{
    (void)work; /* the refusal is the answer */
}

static void (*const actions[])(struct api_work *work) = {
    [API_NOTHING] = do_nothing,
    [API_TUNNEL_CREATE] = create_tunnel,
    [API_TUNNEL_LIST] = list_tunnels,
    [API_TUNNEL_GET] = get_tunnel,
    [API_TUNNEL_DELETE] = delete_tunnel,
    [API_TUNNEL_TOKEN] = give_token,
    [API_CONNECTIONS_LIST] = list_connections,
    [API_CONNECTIONS_DROP] = drop_connections,
    [API_ROUTE_PUT] = put_route,
};

/* Does the bearer belong to the account or the zone of the path? Else the answer is given. */
static bool is_admitted(struct api_work *work)
{
    struct error err = {0};
    const struct api_call *call = work->call;
    enum store_result result = store_tokens_check(work->context->db, span_of(call->bearer),
                                                  work->context->now_ms, &work->account, &err);
    bool fits = result == STORE_OK &&
                (call->action == API_ROUTE_PUT || /* the zone says later whose it is */
                 strcmp(call->owner, work->account.id) == 0);
    if (result == STORE_FAILED)
        api_fail(work->answer, &err);
    else if (!fits)
        api_refuse(work->answer, 403, API_CODE_AUTH,
                   "Authentication error: the token is not one of this account, or has expired");
    return fits;
}

void api_run(const struct api_call *call, const struct api_context *context,
             struct api_answer *answer)
{
    const struct api_refusal *refusal = &call->refusal;
    struct api_work work = {.call = call, .context = context, .answer = answer};
    *answer = (struct api_answer){0};
    if (call->action != API_NOTHING && !is_admitted(&work))
        return;
    if (refusal->status != 0)
        api_refuse(answer, refusal->status, refusal->code, "%s", refusal->text);
    else
        actions[call->action](&work);
}

void api_answer_release(struct api_answer *answer)
{
    buf_wipe(&answer->json);
    store_route_list_release(&answer->routes);
    *answer = (struct api_answer){0};
}
