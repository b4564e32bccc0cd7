/* Requests that clients of the field were recorded with, sent through the API against a store that
 * holds what the recorded answers show. Compared are the fields that clients read. */
#include "culvert/edge/api_run.h"

#include "culvert/base/clock.h"
#include "culvert/base/encode.h"
#include "culvert/tunnel/credentials.h"
#include "harness.h"
#include "support/stored.h"
#include "support/vectors.h"

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

/* The account and zone of the recordings. */
#define RECORDED_ACCOUNT "0123456789abcdef0123456789abcdef"
#define RECORDED_ZONE    "fedcba9876543210fedcba9876543210"

enum {
    STEPS_MAX = 4096, /* bytes of a request with its placeholders filled in */
    PAIRS_MAX = 1024, /* values of an answer */
};

struct replay {
    struct stored store;
    char bearer[STORE_TOKEN_SIZE + 8];
    const char *name; /* of the case */
    struct buf connections;
    int64_t now_ms;
};

static const struct recorded {
    const char *file, *name;
    const char *other_seed; /* a case of the same file whose tunnels are there, too */
    const char *routed;     /* a name that the first tunnel has already */
} recordings[] = {
    {"api/create.json", "create-ok", NULL, NULL},
    {"api/create.json", "create-secret-env-48", NULL, NULL},
    {"api/list.json", "list-empty", NULL, NULL},
    {"api/list.json", "list-table", NULL, NULL},
    {"api/list.json", "list-sort-name", NULL, NULL},
    {"api/list.json", "list-filter-name", "list-sort-name", NULL},
    {"api/list.json", "list-filter-prefixes", "list-sort-name", NULL},
    {"api/list.json", "list-filter-id", "list-sort-name", NULL},
    {"api/list.json", "list-pending-shown", NULL, NULL},
    {"api/delete.json", "delete-name", NULL, NULL},
    {"api/delete.json", "delete-uuid", NULL, NULL},
    {"api/delete.json", "delete-force", NULL, NULL},
    {"api/delete.json", "delete-active-refused", NULL, NULL},
    {"api/delete.json", "delete-name-unknown", "delete-name", NULL},
    {"api/delete.json", "delete-already-deleted", NULL, NULL},
    {"api/token.json", "token-name", NULL, NULL},
    {"api/token.json", "token-uuid", "token-name", NULL},
    {"api/info.json", "info-name", NULL, NULL},
    {"api/info.json", "info-none", NULL, NULL},
    {"api/info.json", "info-deleted", NULL, NULL},
    {"api/info.json", "info-pending", NULL, NULL},
    {"api/cleanup.json", "cleanup-name", NULL, NULL},
    {"api/cleanup.json", "cleanup-uuid-connector", "cleanup-name", NULL},
    {"api/cleanup.json", "cleanup-error-exit0", NULL, NULL},
    {"api/route-dns.json", "route-dns-new", NULL, NULL},
    {"api/route-dns.json", "route-dns-uuid", "route-dns-new", NULL},
    {"api/route-dns.json", "route-dns-conflict", "route-dns-new", "app.example.com"},
    {"api/route-dns.json", "route-dns-overwrite-env", "route-dns-new", "app.example.com"},
};

/* Members that clients read and that are ours to give. Their order is not looked at. */
static const char *const compared[] = {
    "name",    "deleted_at",  "created_at", "connections", "colo_name", "is_pending_reconnect",
    "arch",    "run_at",      "conns",      "features",    "version",   "origin_ip",
    "cname",   "opened_at",   "id",         "count",       "page",      "total_count",
    "success", "result_info", "result",
};

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN("");
    const struct doc *value = doc_get(object, key);
    return value && doc_as_text(value, &text) ? text : SPAN("");
}

static const struct doc *case_named(const struct doc *recording, const char *name)
{
    const struct doc *cases = doc_get(recording, "cases");
    for (size_t i = 0; i < doc_count(cases); i++)
        if (span_equal(text_of(doc_at(cases, i), "name"), span_of(name)))
            return doc_at(cases, i);
    return NULL;
}

static int64_t time_of(struct span text)
{
    int64_t unix_ms = 0;
    return clock_parse(text, &unix_ms) ? unix_ms : 0;
}

