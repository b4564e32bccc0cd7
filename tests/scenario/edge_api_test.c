/* The REST interface beside live connections: what was answered is in force, in every worker. */
#include "culvert/base/doc.h"
#include "culvert/base/encode.h"
#include "culvert/edge/api_request.h"
#include "culvert/edge/connector_session.h"
#include "culvert/tunnel/credentials.h"
#include "support/fake_connector.h"

#include "harness.h"

enum { WORKERS = 3 };

/* One connection to the API, kept alive, and what it said last. */
struct desk {
    struct both_ends ends;
    struct visitor_wire wire;
    const char *host; /* that is asked for */
    char bearer[STORE_TOKEN_SIZE];
    struct doc *json;
    char local_zone[STORE_ID_SIZE];
};

static void desk_open(struct desk *desk)
{
    struct store_zone zone;
    both_ends_open_workers(&desk->ends, WORKERS);
    const struct stored *stored = &desk->ends.store.stored;
    const struct store_token_new what = {stored->account.id, SPAN("test"), 1, 0};
    CHECK(store_tokens_create(stored->db, &what, desk->bearer, NULL) == STORE_OK);
    CHECK(stored_zone(stored->db, stored->account.id, "localhost", 1, &zone) == STORE_OK);
    memcpy(desk->local_zone, zone.id, sizeof zone.id);
    desk->host = "edge.localhost";
    desk->json = NULL;
    visitor_open(&desk->wire, &desk->ends);
}

static void desk_close(struct desk *desk)
{
    doc_free(desk->json);
    visitor_close(&desk->wire);
    both_ends_close(&desk->ends);
}

static bool is_answered(void *arg)
{
    struct visitor_wire *wire = arg;
    const char *end = strstr(buf_text(&wire->got), "\r\n\r\n");
    const char *length = strcasestr(buf_text(&wire->got), "\r\nContent-Length: ");
    return wire->ended || (end && length &&
                           wire->got.len >= (size_t)(end + 4 - buf_text(&wire->got)) +
                                                strtoul(length + 18, NULL, 10));
}

static int status_of(const struct visitor_wire *wire)
{
    return wire->got.len > 12 ? (int)strtol(buf_text(&wire->got) + 9, NULL, 10) : 0;
}

/* Sends one call; the path begins behind the account or zone: "A/cfd_tunnel", "Z/tunnels". Returns
 * the status; desk->json is the whole answer. */
static int call(struct desk *desk, const char *method, const char *path, const char *body)
{
    struct buf text = BUF_LIMIT(8192);
    const struct stored *stored = &desk->ends.store.stored;
    const char *zone = path[0] == 'L' ? desk->local_zone : stored->zone.id;
    CHECK(buf_printf(&text,
                     "%s /client/v4/%s/%s%s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, path[0] == 'A' ? "accounts" : "zones",
                     path[0] == 'A' ? stored->account.id : zone, path + 1, desk->host, desk->bearer,
                     strlen(body), body));
    buf_clear(&desk->wire.got);
    visitor_say(&desk->wire, buf_span(&text));
    buf_release(&text);
    CHECK(both_ends_until(&desk->ends, is_answered, &desk->wire));
    doc_free(desk->json);
    const char *end = strstr(buf_text(&desk->wire.got), "\r\n\r\n");
    desk->json = end ? doc_parse(span_of(end + 4), NULL) : NULL;
    return status_of(&desk->wire);
}

static const struct doc *result(const struct desk *desk)
{
    return doc_get(desk->json, "result");
}

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN_NONE;
    const struct doc *value = doc_get(object, key);
    return value && doc_as_text(value, &text) ? text : SPAN("(no text)");
}

static int64_t code(const struct desk *desk)
{
    int64_t number = 0;
    CHECK(doc_as_int(doc_get(doc_at(doc_get(desk->json, "errors"), 0), "code"), &number));
    return number;
}

/* What a visitor of `host` gets now. */
static int visit(struct desk *desk, const char *host)
{
    struct visitor_wire visitor;
    struct buf text = BUF_LIMIT(512);
    CHECK(buf_printf(&text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host));
    visitor_open(&visitor, &desk->ends);
    visitor_say(&visitor, buf_span(&text));
    CHECK(settle(desk->ends.loop));
    int status = status_of(&visitor);
    buf_release(&text);
    visitor_close(&visitor);
    return status;
}

