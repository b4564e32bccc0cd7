#include "culvert/edge/api_run.h"

#include "culvert/base/encode.h"
#include "culvert/tunnel/credentials.h"
#include "harness.h"
#include "support/stored.h"

static const int64_t now = 1795165576000; /* 2026-11-20T09:06:16Z */

struct desk {
    struct stored store;
    char bearer[STORE_TOKEN_SIZE + 8];
    const char *connections; /* JSON as the loop would give it; NULL: none */
    struct edge_contact contact;
    struct api_answer answer;
    struct doc *json; /* of the answer */
};

static bool desk_open(struct desk *desk)
{
    char token[STORE_TOKEN_SIZE];
    *desk = (struct desk){.store = stored_open()};
    struct store_token_new what = {desk->store.account.id, SPAN("test"), now, 0};
    bool ok = store_tokens_create(desk->store.db, &what, token, NULL) == STORE_OK;
    (void)snprintf(desk->bearer, sizeof desk->bearer, "Bearer %s", token);
    return ok;
}

static void desk_clear(struct desk *desk)
{
    doc_free(desk->json);
    desk->json = NULL;
    api_answer_release(&desk->answer);
}

static void desk_close(struct desk *desk)
{
    desk_clear(desk);
    edge_contact_release(&desk->contact);
    stored_close(&desk->store);
}

/* Sends one request; the path begins behind the account or zone: "A/cfd_tunnel", "Z/tunnels". */
static int ask(struct desk *desk, const char *method, const char *path, const char *body)
{
    char target[512];
    struct api_call call;
    bool zone = path[0] == 'Z';
    bool named = zone || path[0] == 'A';
    (void)snprintf(target, sizeof target, "%s%s%s",
                   zone    ? "/zones/"
                   : named ? "/accounts/"
                           : "",
                   zone    ? desk->store.zone.id
                   : named ? desk->store.account.id
                           : "",
                   named ? path + 1 : path);
    struct api_request request = {span_of(method), span_of(target), span_of(desk->bearer),
                                  span_of(body ? body : "")};
    struct api_context context = {desk->store.db, &desk->contact, SPAN("edge.example.com"), now};
    desk_clear(desk);
    api_call_parse(&call, &request);
    if (desk->connections)
        call.connections = doc_parse(span_of(desk->connections), NULL);
    api_run(&call, &context, &desk->answer);
    api_call_release(&call);
    desk->json = doc_parse(buf_span(&desk->answer.json), NULL);
    CHECK_CASE(desk->json, "%s %s: no JSON", method, path);
    return desk->answer.status;
}

static const struct doc *result_of(const struct desk *desk)
{
    return doc_get(desk->json, "result");
}

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN_NONE;
    const struct doc *value = doc_get(object, key);
    if (value && !doc_as_text(value, &text))
        text = SPAN("(no text)");
    return text;
}

/* The answer is an error with this code and these words. */
static void check_error(const struct desk *desk, int64_t code, const char *words)
{
    bool success = true;
    int64_t got = 0;
    const struct doc *error = doc_at(doc_get(desk->json, "errors"), 0);
    struct span message = text_of(error, "message");
    CHECK(doc_as_bool(doc_get(desk->json, "success"), &success) && !success);
    CHECK(doc_as_int(doc_get(error, "code"), &got));
    CHECK_CASE(got == code, "code %lld, not %lld", (long long)got, (long long)code);
    CHECK_CASE(memmem(message.data, message.len, words, strlen(words)), "%.*s", SPAN_ARG(message));
    CHECK(doc_kind(doc_get(desk->json, "result")) == DOC_NULL);
    CHECK(doc_kind(doc_get(desk->json, "messages")) == DOC_ARRAY);
}

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define ONE    "b0000000-0000-4000-8000-000000000001"
#define TWO    "b0000000-0000-4000-8000-000000000002"