/* Puts a tunnel of a recorded answer into the store, unless it is there. */
static void seed_tunnel(struct replay *replay, const struct doc *tunnel)
{
    struct buf secret = BUF_LIMIT(64);
    struct store_tunnel made;
    struct store_tunnel_new what = {.account_id = replay->store.account.id,
                                    .name = text_of(tunnel, "name"),
                                    .now_ms = time_of(text_of(tunnel, "created_at"))};
    if (!uuid_parse(text_of(tunnel, "id"), &what.id) || what.now_ms == 0 ||
        store_tunnels_find(replay->store.db, what.account_id, &what.id, &made, NULL) == STORE_OK)
        return;
    CHECK(base64_decode(BASE64_STANDARD, SPAN(SECRET), &secret));
    what.secret = buf_span(&secret);
    CHECK(store_tunnels_create(replay->store.db, &what, &made, NULL) == STORE_OK);
    int64_t deleted_ms = time_of(text_of(tunnel, "deleted_at"));
    struct store_tunnel_delete gone = {what.account_id, what.id, true, deleted_ms};
    if (deleted_ms > 0)
        CHECK(store_tunnels_delete(replay->store.db, &gone, &made, NULL) == STORE_OK);
    buf_wipe(&secret);
}

/* Adds "<id>":<connectors>, to what the loop would know, when there is something. */
static void seed_connectors(struct replay *replay, struct span id, const struct doc *connectors)
{
    if (doc_count(connectors) > 0)
        CHECK(buf_printf(&replay->connections,
                         "%s\"%.*s\":", replay->connections.len > 1 ? "," : "", SPAN_ARG(id)) &&
              doc_format(connectors, DOC_COMPACT, &replay->connections));
}

static bool knows(const struct replay *replay, struct span id)
{
    return memmem(replay->connections.data, replay->connections.len, id.data, id.len) != NULL;
}

/* From the tunnel itself: one connector with all its connections. */
static void seed_connections(struct replay *replay, const struct doc *tunnel)
{
    struct span id = text_of(tunnel, "id");
    const struct doc *connections = doc_get(tunnel, "connections");
    if (doc_count(connections) == 0 || knows(replay, id))
        return;
    CHECK(buf_printf(&replay->connections, "%s\"%.*s\":[{\"id\":\"c\",\"conns\":",
                     replay->connections.len > 1 ? "," : "", SPAN_ARG(id)) &&
          doc_format(connections, DOC_COMPACT, &replay->connections) &&
          buf_put_span(&replay->connections, SPAN("}]")));
}

static void each_tunnel(struct replay *replay, const struct doc *result,
                        void (*seed)(struct replay *replay, const struct doc *tunnel))
{
    if (doc_get(result, "created_at"))
        seed(replay, result);
    for (size_t i = 0; result && doc_kind(result) == DOC_ARRAY && i < doc_count(result); i++)
        if (doc_get(doc_at(result, i), "created_at"))
            seed(replay, doc_at(result, i));
}

/* The tunnel in ".../cfd_tunnel/<id>/connections"; "" in other paths. */
static struct span connectors_path(struct span path)
{
    struct span end = SPAN("/connections");
    if (!span_ends(path, end) || path.len < end.len + UUID_TEXT_SIZE)
        return SPAN("");
    return span_make(path.data + path.len - end.len - (UUID_TEXT_SIZE - 1), UUID_TEXT_SIZE - 1);
}

/* The store and the loop's knowledge as the answers of a case show them. */
static void seed(struct replay *replay, const struct doc *recorded)
{
    const struct doc *exchanges = doc_get(recorded, "exchanges");
    for (size_t i = 0; i < doc_count(exchanges); i++) {
        const struct doc *exchange = doc_at(exchanges, i);
        const struct doc *result =
            doc_get(doc_get(doc_get(exchange, "response"), "json"), "result");
        struct span id = connectors_path(text_of(doc_get(exchange, "request"), "path"));
        if (id.len > 0 && result && doc_kind(result) == DOC_ARRAY)
            seed_connectors(replay, id, result);
        if (!span_equal(text_of(doc_get(exchange, "request"), "method"), SPAN("POST")))
            each_tunnel(replay, result, seed_tunnel);
    }
    for (size_t i = 0; i < doc_count(exchanges); i++) {
        const struct doc *json = doc_get(doc_get(doc_at(exchanges, i), "response"), "json");
        each_tunnel(replay, doc_get(json, "result"), seed_connections);
    }
}

/* Appends `text` with the recorded ids and placeholders replaced. */
static void fill_in(const struct replay *replay, struct span text, struct buf *out)
{
    const struct {
        struct span from, to;
    } words[] = {
        {SPAN(RECORDED_ACCOUNT), span_of(replay->store.account.id)},
        {SPAN(RECORDED_ZONE), span_of(replay->store.zone.id)},
        {SPAN("${SECRET32}"), SPAN(SECRET)},
    };
    while (text.len > 0) {
        size_t n = 1;
        struct span put = span_first(text, 1);
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
            if (!span_starts(text, words[i].from))
                continue;
            put = words[i].to;
            n = words[i].from.len;
        }
        CHECK(buf_put_span(out, put));
        text = span_skip(text, n);
    }
}

