#include "culvert/edge/api_request.h"

#include "harness.h"

#define ACCOUNT "/accounts/0123456789abcdef0123456789abcdef/cfd_tunnel"
#define ID      "b0000000-0000-4000-8000-000000000001"
#define ROUTES  "/zones/fedcba9876543210fedcba9876543210/tunnels/" ID "/routes"
#define SECRET  "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void parse(struct api_call *call, const char *method, const char *target, const char *body)
{
    struct api_request request = {span_of(method), span_of(target), SPAN("Bearer secret"),
                                  span_of(body)};
    api_call_parse(call, &request);
}

TEST(method_and_path_say_which_call_it_is)
{
    static const struct {
        const char *method, *target;
        enum api_action action;
    } cases[] = {
        {"POST", ACCOUNT, API_TUNNEL_CREATE},
        {"GET", ACCOUNT, API_TUNNEL_LIST},
        {"GET", ACCOUNT "?page=1", API_TUNNEL_LIST},
        {"GET", "/client/v4" ACCOUNT "?page=1", API_TUNNEL_LIST},
        {"GET", ACCOUNT "/" ID, API_TUNNEL_GET},
        {"DELETE", ACCOUNT "/" ID, API_TUNNEL_DELETE},
        {"GET", ACCOUNT "/" ID "/token", API_TUNNEL_TOKEN},
        {"GET", ACCOUNT "/" ID "/connections", API_CONNECTIONS_LIST},
        {"DELETE", ACCOUNT "/" ID "/connections", API_CONNECTIONS_DROP},
        {"PUT", ROUTES, API_ROUTE_PUT},
        {"PUT", "/client/v4" ROUTES, API_ROUTE_PUT},
        {"PATCH", ACCOUNT, API_NOTHING},
        {"get", ACCOUNT, API_NOTHING},
        {"GET", ACCOUNT "/", API_NOTHING},
        {"GET", "//accounts/x/cfd_tunnel", API_NOTHING},
        {"GET", "/accounts//cfd_tunnel", API_NOTHING},
        {"GET", "/client/v4/client/v4" ACCOUNT, API_NOTHING},
        {"GET", ACCOUNT "/" ID "/token/more", API_NOTHING},
        {"GET", ACCOUNT "/" ID "/a/b/c/d", API_NOTHING},
        {"GET", "/", API_NOTHING},
        {"OPTIONS", "*", API_NOTHING},
        {"GET", "", API_NOTHING},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_call call;
        parse(&call, cases[i].method, cases[i].target, "");
        CHECK_CASE(call.action == cases[i].action, "%s %s", cases[i].method, cases[i].target);
        if (cases[i].action == API_NOTHING)
            CHECK(call.refusal.status == 404 && call.refusal.code == API_CODE_NO_PATH);
        api_call_release(&call);
    }
}

TEST(the_path_names_owner_and_tunnel)
{
    struct api_call call;
    char id[UUID_TEXT_SIZE];
    parse(&call, "GET", ACCOUNT "/{B0000000-0000-4000-8000-000000000001}", "");
    uuid_format(&call.tunnel_id, id);
    CHECK_TEXT(id, ID);
    CHECK_TEXT(call.owner, "0123456789abcdef0123456789abcdef");
    CHECK_TEXT(call.bearer, "secret");
    CHECK(call.refusal.status == 0);
    api_call_release(&call);

    parse(&call, "GET", ACCOUNT "/demo", "");
    CHECK(call.refusal.status == 404 && call.refusal.code == API_CODE_NO_TUNNEL);
    api_call_release(&call);

    parse(&call, "GET", "/accounts/0123456789abcdef0123456789abcdefX/cfd_tunnel", "");
    CHECK_TEXT(call.owner, "");
    api_call_release(&call);
}