TEST(a_created_tunnel_comes_with_its_token_and_credentials)
{
    struct desk desk;
    struct error err = {0};
    struct uuid id;
    REQUIRE(desk_open(&desk));
    desk.contact.api = span_dup(SPAN("http://127.0.0.1:8080/client/v4"));
    CHECK(ask(&desk, "POST", "A/cfd_tunnel",
              "{\"name\":\"demo\",\"tunnel_secret\":\"" SECRET "\"}") == 200);
    const struct doc *tunnel = result_of(&desk);
    CHECK(uuid_parse(text_of(tunnel, "id"), &id));
    CHECK_SPAN(text_of(tunnel, "name"), SPAN("demo"));
    CHECK_SPAN(text_of(tunnel, "created_at"), SPAN("2026-11-20T09:06:16.000Z"));
    CHECK(doc_kind(doc_get(tunnel, "deleted_at")) == DOC_NULL);
    CHECK(doc_kind(doc_get(tunnel, "connections")) == DOC_ARRAY);
    const struct doc *file = doc_get(tunnel, "credentials_file");
    CHECK_SPAN(text_of(file, "TunnelSecret"), SPAN(SECRET));
    CHECK_SPAN(text_of(file, "TunnelID"), text_of(tunnel, "id"));

    struct credentials *creds = credentials_from_token(text_of(tunnel, "token"), &err);
    REQUIRE(creds);
    CHECK_TEXT(creds->account_tag, desk.store.account.id);
    CHECK(uuid_equal(&creds->tunnel_id, &id));
    CHECK_SIZE(creds->secret.len, 32);
    CHECK_TEXT(creds->contact.api, "http://127.0.0.1:8080/client/v4");
    credentials_free(creds);
    CHECK(!desk.answer.routes_changed && !desk.answer.drops_connections);
    desk_close(&desk);
}

TEST(a_name_in_use_is_a_conflict)
{
    struct desk desk;
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    CHECK(ask(&desk, "POST", "A/cfd_tunnel",
              "{\"name\":\"demo\",\"tunnel_secret\":\"" SECRET "\"}") == 409);
    check_error(&desk, API_CODE_NAME_TAKEN, "there is a tunnel named demo already");
    desk_close(&desk);
}

TEST(who_has_no_right_bearer_learns_nothing_else)
{
    static const struct {
        const char *method, *path, *why;
    } cases[] = {
        {"GET", "A/cfd_tunnel", "a good request"},
        {"GET", "A/cfd_tunnel?page=0", "a bad query"},
        {"POST", "A/cfd_tunnel", "a bad body"},
        {"GET", "A/cfd_tunnel/nonsense", "no tunnel"},
        {"PUT", "/zones/0/tunnels/" ONE "/routes", "no zone"},
    };
    static const char *const bearers[] = {"", "Bearer ", "Bearer wrong", "Basic YTpi"};
    struct desk desk;
    REQUIRE(desk_open(&desk));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t b = 0; b < ARRAY_LEN(bearers); b++) {
            (void)snprintf(desk.bearer, sizeof desk.bearer, "%s", bearers[b]);
            CHECK_CASE(ask(&desk, cases[i].method, cases[i].path, "{") == 403, "%s", cases[i].why);
            check_error(&desk, API_CODE_AUTH, "Authentication error");
        }
    }
    desk_close(&desk);
}

TEST(a_bearer_is_good_for_its_own_account_only)
{
    struct desk desk;
    REQUIRE(desk_open(&desk));
    CHECK(ask(&desk, "GET", "/accounts/0123456789abcdef0123456789abcdef/cfd_tunnel", "") == 403);
    check_error(&desk, API_CODE_AUTH, "Authentication error");
    desk_close(&desk);
}

TEST(what_is_wrong_with_a_request_is_said_to_who_may_ask)
{
    static const struct {
        const char *method, *path, *body;
        int status;
        enum api_code code;
    } cases[] = {
        {"GET", "/nothing", "", 404, API_CODE_NO_PATH},
        {"PATCH", "A/cfd_tunnel", "", 404, API_CODE_NO_PATH},
        {"POST", "A/cfd_tunnel", "{", 400, API_CODE_BAD_JSON},
        {"POST", "A/cfd_tunnel", "{}", 400, API_CODE_BAD_FIELD},
        {"GET", "A/cfd_tunnel?page=x", "", 400, API_CODE_BAD_QUERY},
        {"GET", "A/cfd_tunnel/" ONE, "", 404, API_CODE_NO_TUNNEL},
        {"DELETE", "A/cfd_tunnel/" ONE, "", 404, API_CODE_NO_TUNNEL},
        {"DELETE", "A/cfd_tunnel/" ONE "?cascade=true", "", 404, API_CODE_NO_TUNNEL},
        {"GET", "A/cfd_tunnel/" ONE "/token", "", 404, API_CODE_NO_TUNNEL},
        {"GET", "A/cfd_tunnel/" ONE "/connections", "", 404, API_CODE_NO_TUNNEL},
        {"DELETE", "A/cfd_tunnel/" ONE "/connections", "", 404, API_CODE_NO_TUNNEL},
        {"PUT", "Z/tunnels/" ONE "/routes", "{\"type\":\"dns\",\"user_hostname\":\"a\"}", 404,
         API_CODE_NO_TUNNEL},
        {"PUT", "/zones/00000000000000000000000000000000/tunnels/" ONE "/routes",
         "{\"type\":\"dns\",\"user_hostname\":\"a\"}", 404, API_CODE_NO_ZONE},
    };
    struct desk desk;
    REQUIRE(desk_open(&desk));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status = ask(&desk, cases[i].method, cases[i].path, cases[i].body);
        CHECK_CASE(status == cases[i].status, "%s %s: %d", cases[i].method, cases[i].path, status);
        check_error(&desk, cases[i].code, "");
        CHECK(!desk.answer.routes_changed && !desk.answer.drops_connections);
    }
    desk_close(&desk);
}

