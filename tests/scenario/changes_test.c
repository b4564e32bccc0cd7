/* Real processes with several workers at both ends, while all around them changes: rules are read
 * again, connectors come and go, connections are ended by the API, visitors ask one connection for
 * several tunnels and for the edge itself. Every request is answered right. Built with
 * ThreadSanitizer (preset tsan) a process that races does not end well, and that fails the test. */
#include "culvert/tunnel/origin_cert.h"
#include "support/siege.h"

#include "harness.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define MAIL_NAME "mail.localhost" /* of a tunnel with one connection: others cross to its worker */
#define OWN_NAME  "edge.localhost"

enum {
    TURNERS = 4, /* visitors that ask for both tunnels in turns */
    ROUNDS = 3,
    VERSION_STATUS = 210, /* and the version of the rules: what /version answers */
    SERVED = 12,          /* requests of each visitor between two changes */
    TALK_MAX = 4096,
    PATIENCE_MS = 60 * 1000,
    WEB_CONNECTIONS = 4,
    MAIL_CONNECTIONS = 1,
    SPARE_CONNECTIONS = 2,
    REPLICA_CONNECTIONS = 4,
    STANDING = WEB_CONNECTIONS + MAIL_CONNECTIONS + SPARE_CONNECTIONS,
};

struct change {
    struct siege siege;
    struct child mail, spare, replica;
    struct steady_visitor turners[TURNERS];
    bool has_turners;
    struct origin_cert *cert;
    char spare_id[64];
    unsigned version; /* of the rules of "mail" */
    double wanted;
};

/* ---- single requests ---- */

/* Its end was read, behind all bytes. */
static bool talk_is_over(void *arg)
{
    const struct attacker *talker = arg;
    return talker->ended;
}

/* Says `text` on a connection of its own and hears until its end; false: it never ended. */
static bool talk(struct change *change, const char *text, struct attacker *talker)
{
    static const struct attack plain = {.name = "talk"};
    struct attacker_options options = siege_target(&change->siege, false);
    attacker_begin(talker, change->siege.loop, &plain, &options);
    bool ok = buf_put_span(&talker->out, span_of(text));
    attacker_say(talker);
    return ok && siege_until(&change->siege, talk_is_over, talker);
}

static int status_of(const struct attacker *talker)
{
    return talker->text.len > 12 ? (int)strtol(buf_text(&talker->text) + 9, NULL, 10) : 0;
}

static bool api(struct change *change, const char *method, const char *path,
                struct attacker *talker)
{
    char text[TALK_MAX];
    (void)snprintf(text, sizeof text,
                   "%s /client/v4/accounts/%s/%s HTTP/1.1\r\nHost: " OWN_NAME
                   "\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n"
                   "Connection: close\r\n\r\n",
                   method, change->cert->account_id, path, buf_text(&change->cert->api_token));
    bool ok = talk(change, text, talker) && status_of(talker) == 200;
    if (!ok)
        printf("# %s %s: %s\n", method, path, buf_text(&talker->text));
    return ok;
}

/* ---- what must come ---- */

/* Looks again and again, for a minute at most, until a figure of the edge lies between the two. */
static bool figure_comes(struct change *change, const char *series, double low, double high)
{
    uint64_t until = loop_now_ms(change->siege.loop) + PATIENCE_MS;
    double now = -1;
    while (loop_now_ms(change->siege.loop) < until) {
        now = siege_metric(&change->siege, series);
        if (now >= low && now <= high)
            return true;
    }
    printf("# %s is %.0f, not %.0f\n", series, now, low);
    return false;
}

static bool edge_counts(struct change *change, double connections)
{
    return figure_comes(change, "culvert_edge_connections", connections, connections);
}

static bool turners_are_served(void *arg)
{
    const struct change *change = arg;
    for (size_t i = 0; i < TURNERS; i++)
        if ((double)change->turners[i].served < change->wanted)
            return false;
    return true;
}

/* Everybody is served while nothing changes. */
static bool all_go_on(struct change *change)
{
    change->wanted = (double)change->turners[0].served + SERVED;
    return siege_serves(&change->siege, SERVED) &&
           siege_until(&change->siege, turners_are_served, change);
}

/* ---- the changes ---- */

static bool write_rules(struct change *change)
{
    char origin[IP_TEXT_SIZE];
    FILE *file = fopen(place_path(&change->siege.place, "mail.yml"), "w");
    if (!file)
        return false;
    ip_format(&change->siege.origin.at, origin);
    (void)fprintf(file,
                  "tunnel: mail\ningress:\n"
                  "  - {hostname: " MAIL_NAME ", path: ^/version$, service: \"http_status:%u\"}\n"
                  "  - {hostname: " MAIL_NAME ", service: \"http://%s\"}\n"
                  "  - {service: \"http_status:404\"}\n",
                  VERSION_STATUS + change->version, origin);
    return fclose(file) == 0;
}