TEST(only_a_bearer_field_gives_a_bearer)
{
    static const struct {
        const char *field, *bearer;
    } cases[] = {
        {"Bearer abc", "abc"}, {"bearer  abc ", "abc"},
        {"Basic abc", ""},     {"Bearer", ""},
        {"abc", ""},           {"", ""},
    };
    char long_field[API_BEARER_MAX + 20] = "Bearer ";
    memset(long_field + 7, 'x', API_BEARER_MAX + 1);
    for (size_t i = 0; i <= ARRAY_LEN(cases); i++) {
        struct api_call call;
        bool last = i == ARRAY_LEN(cases);
        struct api_request request = {SPAN("GET"), SPAN(ACCOUNT),
                                      span_of(last ? long_field : cases[i].field), SPAN("")};
        api_call_parse(&call, &request);
        CHECK_TEXT(call.bearer, last ? "" : cases[i].bearer);
        api_call_release(&call);
    }
}

TEST(a_query_filters_the_list)
{
    struct api_call call;
    parse(&call, "GET",
          ACCOUNT "?is_deleted=false&name=a+b%2Fc&name_prefix=al&exclude_prefix=b&page=3"
                  "&per_page=7&existed_at=2026-11-20T09:06:16Z&uuid=" ID "&unknown=%20",
          "");
    CHECK_CASE(call.refusal.status == 0, "%s", call.refusal.text);
    CHECK(call.filter.life == STORE_TUNNELS_LIVE);
    CHECK_SPAN(call.filter.name, SPAN("a b/c"));
    CHECK_SPAN(call.filter.name_prefix, SPAN("al"));
    CHECK_SPAN(call.filter.exclude_prefix, SPAN("b"));
    CHECK(call.filter.page == 3 && call.filter.per_page == 7);
    CHECK(call.filter.existed_at_ms == 1795165576000);
    CHECK(call.filter.id == &call.wanted_id);
    api_call_release(&call);

    parse(&call, "GET", ACCOUNT, "");
    CHECK(call.filter.life == STORE_TUNNELS_ALL);
    CHECK(!call.filter.name.data && !call.filter.name_prefix.data && !call.filter.id);
    CHECK(call.filter.page == 1 && call.filter.per_page == API_PER_PAGE);
    api_call_release(&call);

    parse(&call, "GET", ACCOUNT "?is_deleted=true", "");
    CHECK(call.filter.life == STORE_TUNNELS_DELETED);
    api_call_release(&call);
}

TEST(other_calls_have_their_own_parameters)
{
    struct api_call call;
    parse(&call, "DELETE", ACCOUNT "/" ID "?cascade=true&client_id=nonsense", "");
    CHECK(call.cascade && call.refusal.status == 0);
    api_call_release(&call);
    parse(&call, "DELETE", ACCOUNT "/" ID "/connections?client_id=" ID "&cascade=maybe", "");
    CHECK(call.has_client && call.refusal.status == 0);
    CHECK(uuid_equal(&call.client_id, &call.tunnel_id));
    api_call_release(&call);
}