static const char connected[] =
    "{\"" ONE "\":[{\"id\":\"c1\",\"version\":\"2026.8.2\",\"arch\":\"linux_amd64\","
    "\"run_at\":\"2026-11-01T10:59:00Z\",\"features\":[\"ha-origin\"],\"private\":1,"
    "\"conns\":[{\"id\":\"x1\",\"colo_name\":\"lab\",\"origin_ip\":\"192.0.2.1\","
    "\"is_pending_reconnect\":false,\"opened_at\":\"2026-11-01T11:00:00Z\"},"
    "{\"id\":\"x2\",\"opened_at\":\"2026-11-01T10:00:00Z\",\"client_version\":null}]}]}";

TEST(connections_that_the_loop_knows_are_in_the_answers)
{
    struct desk desk;
    bool pending = true;
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    desk.connections = connected;
    CHECK(ask(&desk, "GET", "A/cfd_tunnel/" ONE, "") == 200);
    CHECK_SIZE(doc_count(doc_get(result_of(&desk), "connections")), 2);
    CHECK_SPAN(text_of(result_of(&desk), "status"), SPAN("healthy"));
    CHECK_SPAN(text_of(result_of(&desk), "conns_active_at"), SPAN("2026-11-01T10:00:00Z"));

    CHECK(ask(&desk, "GET", "A/cfd_tunnel/" ONE "/connections", "") == 200);
    const struct doc *connector = doc_at(result_of(&desk), 0);
    CHECK_SPAN(text_of(connector, "id"), SPAN("c1"));
    CHECK_SPAN(text_of(connector, "arch"), SPAN("linux_amd64"));
    CHECK_SIZE(doc_count(doc_get(connector, "features")), 1);
    CHECK(!doc_get(connector, "private"));
    const struct doc *connection = doc_at(doc_get(connector, "conns"), 0);
    CHECK_SPAN(text_of(connection, "origin_ip"), SPAN("192.0.2.1"));
    CHECK(doc_as_bool(doc_get(connection, "is_pending_reconnect"), &pending) && !pending);
    desk_close(&desk);
}

TEST(a_connected_tunnel_is_deleted_only_by_force_and_then_dropped)
{
    struct desk desk;
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    desk.connections = connected;
    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE, "") == 400);
    check_error(&desk, API_CODE_CONNECTED, "2 live connections");
    CHECK(!desk.answer.drops_connections);

    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE "?cascade=true", "") == 200);
    CHECK_SPAN(text_of(result_of(&desk), "deleted_at"), SPAN("2026-11-20T09:06:16.000Z"));
    CHECK_SIZE(doc_count(doc_get(result_of(&desk), "connections")), 0);
    struct uuid one = stored_id(1);
    CHECK(desk.answer.drops_connections && desk.answer.deleted && !desk.answer.only_client);
    CHECK(uuid_equal(&desk.answer.tunnel_id, &one));
    CHECK(desk.answer.routes_changed);

    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE "?cascade=true", "") == 404);
    CHECK(ask(&desk, "GET", "A/cfd_tunnel/" ONE "/token", "") == 404);
    CHECK(ask(&desk, "GET", "A/cfd_tunnel/" ONE, "") == 200);
    desk_close(&desk);
}

TEST(a_routed_tunnel_is_deleted_only_by_force_and_its_routes_go_too)
{
    struct desk desk;
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    CHECK(ask(&desk, "PUT", "Z/tunnels/" ONE "/routes",
              "{\"type\":\"dns\",\"user_hostname\":\"app\"}") == 200);
    CHECK_SIZE(desk.answer.routes.count, 1);
    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE, "") == 400);
    check_error(&desk, API_CODE_HAS_ROUTES, "DNS routes");
    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE "?cascade=true", "") == 200);
    CHECK(desk.answer.routes_changed);
    CHECK_SIZE(desk.answer.routes.count, 0);
    desk_close(&desk);
}

