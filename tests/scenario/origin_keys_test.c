/* Each key of originRequest by its effect: as it is by default, set for the whole file, set for one
 * rule, and a rule's word before that of the file. Elsewhere: keys that choose a protocol, in
 * origin_keys_bytes_test.c; tcpKeepAlive, which only a real socket shows, in
 * tests/unit/origin/openers_sockets_test.c; access in access_vectors_test.c. */
#include "support/key_forms.h"

#include "harness.h"

enum { CROWD = 6 };

static const struct fake_script ok = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0, 0}}};

/* ---- times ---- */

TEST(connect_timeout_limits_connecting)
{
    static const char silent[] = "http://127.0.0.1:28003";
    static const struct key_form forms[] = {
        {silent, "", "", "502 after 30000 ms"},
        {silent, "connectTimeout: 2s", "", "502 after 2000 ms"},
        {silent, "", "connectTimeout: 1500ms", "502 after 1500 ms"},
        {silent, "connectTimeout: 2s", "connectTimeout: 7s", "502 after 7000 ms"},
        {silent, "", "connectTimeout: 0s", "nothing"},
        {silent, "connectTimeout: 0s", "connectTimeout: 1s", "502 after 1000 ms"},
        {silent, "", "connectTimeout: -5s", "502 after 1 ms"},
        {"https://192.0.2.1:28000", "", "connectTimeout: 3s", "502 after 3000 ms"},
        {"h2c://127.0.0.1:28003", "", "", "502 after 30000 ms"},
        {"h2c://127.0.0.1:28003", "connectTimeout: 2s", "", "502 after 2000 ms"},
        {"h2c://127.0.0.1:28003", "", "connectTimeout: 0s", "nothing"},
        {"h2c://127.0.0.1:28003", "", "connectTimeout: -5s", "502 after 1 ms"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), key_forms_see_time);
}

TEST(tls_timeout_limits_the_handshake)
{
    static const char deaf[] = "https://127.0.0.1:28004";
    static const struct key_form forms[] = {
        {deaf, "", "", "502 after 10000 ms"},
        {deaf, "tlsTimeout: 2s", "", "502 after 2000 ms"},
        {deaf, "", "tlsTimeout: 1500ms", "502 after 1500 ms"},
        {deaf, "tlsTimeout: 2s", "tlsTimeout: 7s", "502 after 7000 ms"},
        {deaf, "", "tlsTimeout: 0s", "nothing"},
        {deaf, "", "tlsTimeout: -1s", "502 after 1 ms"},
        {deaf, "", "tlsTimeout: 3s, matchSNItoHost: true", "502 after 3000 ms"},
        {deaf, "", "tlsTimeout: 20s, connectTimeout: 1s", "502 after 20000 ms"},
        {deaf, "http2Origin: true", "", "502 after 10000 ms"},
        {deaf, "http2Origin: true", "tlsTimeout: 2s", "502 after 2000 ms"},
        {deaf, "http2Origin: true", "tlsTimeout: 0s", "nothing"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), key_forms_see_time);
}

TEST(no_happy_eyeballs_tries_addresses_one_by_one)
{
    static const char twin[] = "http://twin.test:28000";
    static const struct key_form forms[] = {
        {twin, "", "", "200 after 300 ms"},
        {twin, "noHappyEyeballs: true", "", "200 after 15000 ms"},
        {twin, "", "noHappyEyeballs: true, connectTimeout: 8s", "200 after 4000 ms"},
        {twin, "", "noHappyEyeballs: true, connectTimeout: 3s", "200 after 2000 ms"},
        {twin, "noHappyEyeballs: true", "noHappyEyeballs: false", "200 after 300 ms"},
        /* It does not speak HTTP/2: when it says so tells when it was reached. */
        {"h2c://twin.test:28000", "", "", "502 after 300 ms"},
        {"h2c://twin.test:28000", "noHappyEyeballs: true", "", "502 after 15000 ms"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), key_forms_see_time);
}

/* ---- connections that are kept ---- */

static size_t open_count(const struct fake_origin *origin)
{
    size_t count = 0;
    for (size_t i = 0; i < origin->connection_count; i++)
        count += origin->connections[i].conn && !origin->connections[i].peer_closed;
    return count;
}

