/* An edge of several workers whose visitor asks on one connection for what several of them hold. */
#include "support/fake_connector.h"

#include "harness.h"

enum { WORKERS = 3 };

static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
static const struct fake_reply silence = {.kind = FAKE_REPLY_SILENCE};

#define GET_WEB  "GET /web HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
#define GET_MAIL "GET /mail HTTP/1.1\r\nHost: mail.example.com\r\n\r\n"

/* Two tunnels with a connection each, in two workers, and a visitor that was served by the first:
 * what it asks of the second crosses. */
struct scene {
    struct both_ends ends;
    struct fake_connector web, mail;
    struct buf secret; /* of the second tunnel */
    struct visitor_wire visitor;
};

static struct fake_connector_options second_tunnel(struct scene *scene)
{
    struct error err;
    struct both_ends *ends = &scene->ends;
    struct fake_connector_options options = fake_connector_of(ends, 0);
    struct uuid id = stored_id(2);
    options.tunnel_id = id;
    scene->secret = (struct buf)BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    CHECK(stored_tunnel(&ends->store.stored, 2, "mail", 1) == STORE_OK);
    CHECK(store_tunnels_secret(ends->store.stored.db, span_of(ends->store.stored.account.id), &id,
                               &scene->secret, &err) == STORE_OK);
    options.secret = buf_span(&scene->secret);
    return options;
}

/* Over the API, so that every worker hears of it. */
static void route_second_tunnel(struct scene *scene)
{
    static const char body[] = "{\"type\":\"dns\",\"user_hostname\":\"mail.example.com\"}";
    const struct stored *stored = &scene->ends.store.stored;
    const struct store_token_new token = {stored->account.id, SPAN("test"), 1, 0};
    char bearer[STORE_TOKEN_SIZE];
    char id[UUID_TEXT_SIZE];
    char text[1024];
    struct uuid tunnel_id = stored_id(2);
    struct visitor_wire owner;
    CHECK(store_tokens_create(stored->db, &token, bearer, NULL) == STORE_OK);
    uuid_format(&tunnel_id, id);
    (void)snprintf(text, sizeof text,
                   "PUT /client/v4/zones/%s/tunnels/%s/routes HTTP/1.1\r\nHost: edge.localhost\r\n"
                   "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
                   stored->zone.id, id, bearer, sizeof body - 1, body);
    visitor_open(&owner, &scene->ends);
    visitor_say(&owner, span_of(text));
    CHECK(visitor_hears(&owner, "\"success\":true"));
    visitor_close(&owner);
}

static void dial(struct fake_connector *fake, struct scene *scene,
                 const struct fake_connector_options *options, const struct fake_reply *reply)
{
    fake_connector_dial(fake, &scene->ends, options);
    fake_connector_follow(fake, reply, 1);
    CHECK(fake_connector_is_taken(fake));
}

static void scene_open(struct scene *scene, const struct fake_reply *reply_of_mail)
{
    both_ends_open_workers(&scene->ends, WORKERS);
    struct fake_connector_options web = fake_connector_of(&scene->ends, 0);
    struct fake_connector_options mail = second_tunnel(scene);
    dial(&scene->web, scene, &web, &fine);
    dial(&scene->mail, scene, &mail, reply_of_mail);
    route_second_tunnel(scene);
    visitor_open(&scene->visitor, &scene->ends);
    visitor_say(&scene->visitor, SPAN(GET_WEB));
    CHECK(visitor_hears(&scene->visitor, "fine"));
    CHECK_SIZE(scene->web.call_count, 1);
    buf_clear(&scene->visitor.got);
}

static void scene_close(struct scene *scene)
{
    visitor_close(&scene->visitor);
    fake_connector_close(&scene->web);
    fake_connector_close(&scene->mail);
    both_ends_close(&scene->ends);
    buf_release(&scene->secret);
}

static double crossed(struct scene *scene)
{
    double sum = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        char series[80];
        (void)snprintf(series, sizeof series, "culvert_edge_hop_streams_total{worker=\"%u\"}", i);
        sum += both_ends_metric(&scene->ends, "127.0.0.1:2001", series);
    }
    return sum;
}