TEST(dropping_connections_is_left_to_the_loop)
{
    struct desk desk;
    struct uuid two = stored_id(2);
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE "/connections", "") == 200);
    CHECK(desk.answer.drops_connections && !desk.answer.only_client && !desk.answer.deleted);
    CHECK(doc_kind(result_of(&desk)) == DOC_NULL);
    CHECK(ask(&desk, "DELETE", "A/cfd_tunnel/" ONE "/connections?client_id=" TWO, "") == 200);
    CHECK(desk.answer.only_client && uuid_equal(&desk.answer.client_id, &two));
    desk_close(&desk);
}

TEST(a_host_name_becomes_one_of_the_zone)
{
    static const struct {
        const char *typed, *name; /* NULL: refused */
        const char *words;
    } cases[] = {
        {"app", "app.example.com", ""},
        {"App.Example.COM", "app.example.com", ""},
        {"a.b.example.com.", "a.b.example.com", ""},
        {"example.com", "example.com", ""},
        {"@", "example.com", ""},
        {"*", "*.example.com", ""},
        {"*.example.com", "*.example.com", ""},
        {"*.dev", "*.dev.example.com", ""},
        {"*.dev.example.com", "*.dev.example.com", ""},
        {"_x.example.com", "_x.example.com", ""},
        {"b\\u00fccher", "xn--bcher-kva.example.com", ""},
        {"B\\u00fccher.example.com", "xn--bcher-kva.example.com", ""},
        {"app.example.org", NULL, "not in the zone example.com"},
        {"notexample.com", NULL, "not in the zone example.com"},
        {"edge.example.com", NULL, "the edge's own"},
        {"edge", NULL, "the edge's own"},
        {"a.*.example.com", NULL, "no host name"},
        {"*a.example.com", NULL, "no host name"},
        {"**", NULL, "no host name"},
        {"*.", NULL, "no host name"},
        {".", NULL, "no host name"},
        {"a..example.com", NULL, "no host name"},
        {"-a", NULL, "no host name"},
        {"a-", NULL, "no host name"},
        {"ab--c", NULL, "no host name"},
        {"a b", NULL, ""},
        {"http://app", NULL, "no host name"},
        {"127.0.0.1", NULL, "not in the zone"},
        {"app:80", NULL, "no host name"},
    };
    struct desk desk;
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"type\":\"dns\",\"user_hostname\":\"%s\",\"overwrite_existing\":true}",
                       cases[i].typed);
        int status = ask(&desk, "PUT", "Z/tunnels/" ONE "/routes", body);
        CHECK_CASE(status == (cases[i].name ? 200 : 400), "%s: %d", cases[i].typed, status);
        if (cases[i].name)
            CHECK_SPAN(text_of(result_of(&desk), "name"), span_of(cases[i].name));
        else
            check_error(&desk, API_CODE_BAD_FIELD, cases[i].words);
    }
    desk_close(&desk);
}

static void check_put(struct desk *desk, const char *tunnel, bool overwrite, const char *cname)
{
    char path[128], body[128];
    (void)snprintf(path, sizeof path, "Z/tunnels/%s/routes", tunnel);
    (void)snprintf(body, sizeof body,
                   "{\"type\":\"dns\",\"user_hostname\":\"app\",\"overwrite_existing\":%s}",
                   overwrite ? "true" : "false");
    CHECK(ask(desk, "PUT", path, body) == (cname ? 200 : 400));
    if (cname)
        CHECK_SPAN(text_of(result_of(desk), "cname"), span_of(cname));
    else
        check_error(desk, API_CODE_ROUTE_TAKEN, "app.example.com is routed to another tunnel");
    CHECK(desk->answer.routes_changed == (cname && strcmp(cname, "unchanged") != 0));
}

TEST(a_route_is_new_unchanged_taken_or_updated)
{
    struct desk desk;
    struct uuid two = stored_id(2);
    REQUIRE(desk_open(&desk));
    CHECK(stored_tunnel(&desk.store, 1, "demo", 1) == STORE_OK);
    CHECK(stored_tunnel(&desk.store, 2, "other", 2) == STORE_OK);
    check_put(&desk, ONE, false, "new");
    check_put(&desk, ONE, false, "unchanged");
    check_put(&desk, TWO, false, NULL);
    check_put(&desk, TWO, true, "updated");
    REQUIRE(desk.answer.routes.count == 1);
    CHECK_TEXT(desk.answer.routes.items[0].hostname, "app.example.com");
    CHECK(uuid_equal(&desk.answer.routes.items[0].tunnel_id, &two));
    desk_close(&desk);
}