#define ONE    "b0000000-0000-4000-8000-000000000001"
#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define ROUTE  "{\"type\":\"dns\",\"user_hostname\":\"%s\"}"

TEST(a_tunnel_that_was_created_can_be_served_routed_and_deleted)
{
    struct desk desk;
    struct fake_connector fake;
    struct error err = {0};
    char path[128], id[UUID_TEXT_SIZE];
    desk_open(&desk);
    CHECK_SIZE(
        call(&desk, "POST", "A/cfd_tunnel", "{\"name\":\"demo\",\"tunnel_secret\":\"" SECRET "\"}"),
        200);
    (void)snprintf(id, sizeof id, "%.*s", SPAN_ARG(text_of(result(&desk), "id")));
    (void)snprintf(path, sizeof path, "A/cfd_tunnel/%s/token", id);
    CHECK_SIZE(call(&desk, "GET", path, ""), 200);
    struct span token = SPAN_NONE;
    CHECK(doc_as_text(result(&desk), &token));
    struct credentials *creds = credentials_from_token(token, &err);
    REQUIRE(creds != NULL);

    struct fake_connector_options options = fake_connector_of(&desk.ends, 0);
    options.account = span_of(creds->account_tag);
    options.secret = buf_span(&creds->secret);
    options.tunnel_id = creds->tunnel_id;
    fake_connector_dial(&fake, &desk.ends, &options);
    CHECK(fake_connector_is_taken(&fake));

    CHECK_SIZE(visit(&desk, "demo.example.com"), 404);
    (void)snprintf(path, sizeof path, "Z/tunnels/%s/routes", id);
    CHECK_SIZE(call(&desk, "PUT", path, "{\"type\":\"dns\",\"user_hostname\":\"demo\"}"), 200);
    CHECK_SIZE(visit(&desk, "demo.example.com"), 200);

    CHECK_SIZE(call(&desk, "GET", "A/cfd_tunnel?name=demo", ""), 200);
    CHECK_SPAN(text_of(doc_at(result(&desk), 0), "status"), SPAN("healthy"));
    (void)snprintf(path, sizeof path, "A/cfd_tunnel/%s?cascade=true", id);
    CHECK_SIZE(call(&desk, "DELETE", path, ""), 200);
    CHECK_SIZE(visit(&desk, "demo.example.com"), 404);
    CHECK(fake_connector_sees_end(&fake));
    fake_connector_close(&fake);
    credentials_free(creds);
    desk_close(&desk);
}