/* The connector of "mail" reads its rules again; requests go by the new ones. */
static bool rules_change(struct change *change)
{
    change->version++;
    if (!write_rules(change))
        return false;
    int wanted = VERSION_STATUS + (int)change->version;
    int status = wanted - 1;
    uint64_t until = loop_now_ms(change->siege.loop) + PATIENCE_MS;
    child_signal(&change->mail, SIGHUP);
    while (status == wanted - 1 && loop_now_ms(change->siege.loop) < until) {
        struct attacker talker;
        if (talk(change,
                 "GET /version HTTP/1.1\r\nHost: " MAIL_NAME "\r\nConnection: close\r\n\r\n",
                 &talker))
            status = status_of(&talker);
        attacker_end(&talker);
    }
    if (status != wanted)
        printf("# version %u of the rules answers %d\n", change->version, status);
    return status == wanted;
}

static void start_connector(struct change *change, struct child *child, const char *const *words)
{
    siege_start(&change->siege, child, "others.log", words);
}

/* A second connector of the tunnel "web" comes, serves and leaves. */
static bool a_replica_comes_and_goes(struct change *change)
{
    char origin[IP_TEXT_SIZE];
    char url[IP_TEXT_SIZE + 8];
    ip_format(&change->siege.origin.at, origin);
    (void)snprintf(url, sizeof url, "http://%s", origin);
    const char *const words[] = {TEST_CULVERT, "tunnel",    "--metrics", "127.0.0.1:0",
                                 "run",        "--workers", "2",         "--url",
                                 url,          "web",       NULL};
    start_connector(change, &change->replica, words);
    bool ok = edge_counts(change, STANDING + REPLICA_CONNECTIONS) && all_go_on(change);
    return siege_stop(&change->siege, &change->replica, "the replica") && ok &&
           edge_counts(change, STANDING);
}

/* The API ends the connections of a tunnel; its connector opens new ones. */
static bool connections_are_ended(struct change *change)
{
    static const char series[] = "culvert_edge_registrations_total{result=\"accepted\"}";
    struct attacker talker;
    char path[128];
    double before = siege_metric(&change->siege, series);
    (void)snprintf(path, sizeof path, "cfd_tunnel/%s/connections", change->spare_id);
    bool ok = api(change, "DELETE", path, &talker);
    attacker_end(&talker);
    return ok && figure_comes(change, series, before + SPARE_CONNECTIONS, INFINITY) &&
           edge_counts(change, STANDING);
}

/* One connection asks for both tunnels and for the edge itself, all at once. */
static bool one_connection_asks_for_all(struct change *change)
{
    struct attacker talker;
    char text[TALK_MAX];
    (void)snprintf(text, sizeof text,
                   "GET /hello HTTP/1.1\r\nHost: " SIEGE_NAME "\r\n\r\n"
                   "GET /client/v4/accounts/%s/cfd_tunnel HTTP/1.1\r\nHost: " OWN_NAME "\r\n"
                   "Authorization: Bearer %s\r\n\r\n"
                   "GET /hello HTTP/1.1\r\nHost: " MAIL_NAME "\r\nConnection: close\r\n\r\n",
                   change->cert->account_id, buf_text(&change->cert->api_token));
    bool ok = talk(change, text, &talker);
    const char *first = strstr(buf_text(&talker.text), "hello");
    const char *list = first ? strstr(first, "\"success\":true") : NULL;
    ok = ok && list && strstr(list, "hello");
    if (!ok)
        printf("# heard: %s\n", buf_text(&talker.text));
    attacker_end(&talker);
    return ok;
}

/* ---- begin and end ---- */

static bool make_tunnel(struct change *change, const char *name, const char *hostname)
{
    const char *const create[] = {TEST_CULVERT, "tunnel", "create", name, NULL};
    const char *const route[] = {TEST_CULVERT, "tunnel", "route", "dns", name, hostname, NULL};
    return siege_command(&change->siege, create) && siege_command(&change->siege, route);
}

/* The first tunnel of the list that bears the name asked for. */
static bool find_spare(struct change *change)
{
    struct attacker talker;
    bool ok = api(change, "GET", "cfd_tunnel?name=spare", &talker);
    const char *id = ok ? strstr(buf_text(&talker.text), "\"id\":\"") : NULL;
    if (id)
        (void)snprintf(change->spare_id, sizeof change->spare_id, "%.36s", id + 6);
    attacker_end(&talker);
    return id != NULL;
}