static const struct doc *element_like(const struct doc *array, const struct doc *want, size_t index)
{
    struct span id = text_of(want, "id");
    for (size_t i = 0; id.len > 0 && i < doc_count(array); i++)
        if (span_equal(text_of(doc_at(array, i), "id"), id))
            return doc_at(array, i);
    return doc_at(array, index);
}

/* Two values to be compared, and all that are still to be. */
struct pair {
    const char *key;
    const struct doc *want, *got;
};

struct pairs {
    struct pair items[PAIRS_MAX];
    size_t count;
};

static void put_pair(struct pairs *pairs, const char *key, const struct doc *want,
                     const struct doc *got)
{
    CHECK(pairs->count < PAIRS_MAX);
    if (want && pairs->count < PAIRS_MAX)
        pairs->items[pairs->count++] = (struct pair){key, want, got};
}

/* Texts, numbers and truths; times as moments. */
static bool is_same(const struct pair *pair)
{
    struct span want, got;
    int64_t want_number, got_number;
    bool want_truth, got_truth;
    if (doc_as_text(pair->want, &want))
        return doc_as_text(pair->got, &got) &&
               (span_ends(span_of(pair->key), SPAN("_at")) ? time_of(want) == time_of(got)
                                                           : span_equal(want, got));
    if (doc_as_int(pair->want, &want_number))
        return doc_as_int(pair->got, &got_number) && want_number == got_number;
    if (doc_as_bool(pair->want, &want_truth))
        return doc_as_bool(pair->got, &got_truth) && want_truth == got_truth;
    return true; /* null, or compared part by part */
}

static void put_parts(struct pairs *pairs, const struct pair *pair)
{
    if (doc_kind(pair->want) == DOC_ARRAY) {
        CHECK_SIZE(doc_count(pair->got), doc_count(pair->want));
        for (size_t i = 0; i < doc_count(pair->want); i++)
            put_pair(pairs, pair->key, doc_at(pair->want, i),
                     element_like(pair->got, doc_at(pair->want, i), i));
    }
    for (size_t i = 0; doc_kind(pair->want) == DOC_OBJECT && i < ARRAY_LEN(compared); i++)
        put_pair(pairs, compared[i], doc_get(pair->want, compared[i]),
                 doc_get(pair->got, compared[i]));
}

static void check_alike(const struct replay *replay, const struct doc *want, const struct doc *got)
{
    struct pairs pairs = {{{"answer", want, got}}, 1};
    while (pairs.count > 0) {
        struct pair pair = pairs.items[--pairs.count];
        bool same = pair.got && doc_kind(pair.got) == doc_kind(pair.want) && is_same(&pair);
        CHECK_CASE(same, "%s: %s differs", replay->name, pair.key);
        if (same)
            put_parts(&pairs, &pair);
    }
}

/* A token is compared by what is in it: the account is another one. */
static void check_token(const struct replay *replay, struct span want, struct span got)
{
    struct credentials *recorded = credentials_from_token(want, NULL);
    struct credentials *ours = credentials_from_token(got, NULL);
    CHECK_CASE(recorded && ours, "%s: no token", replay->name);
    if (recorded && ours) {
        CHECK(uuid_equal(&recorded->tunnel_id, &ours->tunnel_id));
        CHECK_SPAN(buf_span(&ours->secret), buf_span(&recorded->secret));
        CHECK_TEXT(ours->account_tag, replay->store.account.id);
    }
    credentials_free(recorded);
    credentials_free(ours);
}

/* A fresh tunnel has an id, a time and a token of its own. */
static void check_created(const struct doc *result, struct span secret)
{
    struct uuid id;
    CHECK(uuid_parse(text_of(result, "id"), &id));
    CHECK(time_of(text_of(result, "created_at")) > 0);
    CHECK_SPAN(text_of(doc_get(result, "credentials_file"), "TunnelSecret"), secret);
    struct credentials *creds = credentials_from_token(text_of(result, "token"), NULL);
    CHECK(creds && uuid_equal(&creds->tunnel_id, &id));
    credentials_free(creds);
}

