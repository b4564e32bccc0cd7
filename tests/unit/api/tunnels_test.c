#include "culvert/api/tunnels.h"

#include "harness.h"
#include "support/scripted_server.h"

#define HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\n\r\n"
#define ID(n)        "b0000000-0000-4000-8000-00000000000" n
#define TUNNEL(n, name)                                                                            \
    "{\"id\":\"" ID(n) "\",\"name\":\"" name                                                       \
                       "\",\"created_at\":\"2026-11-01T10:00:00Z\",\"deleted_at\":null,"           \
                       "\"connections\":[]}"
#define GOOD(result) HEAD("200 OK") "{\"success\":true,\"errors\":[],\"result\":" result "}"
#define PAGE(result, count, total)                                                                 \
    HEAD("200 OK")                                                                                 \
    "{\"success\":true,\"result\":" result ",\"result_info\":{\"count\":" count                    \
    ",\"per_page\":2,\"total_count\":" total "}}"
#define ACCOUNT "/accounts/account/cfd_tunnel"

/* A client whose API is a scripted server. */
struct fixture {
    struct scripted_server *server;
    struct origin_cert *cert;
    struct api_client *client;
};

static struct fixture fixture_open(const char *const *answers, size_t count)
{
    struct fixture f = {.server = scripted_server_new(answers, count),
                        .cert = origin_cert_new(SPAN("zone"), SPAN("account"), SPAN("token"))};
    struct api_client_options options = {.url = scripted_server_url(f.server), .cert = f.cert};
    f.client = api_client_new(&options, NULL);
    if (!f.client)
        abort();
    return f;
}

static void fixture_close(struct fixture *f)
{
    api_client_free(f->client);
    origin_cert_free(f->cert);
    scripted_server_free(f->server);
}

static struct uuid id_of(const char *text)
{
    struct uuid id;
    if (!uuid_parse(span_of(text), &id))
        abort();
    return id;
}

static bool was_asked(struct fixture *f, size_t index, const char *line)
{
    return strncmp(scripted_server_request(f->server, index), line, strlen(line)) == 0;
}

TEST(a_created_tunnel_comes_with_its_token)
{
    static const char *const answers[] = {
        GOOD("{\"id\":\"" ID("1") "\",\"name\":\"web\",\"created_at\":\"2026-11-01T10:00:00Z\","
                                  "\"token\":\"e30=\"}")};
    struct fixture f = fixture_open(answers, 1);
    struct api_tunnels tunnels;
    struct error err = {0};
    CHECK_CASE(api_tunnels_create(f.client, SPAN("web"), SPAN("\0\1\2"), &tunnels, &err), "%s",
               err.text);
    REQUIRE(tunnels.count == 1);
    CHECK_SPAN(tunnels.items[0].name, SPAN("web"));
    CHECK_SPAN(tunnels.items[0].token, SPAN("e30="));
    CHECK(tunnels.items[0].deleted_at.never && tunnels.items[0].connections.is_null);
    CHECK(was_asked(&f, 0, "POST " ACCOUNT " HTTP"));
    CHECK(strstr(scripted_server_request(f.server, 0),
                 "\r\n\r\n{\"name\":\"web\",\"tunnel_secret\":\"AAEC\"}") != NULL);
    api_tunnels_release(&tunnels);
    fixture_close(&f);
}