static bool start_others(struct change *change)
{
    char rules[sizeof change->siege.place.path];
    (void)snprintf(rules, sizeof rules, "%s", place_path(&change->siege.place, "mail.yml"));
    const char *const mail[] = {
        TEST_CULVERT,       "tunnel", "--config",  rules, "--metrics", "127.0.0.1:0", "run",
        "--ha-connections", "1",      "--workers", "3",   "mail",      NULL};
    const char *const spare[] = {TEST_CULVERT, "tunnel",           "--metrics", "127.0.0.1:0",
                                 "run",        "--ha-connections", "2",         "--workers",
                                 "2",          "--hello-world",    "spare",     NULL};
    start_connector(change, &change->mail, mail);
    start_connector(change, &change->spare, spare);
    return edge_counts(change, STANDING);
}

static bool begin(struct change *change)
{
    static const char *const flags[] = {"--workers", "4", NULL};
    struct siege *siege = &change->siege;
    memset(change, 0, sizeof *change);
    if (!siege_open(siege, flags))
        return false;
    change->cert = origin_cert_load(place_path(&siege->place, ".cloudflared/cert.pem"), NULL, NULL);
    if (!change->cert || !make_tunnel(change, "mail", MAIL_NAME) ||
        !make_tunnel(change, "spare", "spare.localhost") || !find_spare(change) ||
        !write_rules(change) || !start_others(change))
        return false;
    change->has_turners = true;
    for (size_t i = 0; i < TURNERS; i++) {
        bool mail_first = i >= TURNERS / 2;
        const struct steady_visitor_options options = {
            .at = siege->http,
            .authority = mail_first ? MAIL_NAME : SIEGE_NAME,
            .other = mail_first ? SIEGE_NAME : MAIL_NAME,
            .h2 = i % 2 == 1,
            .pause_ms = 5,
        };
        steady_visitor_begin(&change->turners[i], siege->loop, &options);
    }
    return all_go_on(change);
}

static bool turners_stopped(void *arg)
{
    const struct change *change = arg;
    for (size_t i = 0; i < TURNERS; i++)
        if (!change->turners[i].stopped)
            return false;
    return true;
}

static void stop_turners(struct change *change)
{
    for (size_t i = 0; i < TURNERS && change->has_turners; i++)
        steady_visitor_stop(&change->turners[i]);
}

/* What they had in hand has come; nobody complains. */
static bool turners_are_content(struct change *change)
{
    stop_turners(change);
    bool ok = !change->has_turners || siege_until(&change->siege, turners_stopped, change);
    for (size_t i = 0; i < TURNERS; i++) {
        const struct steady_visitor *turner = &change->turners[i];
        if (turner->failed > 0)
            printf("# turner %zu: %zu failed beside %zu, first: %s\n", i, (size_t)turner->failed,
                   (size_t)turner->served, turner->why.text);
        ok = ok && turner->failed == 0;
    }
    return siege_is_unhurt(&change->siege) && ok;
}

/* All processes end well. */
static bool end(struct change *change)
{
    bool ok = true;
    for (size_t i = 0; i < TURNERS && change->has_turners; i++)
        steady_visitor_end(&change->turners[i]);
    ok = siege_stop(&change->siege, &change->mail, "the connector of mail") && ok;
    ok = siege_stop(&change->siege, &change->spare, "the connector of spare") && ok;
    origin_cert_free(change->cert);
    return siege_close(&change->siege) && ok;
}

/* Both ways to another worker were gone: handing a connection over, and crossing. */
static bool workers_met(struct change *change)
{
    double sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        char series[80];
        (void)snprintf(series, sizeof series, "culvert_edge_hop_streams_total{worker=\"%u\"}", i);
        double streams = siege_metric(&change->siege, series);
        sum += streams > 0 ? streams : 0;
    }
    return sum > 0 &&
           siege_metric(&change->siege, "culvert_edge_handovers_total{reason=\"tunnel\"}") > 0;
}

TEST(everybody_is_served_by_several_workers_while_all_around_changes)
{
    struct change change;
    bool ok = begin(&change);
    CHECK(ok);
    for (int round = 0; round < ROUNDS && ok; round++) {
        CHECK(ok = one_connection_asks_for_all(&change));
        CHECK(ok = ok && rules_change(&change));
        CHECK(ok = ok && connections_are_ended(&change));
        CHECK(ok = ok && a_replica_comes_and_goes(&change));
    }
    CHECK(!ok || workers_met(&change));
    CHECK(turners_are_content(&change));
    CHECK(end(&change));
}

TEST(several_workers_end_well_in_the_middle_of_everything)
{
    struct change change;
    CHECK(begin(&change));
    /* Nobody dials a door that is shut; what is in hand is finished, crossing or not. */
    for (size_t i = 0; i < SIEGE_VISITORS && change.siege.has_visitors; i++)
        steady_visitor_stop(&change.siege.visitors[i]);
    stop_turners(&change);
    CHECK(siege_stop(&change.siege, &change.siege.edge, "the edge"));
    CHECK(end(&change));
}