TEST(a_route_is_in_force_when_its_answer_arrives)
{
    static const struct {
        const char *path, *name, *host;
    } cases[] = {
        {"Z/tunnels/" ONE "/routes", "new", "new.example.com"},
        {"Z/tunnels/" ONE "/routes", "*.new", "deep.new.example.com"},
        {"Z/tunnels/" ONE "/routes", "@", "example.com"},
        {"L/tunnels/" ONE "/routes", "app", "app.localhost"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct desk desk;
        char body[128];
        desk_open(&desk);
        CHECK_CASE(visit(&desk, cases[i].host) == 404, "%s is there already", cases[i].host);
        (void)snprintf(body, sizeof body, ROUTE, cases[i].name);
        CHECK_CASE(call(&desk, "PUT", cases[i].path, body) == 200, "%s", cases[i].name);
        CHECK_CASE(visit(&desk, cases[i].host) == 503, "%s is not there", cases[i].host);
        desk_close(&desk);
    }
}

TEST(a_route_that_is_moved_leads_to_the_other_tunnel_at_once)
{
    struct desk desk;
    struct fake_connector one;
    desk_open(&desk);
    struct fake_connector_options options = fake_connector_of(&desk.ends, 0);
    fake_connector_dial(&one, &desk.ends, &options);
    CHECK(fake_connector_is_taken(&one));
    CHECK(stored_tunnel(&desk.ends.store.stored, 2, "two", 1) == STORE_OK);
    CHECK_SIZE(visit(&desk, "app.example.com"), 200);
    static const char path[] = "Z/tunnels/b0000000-0000-4000-8000-000000000002/routes";
    CHECK_SIZE(call(&desk, "PUT", path, "{\"type\":\"dns\",\"user_hostname\":\"app\"}"), 400);
    CHECK_SIZE(code(&desk), API_CODE_ROUTE_TAKEN);
    CHECK_SIZE(visit(&desk, "app.example.com"), 200);
    CHECK_SIZE(call(&desk, "PUT", path,
                    "{\"type\":\"dns\",\"user_hostname\":\"app\",\"overwrite_existing\":true}"),
               200);
    CHECK_SIZE(visit(&desk, "app.example.com"), 503);
    fake_connector_close(&one);
    desk_close(&desk);
}

TEST(the_edges_own_name_stays_its_own_whatever_is_routed)
{
    static const char *const hosts[] = {"edge.localhost", "EDGE.localhost.:8080", "127.0.0.1:8080",
                                        "localhost:8080"};
    struct desk desk;
    desk_open(&desk);
    CHECK_SIZE(call(&desk, "PUT", "L/tunnels/" ONE "/routes",
                    "{\"type\":\"dns\",\"user_hostname\":\"*\"}"),
               200);
    CHECK_SIZE(visit(&desk, "any.localhost"), 503);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        desk.host = hosts[i];
        CHECK_CASE(call(&desk, "GET", "A/cfd_tunnel", "") == 200, "%s", hosts[i]);
    }
    desk_close(&desk);
}

TEST(who_has_no_bearer_gets_nothing)
{
    static const struct {
        const char *method, *path, *body;
    } cases[] = {
        {"GET", "A/cfd_tunnel", ""},
        {"POST", "A/cfd_tunnel", "{\"name\":\"demo\",\"tunnel_secret\":\"" SECRET "\"}"},
        {"GET", "A/cfd_tunnel/" ONE, ""},
        {"GET", "A/cfd_tunnel/" ONE "/token", ""},
        {"GET", "A/cfd_tunnel/" ONE "/connections", ""},
        {"DELETE", "A/cfd_tunnel/" ONE "/connections", ""},
        {"DELETE", "A/cfd_tunnel/" ONE "?cascade=true", ""},
        {"PUT", "Z/tunnels/" ONE "/routes", "{\"type\":\"dns\",\"user_hostname\":\"new\"}"},
    };
    struct desk desk;
    struct fake_connector fake;
    desk_open(&desk);
    struct fake_connector_options options = fake_connector_of(&desk.ends, 0);
    fake_connector_dial(&fake, &desk.ends, &options);
    CHECK(fake_connector_is_taken(&fake));
    memcpy(desk.bearer, "guess", 6);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status = call(&desk, cases[i].method, cases[i].path, cases[i].body);
        CHECK_CASE(status == 403 && code(&desk) == API_CODE_AUTH, "%s %s: %d", cases[i].method,
                   cases[i].path, status);
    }
    CHECK(!fake.over);
    CHECK_SIZE(visit(&desk, "app.example.com"), 200);
    CHECK_SIZE(visit(&desk, "new.example.com"), 404);
    fake_connector_close(&fake);
    desk_close(&desk);
}

TEST(a_tunnel_with_live_connections_is_deleted_only_by_force)
{
    struct desk desk;
    struct fake_connector fake, again;
    desk_open(&desk);
    struct fake_connector_options options = fake_connector_of(&desk.ends, 0);
    fake_connector_dial(&fake, &desk.ends, &options);
    CHECK(fake_connector_is_taken(&fake));
    CHECK_SIZE(call(&desk, "DELETE", "A/cfd_tunnel/" ONE, ""), 400);
    CHECK_SIZE(code(&desk), API_CODE_CONNECTED);
    CHECK(!fake.over);
    CHECK_SIZE(visit(&desk, "app.example.com"), 200);

    CHECK_SIZE(call(&desk, "DELETE", "A/cfd_tunnel/" ONE "?cascade=true", ""), 200);
    CHECK_SIZE(both_ends_count(&desk.ends), 0);
    CHECK_SIZE(visit(&desk, "app.example.com"), 404);
    CHECK_SIZE(visit(&desk, "x.wild.example.com"), 404);
    CHECK(fake_connector_sees_end(&fake));
    CHECK(!fake.heard_goaway);
    fake_connector_dial(&again, &desk.ends, &options);
    CHECK(!fake_connector_is_taken(&again));
    CHECK(registration_cause_is_unauthorized(span_of(again.cause)));
    fake_connector_close(&again);
    fake_connector_close(&fake);
    desk_close(&desk);
}