static void check_answer(const struct replay *replay, const struct doc *exchange,
                         const struct api_answer *answer)
{
    int64_t status = 0;
    const struct doc *request = doc_get(exchange, "request");
    const struct doc *response = doc_get(exchange, "response");
    const struct doc *want = doc_get(doc_get(response, "json"), "result");
    struct doc *json = doc_parse(buf_span(&answer->json), NULL);
    const struct doc *got = doc_get(json, "result");
    struct span want_text = SPAN_NONE, got_text = SPAN_NONE;

    CHECK(doc_as_int(doc_get(response, "status"), &status));
    CHECK_CASE(answer->status == status, "%s: status %d, not %d: %s", replay->name, answer->status,
               (int)status, buf_text(&answer->json));
    bool text = doc_as_text(want, &want_text) && doc_as_text(got, &got_text);
    if (text)
        check_token(replay, want_text, got_text);
    else if (span_equal(text_of(request, "method"), SPAN("POST")))
        check_created(got, text_of(doc_get(want, "credentials_file"), "TunnelSecret"));
    else if (span_equal(text_of(request, "method"), SPAN("DELETE")) && status == 200 &&
             doc_kind(want) == DOC_OBJECT)
        CHECK(time_of(text_of(got, "deleted_at")) == replay->now_ms);
    else
        check_alike(replay, doc_get(response, "json"), json);
    doc_free(json);
}

static void send_one(const struct replay *replay, const struct doc *exchange)
{
    struct buf target = BUF_LIMIT(STEPS_MAX);
    struct buf recorded = BUF_LIMIT(STEPS_MAX);
    struct buf body = BUF_LIMIT(STEPS_MAX);
    const struct doc *request = doc_get(exchange, "request");
    struct api_call call;
    struct api_answer answer;
    /* A fixed secret in the answer is what the client had sent. */
    const struct doc *file = doc_get(
        doc_get(doc_get(doc_get(exchange, "response"), "json"), "result"), "credentials_file");

    fill_in(replay, text_of(request, "path"), &target);
    CHECK(buf_printf(&target, "?%.*s", SPAN_ARG(text_of(request, "raw_query"))));
    if (file)
        CHECK(buf_printf(&body, "{\"name\":\"%.*s\",\"tunnel_secret\":\"%.*s\"}",
                         SPAN_ARG(text_of(doc_get(request, "body"), "name")),
                         SPAN_ARG(text_of(file, "TunnelSecret"))));
    else if (doc_get(request, "body") &&
             doc_format(doc_get(request, "body"), DOC_COMPACT, &recorded))
        fill_in(replay, buf_span(&recorded), &body);

    struct api_request sent = {text_of(request, "method"), buf_span(&target),
                               span_of(replay->bearer), buf_span(&body)};
    struct api_context context = {replay->store.db, NULL, SPAN(""), replay->now_ms};
    api_call_parse(&call, &sent);
    call.connections = doc_parse(buf_span(&replay->connections), NULL);
    CHECK(call.connections);
    api_run(&call, &context, &answer);
    check_answer(replay, exchange, &answer);
    api_answer_release(&answer);
    api_call_release(&call);
    buf_release(&target);
    buf_release(&recorded);
    buf_release(&body);
}

static void put_route(const struct replay *replay, const char *hostname)
{
    struct store_route_new what = {span_of(hostname), span_of(replay->store.zone.id), stored_id(1),
                                   false, replay->now_ms};
    CHECK(store_routes_put(replay->store.db, &what, NULL) == STORE_ROUTE_NEW);
}

static void replay_case(const struct recorded *what)
{
    char token[STORE_TOKEN_SIZE];
    struct replay replay = {.store = stored_open(),
                            .name = what->name,
                            .connections = BUF_LIMIT(64 * 1024),
                            .now_ms = time_of(SPAN("2026-11-20T09:06:16Z"))};
    struct store_token_new token_new = {replay.store.account.id, SPAN("test"), 1, 0};
    CHECK(store_tokens_create(replay.store.db, &token_new, token, NULL) == STORE_OK);
    (void)snprintf(replay.bearer, sizeof replay.bearer, "Bearer %s", token);

    struct doc *recording = vectors_open(what->file);
    const struct doc *recorded = case_named(recording, what->name);
    const struct doc *exchanges = doc_get(recorded, "exchanges");
    CHECK_CASE(doc_count(exchanges) > 0, "%s is not in %s", what->name, what->file);
    CHECK(buf_put_char(&replay.connections, '{'));
    seed(&replay, recorded);
    if (what->other_seed)
        seed(&replay, case_named(recording, what->other_seed));
    CHECK(buf_put_char(&replay.connections, '}'));
    if (what->routed)
        put_route(&replay, what->routed);
    for (size_t i = 0; i < doc_count(exchanges); i++)
        send_one(&replay, doc_at(exchanges, i));
    doc_free(recording);
    buf_release(&replay.connections);
    stored_close(&replay.store);
}

TEST(what_clients_of_the_field_ask_gets_the_fields_they_read)
{
    for (size_t i = 0; i < ARRAY_LEN(recordings); i++)
        replay_case(&recordings[i]);
}