/* Several requests at once, then one more: how many connections rest, and were made. */
static void see_kept(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    const struct fake_origin *origin = origin_play_origin(play, "app");
    struct raw_answer *answers[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        answers[i] = origin_play_send(play, &(struct play_request){.host = "key.test"});
    for (size_t i = 0; i < CROWD; i++)
        origin_play_await(play, answers[i]);
    CHECK(turned_clock_run(&play->clock, play->loop, 5000));
    size_t kept = open_count(origin);
    CHECK(strcmp(key_forms_status(key_forms_ask(play)), "200") == 0);
    (void)snprintf(seen, KEY_SEEN_SIZE, "%zu of %d kept, %zu made", kept, CROWD,
                   origin->connection_count);
}

TEST(keep_alive_connections_bounds_what_rests)
{
    static const char app[] = "http://127.0.0.1:28000";
    static const struct key_form forms[] = {
        {app, "", "", "6 of 6 kept, 6 made"},
        {app, "keepAliveConnections: 3", "", "3 of 6 kept, 6 made"},
        {app, "", "keepAliveConnections: 1", "1 of 6 kept, 6 made"},
        {app, "keepAliveConnections: 3", "keepAliveConnections: 4", "4 of 6 kept, 6 made"},
        {app, "", "keepAliveConnections: 0", "2 of 6 kept, 6 made"},
        {app, "", "keepAliveConnections: -1", "0 of 6 kept, 7 made"},
        {app, "keepAliveConnections: -1", "keepAliveConnections: 0", "2 of 6 kept, 6 made"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_kept);
}

/* How long a connection rests. */
static void see_rest(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    enum { STEP_MS = 100, LONG_MS = 300 * 1000 };
    const struct fake_origin *origin = origin_play_origin(play, "app");
    uint64_t ms = 0;
    CHECK(strcmp(key_forms_status(key_forms_ask(play)), "200") == 0);
    for (; ms < LONG_MS && open_count(origin) == 1; ms += STEP_MS)
        CHECK(turned_clock_run(&play->clock, play->loop, STEP_MS));
    if (ms < LONG_MS)
        (void)snprintf(seen, KEY_SEEN_SIZE, "closed after %llu ms", (unsigned long long)ms);
    else
        (void)snprintf(seen, KEY_SEEN_SIZE, "open");
}

TEST(keep_alive_timeout_ends_a_rest)
{
    static const char app[] = "http://127.0.0.1:28000";
    static const struct key_form forms[] = {
        {app, "", "", "closed after 90000 ms"},
        {app, "keepAliveTimeout: 5s", "", "closed after 5000 ms"},
        {app, "", "keepAliveTimeout: 300ms", "closed after 300 ms"},
        {app, "keepAliveTimeout: 5s", "keepAliveTimeout: 2m", "closed after 120000 ms"},
        {app, "", "keepAliveTimeout: 0s", "open"},
        {app, "", "keepAliveTimeout: -1s", "open"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_rest);
}

/* ---- names ---- */

static void put_field(const struct fake_request *request, const char *name,
                      char seen[KEY_SEEN_SIZE])
{
    size_t used = strlen(seen);
    const char *at = strcasestr(buf_text(&request->head), name);
    if (at)
        (void)snprintf(seen + used, KEY_SEEN_SIZE - used, "%s%.*s", used > 0 ? ", " : "",
                       (int)strcspn(at + 2, "\r"), at + 2);
}

static void see_host(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    static const char *const names[] = {"app", "unix"};
    CHECK(strcmp(key_forms_status(key_forms_ask(play)), "200") == 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct fake_origin *origin = origin_play_origin(play, names[i]);
        if (origin->request_count == 0)
            continue;
        put_field(&origin->requests[0], "\r\nHost: ", seen);
        put_field(&origin->requests[0], "\r\nX-Forwarded-Host: ", seen);
    }
}

TEST(http_host_header_is_the_host_at_the_origin)
{
    static const char app[] = "http://127.0.0.1:28000";
    static const char file[] = "unix:{run}/o.sock";
    static const struct key_form forms[] = {
        {app, "", "", "Host: key.test"},
        {app, "httpHostHeader: all.test", "", "Host: all.test, X-Forwarded-Host: key.test"},
        {app, "", "httpHostHeader: 'one.test:81'", "Host: one.test:81, X-Forwarded-Host: key.test"},
        {app, "httpHostHeader: all.test", "httpHostHeader: one.test",
         "Host: one.test, X-Forwarded-Host: key.test"},
        {app, "httpHostHeader: all.test", "httpHostHeader: ''", "Host: key.test"},
        {file, "", "", "Host: key.test"},
        {file, "httpHostHeader: all.test", "", "Host: all.test, X-Forwarded-Host: key.test"},
        {file, "httpHostHeader: all.test", "httpHostHeader: one.test",
         "Host: one.test, X-Forwarded-Host: key.test"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_host);
}

/* Status, and the name that the last handshake asked for. */
static void see_name(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    const char *status = key_forms_status(key_forms_ask(play));
    (void)snprintf(seen, KEY_SEEN_SIZE, "%s%s%s", status, play->handshakes > 0 ? " as " : "",
                   play->sni);
}

TEST(origin_server_name_is_asked_for_and_verified)
{
    static const char ca[] = "https://127.0.0.1:28002"; /* origin.test, app.example.com */
    static const char lo[] = "https://localhost:28005"; /* localhost, 127.0.0.1 */
    static const struct key_form forms[] = {
        {lo, "caPool: {ca.pem}", "", "200 as localhost"},
        {ca, "caPool: {ca.pem}", "", "502 as "},
        {ca, "caPool: {ca.pem}, originServerName: origin.test", "", "200 as origin.test"},
        {ca, "caPool: {ca.pem}", "originServerName: app.example.com", "200 as app.example.com"},
        {ca, "caPool: {ca.pem}, originServerName: origin.test", "originServerName: app.example.com",
         "200 as app.example.com"},
        {ca, "caPool: {ca.pem}, originServerName: origin.test", "originServerName: else.test",
         "502 as else.test"},
        {lo, "caPool: {ca.pem}, originServerName: else.test", "originServerName: ''",
         "200 as localhost"},
        {ca, "caPool: {ca.pem}, http2Origin: true", "originServerName: origin.test",
         "200 as origin.test"},
        {"unix+tls:{run}/ot.sock", "caPool: {run}/self.pem", "originServerName: localhost",
         "200 as localhost"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_name);
}

TEST(match_sni_to_host_asks_for_the_requests_host)
{
    static const char ca[] = "https://127.0.0.1:28002";
    static const char lo[] = "https://localhost:28005";
    static const struct key_form forms[] = {
        {lo, "caPool: {ca.pem}", "", "200 as localhost"},
        {lo, "caPool: {ca.pem}, matchSNItoHost: true", "", "502 as key.test"},
        {lo, "caPool: {ca.pem}", "matchSNItoHost: true", "502 as key.test"},
        {lo, "caPool: {ca.pem}, matchSNItoHost: true", "matchSNItoHost: false", "200 as localhost"},
        {ca, "caPool: {ca.pem}", "matchSNItoHost: true, httpHostHeader: 'origin.test:8443'",
         "200 as origin.test"},
        {ca, "caPool: {ca.pem}, http2Origin: true",
         "matchSNItoHost: true, httpHostHeader: 'origin.test:8443'", "200 as origin.test"},
        {ca, "caPool: {ca.pem}, originServerName: origin.test", "matchSNItoHost: true",
         "502 as key.test"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_name);
}

/* ---- trust ---- */

TEST(ca_pool_adds_roots)
{
    static const char lo[] = "https://localhost:28005";
    static const char self[] = "https://localhost:28001";
    static const struct key_form forms[] = {
        {lo, "", "", "502 as localhost"},
        {lo, "caPool: {ca.pem}", "", "200 as localhost"},
        {lo, "", "caPool: {ca.pem}", "200 as localhost"},
        {lo, "caPool: {run}/self.pem", "", "502 as localhost"},
        {lo, "caPool: {run}/self.pem", "caPool: {ca.pem}", "200 as localhost"},
        {lo, "caPool: {ca.pem}", "caPool: ''", "502 as localhost"},
        {self, "caPool: {ca.pem}", "", "502 as localhost"},
        {lo, "http2Origin: true", "", "502 as localhost"},
        {lo, "http2Origin: true", "caPool: {ca.pem}", "200 as localhost"},
        {self, "caPool: {ca.pem}", "caPool: {run}/self.pem", "200 as localhost"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_name);
}

TEST(no_tls_verify_takes_any_certificate)
{
    static const char self[] = "https://localhost:28001";
    static const struct key_form forms[] = {
        {self, "", "", "502 as localhost"},
        {self, "noTLSVerify: true", "", "200 as localhost"},
        {self, "", "noTLSVerify: true", "200 as localhost"},
        {self, "noTLSVerify: true", "noTLSVerify: false", "502 as localhost"},
        {self, "", "noTLSVerify: true, originServerName: else.test", "200 as else.test"},
        {self, "http2Origin: true", "", "502 as localhost"},
        {self, "http2Origin: true", "noTLSVerify: true", "200 as localhost"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_name);
}

/* One configuration: nobody trusts what another rule trusts. */
TEST(each_rule_trusts_its_own_roots)
{
    static const struct {
        const char *host, *status;
    } asks[] = {
        {"any.test", "200"},  {"lo.test", "200"}, {"self.test", "502"},
        {"none.test", "502"}, {"lo.test", "200"},
    };
    struct play_certificates certificates;
    struct origin_play play;
    play_certificates_make(&certificates);
    origin_play_open_text(
        &play, &certificates,
        SPAN("ingress:\n"
             "  - {hostname: any.test, service: 'https://localhost:28005',\n"
             "     originRequest: {caPool: '{run}/self.pem', noTLSVerify: true}}\n"
             "  - {hostname: lo.test, service: 'https://localhost:28005',\n"
             "     originRequest: {caPool: '{ca.pem}'}}\n"
             "  - {hostname: self.test, service: 'https://localhost:28005',\n"
             "     originRequest: {caPool: '{run}/self.pem'}}\n"
             "  - {service: 'https://localhost:28005'}\n"));
    play.script = ok;
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct raw_answer *answer =
            origin_play_send(&play, &(struct play_request){.host = asks[i].host});
        origin_play_await(&play, answer);
        CHECK_CASE(strcmp(key_forms_status(answer), asks[i].status) == 0, "%s: %s", asks[i].host,
                   key_forms_status(answer));
    }
    origin_play_close(&play);
    play_certificates_release(&certificates);
}

/* ---- bodies ---- */

static void see_length(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    static const char *const names[] = {"app", "self"};
    struct raw_answer *answer = origin_play_send(
        play, &(struct play_request){.method = "POST", .host = "key.test", .body = "body"});
    origin_play_await(play, answer);
    CHECK(strcmp(key_forms_status(answer), "200") == 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct fake_origin *origin = origin_play_origin(play, names[i]);
        if (origin->request_count == 0)
            continue;
        put_field(&origin->requests[0], "\r\nContent-Length: ", seen);
        put_field(&origin->requests[0], "\r\nTransfer-Encoding: ", seen);
    }
}

TEST(disable_chunked_encoding_tells_the_length)
{
    static const char app[] = "http://127.0.0.1:28000";
    static const char self[] = "https://localhost:28001"; /* chooses HTTP/1.1 */
    static const struct key_form forms[] = {
        {app, "", "", "Transfer-Encoding: chunked"},
        {app, "disableChunkedEncoding: true", "", "Content-Length: 4"},
        {app, "", "disableChunkedEncoding: true", "Content-Length: 4"},
        {app, "disableChunkedEncoding: true", "disableChunkedEncoding: false",
         "Transfer-Encoding: chunked"},
        {self, "noTLSVerify: true, http2Origin: true", "", "Transfer-Encoding: chunked"},
        {self, "noTLSVerify: true, http2Origin: true", "disableChunkedEncoding: true",
         "Content-Length: 4"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_length);
}

/* Of a body that is gathered an origin hears nothing before its end. */
TEST(a_body_that_is_not_gathered_reaches_no_origin)
{
    static const char piece[16 * 1024] = "piece";
    static const char nochunk[] =
        "ingress:\n  - {service: 'http://127.0.0.1:28000', originRequest: "
        "{disableChunkedEncoding: true}}\n";
    struct play_certificates certificates;
    struct origin_play play;
    play_certificates_make(&certificates);
    origin_play_open_text(&play, &certificates, span_of(nochunk));
    play.script = ok;
    const struct fake_origin *origin = origin_play_origin(&play, "app");
    const struct play_request upload = {.method = "PUT", .host = "key.test", .stays_open = true};
    struct raw_answer *left = origin_play_send(&play, &upload);
    raw_edge_put(&play.edge, left, span_make(piece, sizeof piece), false);
    struct raw_answer *large = origin_play_send(&play, &upload);
    for (size_t sent = 0; sent <= 1024 * 1024; sent += sizeof piece)
        raw_edge_put(&play.edge, large, span_make(piece, sizeof piece), false);
    origin_play_await(&play, large);
    CHECK_TEXT(key_forms_status(large), "411");
    raw_edge_reset(&play.edge, left, 8);
    CHECK(turned_clock_run(&play.clock, play.loop, 100));
    CHECK_SIZE(left->head_count, 0);
    CHECK_SIZE(origin->connection_count, 0);
    CHECK(origin_play_metric(&play, "culvert_origin_errors_total{cause=\"length\",rule=\"0\"}") ==
          1);
    struct raw_answer *after = origin_play_send(
        &play, &(struct play_request){.method = "PUT", .host = "key.test", .body = "body"});
    origin_play_await(&play, after);
    CHECK_TEXT(key_forms_status(after), "200");
    CHECK(play.edge.conn && origin->request_count == 1);
    origin_play_close(&play);
    play_certificates_release(&certificates);
}

/* ---- nothing ---- */

/* Who was asked. */
static void see_asked(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    const char *status = key_forms_status(key_forms_ask(play));
    (void)snprintf(seen, KEY_SEEN_SIZE, "%s, app %zu, plain %zu", status,
                   origin_play_origin(play, "app")->connection_count,
                   memory_sockets_connects(&play->memory, "127.0.0.1:28006"));
}

TEST(proxy_address_and_port_have_no_effect)
{
    static const char app[] = "http://127.0.0.1:28000";
    static const struct key_form forms[] = {
        {app, "", "", "200, app 1, plain 0"},
        {app, "proxyAddress: 127.0.0.1, proxyPort: 28006", "", "200, app 1, plain 0"},
        {app, "", "proxyAddress: 127.0.0.1, proxyPort: 28006", "200, app 1, plain 0"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_asked);
}

/* ---- one rule, many names ---- */

static bool was_asked_for(const struct origin_play *play, const char *name)
{
    for (size_t i = 0; i < play->handshakes; i++)
        if (strcmp(play->names[i], name) == 0)
            return true;
    return false;
}

static size_t connection_of(const struct fake_origin *origin, const char *host, size_t which)
{
    char line[64];
    (void)snprintf(line, sizeof line, "\r\nHost: %s\r\n", host);
    for (size_t i = 0; i < origin->request_count; i++)
        if (strstr(buf_text(&origin->requests[i].head), line) && which-- == 0)
            return origin->requests[i].connection;
    return SIZE_MAX;
}

/* The name belongs to the connection: it is part of what a kept one is found by, and requests at
 * the same time have each their own. */
TEST(with_match_sni_to_host_no_two_names_share_a_connection)
{
    static const char *const hosts[] = {"origin.test", "app.example.com:443", "origin.test",
                                        "app.example.com"};
    struct play_certificates certificates;
    struct origin_play play;
    struct raw_answer *answers[2 * ARRAY_LEN(hosts)];
    play_certificates_make(&certificates);
    origin_play_open_text(&play, &certificates,
                          SPAN("ingress:\n  - {service: 'https://127.0.0.1:28002', originRequest: "
                               "{caPool: '{ca.pem}', matchSNItoHost: true}}\n"));
    play.script = ok;
    const struct fake_origin *origin = origin_play_origin(&play, "ca");
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        answers[i] = origin_play_send(&play, &(struct play_request){.host = hosts[i]});
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        origin_play_await(&play, answers[i]);
    CHECK_SIZE(origin->connection_count, 4); /* all at once */
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        answers[4 + i] = origin_play_send(&play, &(struct play_request){.host = hosts[i]});
        origin_play_await(&play, answers[4 + i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        CHECK_CASE(strcmp(key_forms_status(answers[i]), "200") == 0, "request %zu", i);
    CHECK_SIZE(origin->connection_count, 4); /* each found one of its name again */
    CHECK_SIZE(play.handshakes, 4);
    CHECK(was_asked_for(&play, "origin.test") && was_asked_for(&play, "app.example.com"));
    CHECK(!was_asked_for(&play, "app.example.com:443"));
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 2; b++) {
            size_t ours = connection_of(origin, "origin.test", a);
            size_t theirs =
                connection_of(origin, b ? "app.example.com" : "app.example.com:443", a % 2);
            CHECK(ours != SIZE_MAX && theirs != SIZE_MAX && ours != theirs);
            CHECK(ours == SIZE_MAX || strcmp(play.names[ours], "origin.test") == 0);
        }
    origin_play_close(&play);
    play_certificates_release(&certificates);
}