TEST(a_deleted_tunnel_is_not_served_by_who_waited_for_the_place_of_another)
{
    struct desk desk;
    struct fake_connector older, newer;
    desk_open(&desk);
    struct fake_connector_options options = fake_connector_of(&desk.ends, 0);
    fake_connector_dial(&older, &desk.ends, &options);
    CHECK(fake_connector_is_taken(&older));
    fake_connector_stop_reading(&older);
    fake_connector_dial(&newer, &desk.ends, &options);
    both_ends_pass(&desk.ends, 200);
    CHECK(!newer.registered && !newer.refused);
    CHECK_SIZE(call(&desk, "DELETE", "A/cfd_tunnel/" ONE "?cascade=true", ""), 200);
    CHECK_SIZE(both_ends_count(&desk.ends), 0);
    both_ends_pass(&desk.ends, 2 * SESSION_PROBE_MS);
    CHECK_SIZE(both_ends_count(&desk.ends), 0);
    CHECK(!newer.registered);
    fake_connector_close(&older);
    fake_connector_close(&newer);
    desk_close(&desk);
}

TEST(connections_are_listed_and_dropped_of_one_connector_or_of_all)
{
    enum { FAKES = 4 };
    struct desk desk;
    struct fake_connector fakes[FAKES];
    struct uuid clients[2] = {uuid_make(), uuid_make()};
    char id[UUID_TEXT_SIZE], path[160];
    desk_open(&desk);
    for (size_t i = 0; i < FAKES; i++) {
        struct fake_connector_options options = fake_connector_of(&desk.ends, (uint8_t)(i / 2));
        options.client_id = clients[i % 2];
        fake_connector_dial(&fakes[i], &desk.ends, &options);
        CHECK(fake_connector_is_taken(&fakes[i]));
    }
    CHECK_SIZE(call(&desk, "GET", "A/cfd_tunnel/" ONE "/connections", ""), 200);
    REQUIRE(doc_count(result(&desk)) == 2);
    const struct doc *connector = doc_at(result(&desk), 0);
    uuid_format(&clients[0], id);
    CHECK_SPAN(text_of(connector, "id"), span_of(id));
    CHECK_SPAN(text_of(connector, "version"), SPAN("fake"));
    CHECK_SIZE(doc_count(doc_get(connector, "conns")), 2);
    struct span feature = SPAN_NONE;
    REQUIRE(doc_count(doc_get(connector, "features")) == 2);
    CHECK(doc_as_text(doc_at(doc_get(connector, "features"), 1), &feature));
    CHECK_SPAN(feature, SPAN("twowords")); /* what is odd is left out */
    const struct doc *connection = doc_at(doc_get(connector, "conns"), 0);
    CHECK_SPAN(text_of(connection, "origin_ip"), SPAN("127.0.0.1"));
    CHECK_SPAN(text_of(connection, "colo_name"), SPAN("edge.localhost"));

    (void)snprintf(path, sizeof path, "A/cfd_tunnel/" ONE "/connections?client_id=%s", id);
    CHECK_SIZE(call(&desk, "DELETE", path, ""), 200);
    CHECK(settle(desk.ends.loop));
    for (size_t i = 0; i < FAKES; i++)
        CHECK_CASE(fakes[i].over == (i % 2 == 0), "connection %zu", i);
    CHECK_SIZE(call(&desk, "DELETE", "A/cfd_tunnel/" ONE "/connections", ""), 200);
    CHECK_SIZE(both_ends_count(&desk.ends), 0);
    CHECK_SIZE(visit(&desk, "app.example.com"), 503);
    for (size_t i = 0; i < FAKES; i++)
        fake_connector_close(&fakes[i]);
    desk_close(&desk);
}