TEST(one_connection_asks_for_tunnels_of_several_workers)
{
    struct scene scene;
    scene_open(&scene, &fine);
    visitor_say(&scene.visitor, SPAN(GET_MAIL GET_WEB GET_MAIL));
    both_ends_pass(&scene.ends, 100);
    CHECK(both_ends_metric(&scene.ends, "127.0.0.1:2001",
                           "culvert_edge_requests_total{code=\"200\"}") == 4);
    CHECK(scene.web.call_count == 2 && scene.mail.call_count == 2);
    CHECK_SPAN(buf_span(&scene.mail.calls[0].head.authority), SPAN("mail.example.com"));
    CHECK(headers_has(&scene.mail.calls[0].head.fields, SPAN("cf-connecting-ip")));
    CHECK(!headers_has(&scene.mail.calls[0].head.fields, SPAN("culvert-hop")));
    CHECK(crossed(&scene) == 2);
    scene_close(&scene);
}

/* Every worker answers for the edge's own names on whatever connection it is asked. */
TEST(a_connection_of_any_worker_reaches_the_edge_itself)
{
    enum { VISITORS = 2 * WORKERS };
    struct scene scene;
    struct visitor_wire visitors[VISITORS];
    scene_open(&scene, &fine);
    for (size_t i = 0; i < VISITORS; i++) {
        visitor_open(&visitors[i], &scene.ends);
        visitor_say(&visitors[i], i % 2 == 0 ? SPAN(GET_WEB) : SPAN(GET_MAIL));
        CHECK(visitor_hears(&visitors[i], "fine"));
        visitor_say(&visitors[i], SPAN("GET /client/v4/accounts HTTP/1.1\r\n"
                                       "Host: edge.localhost\r\n\r\n"));
        CHECK(visitor_hears(&visitors[i], "\"success\":false"));
        buf_clear(&visitors[i].got);
        visitor_say(&visitors[i], SPAN("GET / HTTP/1.1\r\nHost: edge.localhost\r\n\r\n"));
        CHECK(visitor_hears(&visitors[i], "This is the edge itself"));
        CHECK(!visitors[i].ended);
    }
    CHECK(crossed(&scene) > 0);
    for (size_t i = 0; i < VISITORS; i++)
        visitor_close(&visitors[i]);
    scene_close(&scene);
}

TEST(an_edge_that_stops_finishes_what_crosses)
{
    struct scene scene;
    scene_open(&scene, &begun);
    visitor_say(&scene.visitor, SPAN(GET_MAIL));
    CHECK(visitor_hears(&scene.visitor, "begun"));
    edge_stop(scene.ends.edge);
    both_ends_pass(&scene.ends, 1000);
    CHECK(!scene.ends.edge_over);
    fake_call_say(&scene.mail.calls[0], " and done");
    fake_call_end(&scene.mail.calls[0]);
    CHECK(visitor_hears(&scene.visitor, " and done"));
    CHECK(visitor_sees_end(&scene.visitor));
    both_ends_pass(&scene.ends, 0);
    CHECK(scene.ends.edge_over);
    scene_close(&scene);
}

TEST(what_crosses_longer_than_the_grace_is_cut)
{
    static const struct fake_reply *const replies[] = {&begun, &silence};
    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        struct scene scene;
        scene_open(&scene, replies[i]);
        visitor_say(&scene.visitor, SPAN(GET_MAIL));
        CHECK(settle(scene.ends.loop));
        CHECK_SIZE(scene.mail.call_count, 1);
        edge_stop(scene.ends.edge);
        both_ends_pass(&scene.ends, EDGE_GRACE_MS + 2000);
        CHECK(scene.ends.edge_over && scene.visitor.ended);
        CHECK(scene.mail.calls[0].aborted);
        const char *got = buf_text(&scene.visitor.got);
        CHECK(!strstr(got, "\r\n0\r\n")); /* never a short body that looks whole */
        CHECK_CASE(i == 0 || strstr(got, "HTTP/1.1 502 "), "%s", got);
        scene_close(&scene);
    }
}

TEST(a_connector_that_dies_in_another_worker_cuts_what_was_begun)
{
    struct scene scene;
    scene_open(&scene, &begun);
    visitor_say(&scene.visitor, SPAN(GET_MAIL));
    CHECK(visitor_hears(&scene.visitor, "begun"));
    fake_connector_hang_up(&scene.mail);
    CHECK(visitor_sees_end(&scene.visitor));
    CHECK(!strstr(buf_text(&scene.visitor.got), "\r\n0\r\n"));
    scene_close(&scene);
}

TEST(a_tunnel_whose_last_connection_left_another_worker_is_offline)
{
    struct scene scene;
    scene_open(&scene, &fine);
    fake_connector_unregister(&scene.mail);
    CHECK(fake_connector_sees_end(&scene.mail));
    visitor_say(&scene.visitor, SPAN(GET_MAIL));
    CHECK(visitor_hears(&scene.visitor, "HTTP/1.1 503 "));
    CHECK(crossed(&scene) == 0);
    scene_close(&scene);
}
