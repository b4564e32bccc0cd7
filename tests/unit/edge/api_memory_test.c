/* Calls of the API with each of their allocations failing, ours and jansson's: an answer that is
 * whole, or an error of ours, and whoever has to know of changed routes is told whatever the answer
 * is. */
#include "culvert/edge/api_run.h"

#include "harness.h"
#include "support/scarce_memory.h"
#include "support/stored.h"

enum { ALLOCATIONS_MAX = 10 * 1000 };

static const int64_t now = 1795165576000;

struct desk {
    struct stored store;
    char bearer[STORE_TOKEN_SIZE + 8];
    struct edge_contact contact;
};

static void open_desk(struct desk *desk)
{
    char token[STORE_TOKEN_SIZE];
    *desk = (struct desk){.store = stored_open()};
    struct store_token_new what = {desk->store.account.id, SPAN("test"), now, 0};
    CHECK(store_tokens_create(desk->store.db, &what, token, NULL) == STORE_OK);
    CHECK(stored_tunnel(&desk->store, 1, "one", 1) == STORE_OK);
    (void)snprintf(desk->bearer, sizeof desk->bearer, "Bearer %s", token);
    desk->contact.api = span_dup(SPAN("http://127.0.0.1:8080/client/v4"));
}

static void close_desk(struct desk *desk)
{
    edge_contact_release(&desk->contact);
    stored_close(&desk->store);
}

static size_t count_routes(struct desk *desk)
{
    struct store_route_list routes = {0};
    CHECK(store_routes_list(desk->store.db, &routes, NULL) == STORE_OK);
    size_t count = routes.count;
    store_route_list_release(&routes);
    return count;
}

/* Answers one call with the allocation number `n` failing; false: it did not come to that. */
static bool call(struct desk *desk, const char *method, const char *target, const char *body,
                 size_t n)
{
    const struct api_request request = {span_of(method), span_of(target), span_of(desk->bearer),
                                        span_of(body)};
    const struct api_context context = {desk->store.db, &desk->contact, SPAN("edge.example.com"),
                                        now};
    struct api_call parsed;
    struct api_answer answer = {0};
    size_t routes = count_routes(desk);
    scarce_memory_begin(n);
    api_call_parse(&parsed, &request);
    api_run(&parsed, &context, &answer);
    bool failed = scarce_memory_end();
    struct doc *json = doc_parse(buf_span(&answer.json), NULL);
    bool success = false;
    CHECK_CASE(answer.status == 200 || answer.status >= 500, "%s %s, %zu: %d %s", method, target, n,
               answer.status, buf_text(&answer.json));
    CHECK_CASE(json || (answer.status == 500 && answer.json.len == 0),
               "%s %s, %zu: %d, %zu bytes: %s", method, target, n, answer.status, answer.json.len,
               buf_text(&answer.json));
    if (json)
        CHECK_CASE(doc_as_bool(doc_get(json, "success"), &success) &&
                       success == (answer.status == 200),
                   "%s %s, %zu: %s", method, target, n, buf_text(&answer.json));
    CHECK_CASE(count_routes(desk) == routes || answer.routes_changed,
               "%s %s, %zu: nobody hears of the routes", method, target, n);
    CHECK_CASE(!answer.routes_changed || answer.routes.count == count_routes(desk),
               "%s %s, %zu: other routes than there are", method, target, n);
    doc_free(json);
    api_answer_release(&answer);
    api_call_release(&parsed);
    return failed;
}

/* `%zu` in the body is another number each time, `%s` in the target the account's or zone's id. */
static void sweep(const char *method, const char *target, const char *body)
{
    struct desk desk;
    size_t n = 0;
    open_desk(&desk);
    const char *id = strncmp(target, "/zones", 6) == 0 ? desk.store.zone.id : desk.store.account.id;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        char path[256];
        char text[256];
        const char *number = strchr(body, '#');
        (void)snprintf(path, sizeof path, "%.*s%s%s", (int)(strchr(target, '#') - target), target,
                       id, strchr(target, '#') + 1);
        if (number)
            (void)snprintf(text, sizeof text, "%.*s%zu%s", (int)(number - body), body, n,
                           number + 1);
        failed = call(&desk, method, path, number ? text : body, n);
    }
    CHECK_CASE(n > 10 && n < ALLOCATIONS_MAX, "%s %s: %zu", method, target, n);
    close_desk(&desk);
}

#define ONE "b0000000-0000-4000-8000-000000000001"

TEST(creating_a_tunnel_fails_in_order)
{
    sweep("POST", "/accounts/#/cfd_tunnel",
          "{\"name\":\"t#\",\"tunnel_secret\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}");
}

TEST(listing_tunnels_fails_in_order)
{
    sweep("GET", "/accounts/#/cfd_tunnel?is_deleted=false", "");
}

TEST(a_tunnels_token_fails_in_order)
{
    sweep("GET", "/accounts/#/cfd_tunnel/" ONE "/token", "");
}

TEST(routing_a_name_fails_in_order)
{
    sweep("PUT", "/zones/#/tunnels/" ONE "/routes",
          "{\"type\":\"dns\",\"user_hostname\":\"n#.example.com\"}");
}

TEST(dropping_connections_fails_in_order)
{
    sweep("DELETE", "/accounts/#/cfd_tunnel/" ONE "/connections", "");
}