TEST(a_tunnel_that_is_none_is_refused_with_the_member_that_is_wrong)
{
    static const struct {
        const char *answer, *sentence;
    } cases[] = {
        {GOOD("null"), "unexpected response: \"result\" is no tunnel"},
        {GOOD("[]"), "unexpected response: \"result\" is no tunnel"},
        {HEAD("200 OK") "{\"success\":true}", "unexpected response: \"result\" is no tunnel"},
        {GOOD("{\"name\":\"web\"}"), "unexpected response: \"id\" must be a UUID"},
        {GOOD("{\"id\":\"x\"}"), "unexpected response: \"id\" must be a UUID"},
        {GOOD("{\"id\":\"" ID("1") "\",\"name\":5}"), "unexpected response: \"name\" must be"},
        {GOOD("{\"id\":\"" ID("1") "\",\"created_at\":\"\"}"),
         "unexpected response: \"created_at\" must be a time"},
        {GOOD("{\"id\":\"" ID("1") "\",\"connections\":[{\"id\":\"" ID(
             "2") "\","
                  "\"origin_ip\":\"x\"}]}"),
         "unexpected response: \"connections\"[0]: \"origin_ip\" must be an address"},
        {HEAD("409 Conflict") "{}", "the name is taken already"},
        {HEAD("400 Bad") "{\"errors\":[{\"code\":1014,\"message\":\"bad name\"}]}",
         "code 1014: bad name"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f = fixture_open(&cases[i].answer, 1);
        struct api_tunnels tunnels;
        struct error err = {0};
        CHECK(!api_tunnels_create(f.client, SPAN("web"), SPAN("s"), &tunnels, &err));
        CHECK_CASE(strstr(err.text, cases[i].sentence) != NULL, "%zu: %s", i, err.text);
        CHECK_CASE(span_starts(span_of(err.text), SPAN("API: create tunnel: ")), "%s", err.text);
        CHECK(tunnels.items == NULL);
        fixture_close(&f);
    }
}

TEST(a_list_asks_for_what_is_wanted_in_alphabetical_order)
{
    static const char *const answers[] = {GOOD("[]"), GOOD("null")};
    struct fixture f = fixture_open(answers, 2);
    struct api_tunnels tunnels;
    struct uuid id = id_of(ID("1"));
    struct api_tunnel_filter everything = {.include_deleted = true};
    struct api_tunnel_filter filter = {.name = SPAN("a b"),
                                       .name_prefix = SPAN("a"),
                                       .exclude_prefix = SPAN("b"),
                                       .existed_at = SPAN("2026-11-01T10:00:00Z"),
                                       .id = &id,
                                       .per_page = 7};
    CHECK(api_tunnels_list(f.client, &filter, &tunnels, NULL));
    CHECK_SIZE(tunnels.count, 0);
    api_tunnels_release(&tunnels);
    CHECK(was_asked(
        &f, 0,
        "GET " ACCOUNT "?exclude_prefix=b&existed_at=2026-11-01T10%3A00%3A00Z"
        "&is_deleted=false&name=a+b&name_prefix=a&page=1&per_page=7&uuid=" ID("1") " HTTP"));
    CHECK(api_tunnels_list(f.client, &everything, &tunnels, NULL));
    api_tunnels_release(&tunnels);
    CHECK(was_asked(&f, 1, "GET " ACCOUNT "?page=1 HTTP"));
    fixture_close(&f);
}

TEST(pages_are_read_until_one_is_short_empty_or_the_last)
{
    static const char full[] = PAGE("[" TUNNEL("1", "a") "," TUNNEL("2", "b") "]", "2", "5");
    static const char all[] = PAGE("[" TUNNEL("1", "a") "," TUNNEL("2", "b") "]", "2", "2");
    static const char last[] = PAGE("[" TUNNEL("3", "c") "]", "1", "5");
    static const char empty[] = PAGE("[]", "2", "5");
    static const char alone[] = GOOD("[" TUNNEL("1", "a") "]");
    static const struct {
        const char *answers[3];
        size_t requests, tunnels;
    } cases[] = {
        {{full, full, last}, 3, 5}, {{full, last, NULL}, 2, 3},  {{full, empty, NULL}, 2, 2},
        {{all, NULL, NULL}, 1, 2},  {{alone, NULL, NULL}, 1, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture f = fixture_open(cases[i].answers, 3);
        struct api_tunnels tunnels;
        struct api_tunnel_filter filter = {.per_page = 2};
        struct error err = {0};
        CHECK_CASE(api_tunnels_list(f.client, &filter, &tunnels, &err), "%zu: %s", i, err.text);
        CHECK_SIZE(tunnels.count, cases[i].tunnels);
        CHECK_SIZE(scripted_server_count(f.server), cases[i].requests);
        api_tunnels_release(&tunnels);
        fixture_close(&f);
    }
}

TEST(a_tunnel_is_read_deleted_and_its_token_shown_by_id)
{
    static const char *const answers[] = {
        GOOD(TUNNEL("1", "web")),
        GOOD(TUNNEL("1", "web")),
        "HTTP/1.1 204 Gone\r\n\r\n",
        GOOD("\"the token\""),
        GOOD("{\"token\":\"x\"}"),
        HEAD("400 Bad") "{\"errors\":[{\"code\":1022,\"message\":\"in use\"}]}",
    };
    struct fixture f = fixture_open(answers, ARRAY_LEN(answers));
    struct api_tunnels tunnels;
    struct uuid id = id_of(ID("1"));
    struct buf token = BUF_LIMIT(100);
    struct error err = {0};
    CHECK(api_tunnels_get(f.client, &id, &tunnels, &err));
    REQUIRE(tunnels.count == 1);
    CHECK(uuid_equal(&tunnels.items[0].id, &id));
    api_tunnels_release(&tunnels);
    CHECK(was_asked(&f, 0, "GET " ACCOUNT "/" ID("1") " HTTP"));
    CHECK(api_tunnels_delete(f.client, &id, false, &err));
    CHECK(was_asked(&f, 1, "DELETE " ACCOUNT "/" ID("1") " HTTP"));
    CHECK(api_tunnels_delete(f.client, &id, true, &err));
    CHECK(was_asked(&f, 2, "DELETE " ACCOUNT "/" ID("1") "?cascade=true HTTP"));
    CHECK(api_tunnels_token(f.client, &id, &token, &err));
    CHECK_TEXT(buf_text(&token), "the token");
    CHECK(was_asked(&f, 3, "GET " ACCOUNT "/" ID("1") "/token HTTP"));
    CHECK(!api_tunnels_token(f.client, &id, &token, &err));
    CHECK(err.kind == ERROR_PROTOCOL && strstr(err.text, ID("1")) != NULL);
    CHECK(!api_tunnels_delete(f.client, &id, false, &err));
    CHECK_TEXT(err.text, "API: delete tunnel " ID("1") ": code 1022: in use");
    buf_wipe(&token);
    fixture_close(&f);
}

TEST(connectors_come_with_features_and_connections)
{
    static const char *const answers[] = {
        GOOD("[{\"id\":\"" ID("7") "\",\"features\":[\"ha-origin\"],\"version\":\"1.2\","
                                   "\"arch\":\"linux_amd64\",\"run_at\":\"2026-11-01T10:00:00Z\","
                                   "\"conns\":[{\"colo_name\":\"lhr01\",\"id\":\"" ID(
                                       "8") "\",\"is_pending_reconnect\":true,"
                                            "\"origin_ip\":\"2001:DB8::9\","
                                            "\"opened_at\":\"2026-11-01T11:00:00Z\"}]}]"),
        GOOD("[]"),
        GOOD("[{\"id\":\"" ID("7") "\",\"features\":[5]}]"),
    };
    struct fixture f = fixture_open(answers, 3);
    struct api_connectors connectors;
    struct uuid id = id_of(ID("1"));
    struct error err = {0};
    CHECK_CASE(api_tunnels_connectors(f.client, &id, &connectors, &err), "%s", err.text);
    REQUIRE(connectors.count == 1 && connectors.items[0].connections.count == 1);
    const struct api_connection *one = &connectors.items[0].connections.items[0];
    CHECK_SIZE(doc_count(connectors.items[0].features), 1);
    CHECK_SPAN(connectors.items[0].arch, SPAN("linux_amd64"));
    CHECK_SPAN(one->colo_name, SPAN("lhr01"));
    CHECK_TEXT(one->origin_ip, "2001:db8::9");
    CHECK(one->is_pending_reconnect);
    CHECK(was_asked(&f, 0, "GET " ACCOUNT "/" ID("1") "/connections HTTP"));
    api_connectors_release(&connectors);
    CHECK(api_tunnels_connectors(f.client, &id, &connectors, &err));
    CHECK_SIZE(connectors.count, 0);
    api_connectors_release(&connectors);
    CHECK(!api_tunnels_connectors(f.client, &id, &connectors, &err));
    CHECK(strstr(err.text, "\"features\" must be a list of texts") != NULL);
    fixture_close(&f);
}

TEST(a_name_is_resolved_by_a_request_and_a_uuid_without)
{
    static const char *const answers[] = {
        GOOD("[" TUNNEL("1", "web") "]"),
        GOOD("[" TUNNEL("1", "web") "," TUNNEL("2", "web") "]"),
        GOOD("[" TUNNEL("1", "web") "," TUNNEL("2", "web") "]"),
        GOOD("[]"),
    };
    struct fixture f = fixture_open(answers, 4);
    struct uuid first = id_of(ID("1"));
    struct uuid id;
    struct error err = {0};
    CHECK(api_tunnels_resolve(f.client, SPAN("{" ID("1") "}"), true, &id, &err));
    CHECK_SIZE(scripted_server_count(f.server), 0);
    CHECK(api_tunnels_resolve(f.client, SPAN("web"), true, &id, &err));
    CHECK(uuid_equal(&id, &first));
    CHECK(was_asked(&f, 0, "GET " ACCOUNT "?is_deleted=false&name=web&page=1 HTTP"));
    CHECK(api_tunnels_resolve(f.client, SPAN("web"), false, &id, &err));
    CHECK(!api_tunnels_resolve(f.client, SPAN("web"), true, &id, &err));
    CHECK(strstr(err.text, "2 tunnels have the name web") != NULL);
    CHECK(!api_tunnels_resolve(f.client, SPAN("nope"), false, &id, &err));
    CHECK(err.cause == 404 && strstr(err.text, "nope is no UUID") != NULL);
    fixture_close(&f);
}