TEST(a_bad_query_is_refused_with_the_name_of_the_parameter)
{
    static const struct {
        const char *method, *target, *text;
    } cases[] = {
        {"GET", ACCOUNT "?is_deleted=maybe", "query parameter is_deleted must be true or false"},
        {"GET", ACCOUNT "?uuid=demo", "query parameter uuid must be a UUID"},
        {"GET", ACCOUNT "?page=0", "query parameter page must be a number from 1"},
        {"GET", ACCOUNT "?page=-1", "query parameter page must be a number from 1"},
        {"GET", ACCOUNT "?per_page=1001",
         "query parameter per_page must be a number from 1 to 1000"},
        {"GET", ACCOUNT "?existed_at=yesterday",
         "query parameter existed_at must be a time as in RFC 3339"},
        {"GET", ACCOUNT "?name=%zz", "the query is not form encoded"},
        {"GET", ACCOUNT "?name=a%00b", "the query is not form encoded"},
        {"DELETE", ACCOUNT "/" ID "?cascade=yes", "query parameter cascade must be true or false"},
        {"DELETE", ACCOUNT "/" ID "/connections?client_id=x",
         "query parameter client_id must be a UUID"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_call call;
        parse(&call, cases[i].method, cases[i].target, "");
        CHECK_TEXT(call.refusal.text, cases[i].text);
        CHECK(call.refusal.status == 400 && call.refusal.code == API_CODE_BAD_QUERY);
        api_call_release(&call);
    }
}

TEST(bodies_are_taken_apart)
{
    struct api_call call;
    parse(&call, "POST", ACCOUNT, "{\"name\":\"demo\",\"tunnel_secret\":\"" SECRET "\",\"x\":1}");
    CHECK_CASE(call.refusal.status == 0, "%s", call.refusal.text);
    CHECK_SPAN(call.name, SPAN("demo"));
    CHECK_SIZE(call.secret.len, 32);
    api_call_release(&call);

    parse(&call, "PUT", ROUTES,
          "{\"type\":\"dns\",\"user_hostname\":\"app\",\"overwrite_existing\":true}");
    CHECK_CASE(call.refusal.status == 0, "%s", call.refusal.text);
    CHECK_SPAN(call.hostname, SPAN("app"));
    CHECK(call.overwrite);
    api_call_release(&call);
}

TEST(bad_bodies_are_refused_with_what_to_change)
{
    static const struct {
        const char *method, *target, *body;
        enum api_code code;
        const char *text;
    } cases[] = {
        {"POST", ACCOUNT, "", API_CODE_BAD_JSON, "the body is not JSON: "},
        {"POST", ACCOUNT, "{", API_CODE_BAD_JSON, "the body is not JSON: "},
        {"POST", ACCOUNT, "[]", API_CODE_BAD_JSON, "the body must be a JSON object"},
        {"POST", ACCOUNT, "{}", API_CODE_BAD_FIELD, "\"name\" must have 1 to 255 bytes"},
        {"POST", ACCOUNT, "{\"name\":7}", API_CODE_BAD_FIELD, "\"name\" must be a text"},
        {"POST", ACCOUNT, "{\"name\":\"" ID "\",\"tunnel_secret\":\"" SECRET "\"}",
         API_CODE_BAD_FIELD, "\"name\" must not be a UUID"},
        {"POST", ACCOUNT, "{\"name\":\"a\\nb\",\"tunnel_secret\":\"" SECRET "\"}",
         API_CODE_BAD_FIELD, "\"name\" must not have control characters"},
        {"POST", ACCOUNT, "{\"name\":\"a\"}", API_CODE_BAD_FIELD,
         "\"tunnel_secret\" must be 32 to"},
        {"POST", ACCOUNT, "{\"name\":\"a\",\"tunnel_secret\":\"AAAA\"}", API_CODE_BAD_FIELD,
         "\"tunnel_secret\" must be 32 to"},
        {"POST", ACCOUNT, "{\"name\":\"a\",\"tunnel_secret\":\"!\"}", API_CODE_BAD_FIELD,
         "\"tunnel_secret\" must be 32 to"},
        {"PUT", ROUTES, "{\"type\":\"lb\",\"lb_name\":\"a\",\"lb_pool\":\"b\"}", API_CODE_BAD_FIELD,
         "\"type\" is \"lb\", but this edge has routes of type \"dns\" only"},
        {"PUT", ROUTES, "{\"type\":\"dns\"}", API_CODE_BAD_FIELD,
         "\"user_hostname\" must be a host name"},
        {"PUT", ROUTES, "{\"type\":\"dns\",\"user_hostname\":\"a\",\"overwrite_existing\":1}",
         API_CODE_BAD_FIELD, "\"overwrite_existing\" must be "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_call call;
        parse(&call, cases[i].method, cases[i].target, cases[i].body);
        CHECK_CASE(span_starts(span_of(call.refusal.text), span_of(cases[i].text)), "%s: %s",
                   cases[i].body, call.refusal.text);
        CHECK(call.refusal.status == 400 && call.refusal.code == cases[i].code);
        api_call_release(&call);
    }
}

TEST(the_paths_of_the_api_are_told_from_others)
{
    static const struct {
        const char *target;
        bool ours;
    } cases[] = {
        {"/accounts/x", true}, {"/zones/x?y", true},  {"/client/v4/anything", true}, {"/", false},
        {"/accountsx", false}, {"/client/v4", false}, {"/cdn-cgi/x", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(api_is_path(span_of(cases[i].target)) == cases[i].ours, "%s", cases[i].target);
}
