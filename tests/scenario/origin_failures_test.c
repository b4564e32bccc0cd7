/* Each way in which an origin can fail has its own cause: in the log with rule and origin, and
 * counted. The visitor gets 502, or a reset where an answer had begun; the client of a stream of
 * bytes may be told in its own language. */
#include "culvert/origin/line.h"
#include "support/origin_play.h"
#include "support/turned_loop.h"

#include "harness.h"

#include <errno.h>

#define BEGUN "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

#define APP "http://127.0.0.1:28000"

/* Rules beside those of tests/vectors/origin/configs.json. */
static const char more[] = "ingress:\n"
                           "  - {hostname: h2down.test, service: 'h2c://127.0.0.1:28099'}\n"
                           "  - {hostname: h2c.test, service: 'h2c://127.0.0.1:28000'}\n"
                           "  - {hostname: bastion.test, service: bastion,\n"
                           "     originRequest: {ipRules: [{prefix: 10.0.0.0/8, allow: true}]}}\n"
                           "  - {hostname: tcp.test, service: 'tcp://127.0.0.1:28000'}\n"
                           "  - {hostname: socks.test, service: socks-proxy,\n"
                           "     originRequest: {connectTimeout: 2s,\n"
                           "                     ipRules: [{prefix: 127.0.0.0/8, allow: true}]}}\n"
                           "  - {hostname: hole.test, service: 'tcp://127.0.0.1:28003',\n"
                           "     originRequest: {connectTimeout: 2s}}\n"
                           "  - {hostname: slow.test, service: 'http://127.0.0.1:28003',\n"
                           "     originRequest: {connectTimeout: 2s}}\n"
                           "  - {service: 'http_status:404'}\n"
                           "warp-routing: {maxActiveFlows: 1}\n";

static const struct {
    const char *host;  /* of the rules "http" in that file, or of `more` */
    const char *cause; /* as logged and counted */
    size_t rule;
    const char *service;
    struct fake_script script;
    bool is_cut;      /* an answer was begun */
    bool is_more;     /* the rules are `more` */
    int error;        /* that connecting to APP fails with; 0: none */
    const char *jump; /* NULL: the request says none */
} cases[] = {
    {"down.test", "refused", 4, "http://127.0.0.1:28099", {{{FAKE_CLOSE}}}},
    {"unixmissing.test", "refused", 11, "unix:", {{{FAKE_CLOSE}}}},
    {"tcpdown.test", "refused", 12, "tcp://127.0.0.1:28099", {{{FAKE_CLOSE}}}},
    {"h2down.test", "refused", 0, "h2c://127.0.0.1:28099", {{{FAKE_CLOSE}}}, .is_more = true},
    {"app.test", "unreachable", 0, APP, {{{FAKE_CLOSE}}}, .error = ENETUNREACH},
    {"app.test", "unreachable", 0, APP, {{{FAKE_CLOSE}}}, .error = EHOSTUNREACH},
    {"app.test", "timeout", 0, APP, {{{FAKE_CLOSE}}}, .error = ETIMEDOUT},
    {"app.test", "connect", 0, APP, {{{FAKE_CLOSE}}}, .error = EACCES},
    {"nodns.test", "name", 5, "http://no-such-host.invalid:80", {{{FAKE_CLOSE}}}},
    {"blackhole.test", "timeout", 6, "http://127.0.0.1:28003", {{{FAKE_CLOSE}}}},
    {"tlsplain.test", "tls", 7, "https://127.0.0.1:28006", {{{FAKE_CLOSE}}}},
    {"self.test", "tls", 9, "https://localhost:28001", {{{FAKE_CLOSE}}}},
    {"snibad.test", "tls", 25, "https://127.0.0.1:28002", {{{FAKE_CLOSE}}}},
    {"tlsstall.test", "tls_timeout", 10, "https://127.0.0.1:28004", {{{FAKE_CLOSE}}}},
    {"app.test", "closed", 0, APP, {{{FAKE_CLOSE}}}},
    {"app.test", "closed", 0, APP, {{{FAKE_RESET}}}},
    {"h2c.test", "closed", 1, "h2c://", {{{FAKE_CLOSE}}}, .is_more = true},
    {"app.test", "malformed", 0, APP, {{{FAKE_SEND, SPAN_INIT("SSH-2.0-x\r\n\r\n"), 0, 0}}}},
    {"h2c.test",
     "malformed",
     1,
     "h2c://127.0.0.1:28000",
     {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 400 Bad Request\r\n\r\n"), 0, 0}}},
     .is_more = true},
    {"app.test",
     "malformed",
     0,
     APP,
     {{{FAKE_SEND, SPAN_INIT(CHUNKED), 0, 0},
       {FAKE_SLEEP, {NULL, 0}, 50, 0},
       {FAKE_SEND, SPAN_INIT("zz\r\n"), 0, 0}}},
     .is_cut = true},
    {"app.test",
     "cut",
     0,
     APP,
     {{{FAKE_SEND, SPAN_INIT(BEGUN), 0, 0}, {FAKE_CLOSE}}},
     .is_cut = true},
    {"app.test",
     "cut",
     0,
     APP,
     {{{FAKE_SEND, SPAN_INIT(BEGUN), 0, 0}, {FAKE_SLEEP, {NULL, 0}, 50, 0}, {FAKE_RESET}}},
     .is_cut = true},
    {"bastion.test", "invalid", 2, "bastion", {{{FAKE_CLOSE}}}, .is_more = true},
    {"bastion.test",
     "denied",
     2,
     "bastion",
     {{{FAKE_CLOSE}}},
     .is_more = true,
     .jump = "127.0.0.1:28000"},
};

/* The last line about a failure. */
struct heard {
    enum log_level least;
    size_t lines;
    char cause[32], service[128], error[256];
    int64_t rule;
};

static void hear(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct heard *heard = arg;
    (void)unix_ms;
    if (level < heard->least)
        return;
    heard->lines++;
    for (size_t i = 0; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++) {
        const struct log_field *field = &line->fields[i];
        if (strcmp(field->key, "cause") == 0)
            span_copy(field->text, heard->cause, sizeof heard->cause);
        else if (strcmp(field->key, "originService") == 0)
            span_copy(field->text, heard->service, sizeof heard->service);
        else if (strcmp(field->key, "error") == 0)
            span_copy(field->text, heard->error, sizeof heard->error);
        else if (strcmp(field->key, "ingressRule") == 0)
            heard->rule = field->number;
    }
}

static void check_case(size_t i, const struct play_certificates *certificates)
{
    struct origin_play play;
    struct heard heard = {.least = LEVEL_ERROR, .rule = -2};
    char series[128];
    const struct play_request request = {
        .host = cases[i].host,
        .field = cases[i].jump ? "cf-access-jump-destination" : NULL,
        .value = cases[i].jump,
    };
    if (cases[i].is_more)
        origin_play_open_text(&play, certificates, span_of(more));
    else
        origin_play_open(&play, certificates, "http");
    play.log.sinks[play.log.sink_count++] = (struct log_sink){hear, &heard};
    play.script = cases[i].script;
    if (cases[i].error != 0)
        memory_sockets_fail(&play.memory, "127.0.0.1:28000", cases[i].error);
    origin_play_await(&play, origin_play_send(&play, &request));
    CHECK_CASE(strcmp(heard.cause, cases[i].cause) == 0, "case %zu: %s: cause %s: %s", i,
               cases[i].host, heard.cause, heard.error);
    CHECK_CASE(heard.lines == 1 && heard.rule == (int64_t)cases[i].rule, "case %zu: rule %lld", i,
               (long long)heard.rule);
    CHECK_CASE(strncmp(heard.service, cases[i].service, strlen(cases[i].service)) == 0,
               "case %zu: origin %s", i, heard.service);
    struct span status = SPAN("");
    bool has_head = play.answer->head_count > 0 &&
                    headers_find(&play.answer->heads[0], SPAN(":status"), &status);
    CHECK_CASE(has_head && span_equal(status, cases[i].is_cut ? SPAN("200") : SPAN("502")),
               "case %zu: status %.*s", i, SPAN_ARG(status));
    CHECK_CASE(play.answer->ended == !cases[i].is_cut && play.answer->reset == cases[i].is_cut,
               "case %zu: how it ends", i);
    (void)snprintf(series, sizeof series, "culvert_origin_errors_total{cause=\"%s\",rule=\"%zu\"}",
                   cases[i].cause, cases[i].rule);
    CHECK_CASE(origin_play_metric(&play, series) == 1, "case %zu: not counted: %s", i, series);
    origin_play_close(&play);
}

TEST(each_way_to_fail_has_its_own_counted_cause)
{
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_case(i, &certificates);
    play_certificates_release(&certificates);
}

/* ---- streams of bytes ---- */

#define MASK     "\0\0\0\0"
#define GREETING "\x82\x83" MASK "\x05\x01\x00"
#define SAYS     "GET / HTTP/1.1\r\n\r\n" /* what the origin's script waits for */

static const struct {
    const char *host;
    struct span says;  /* in frames, but for the private network */
    const char *hears; /* the last of it */
    size_t hears_len;
    const char *cause, *rule;
    const char *service;
    int error; /* that connecting to 127.0.0.1:28000 fails with; 0: none */
} streams[] = {
    {"socks.test", SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x01\x7f\0\0\1\x6d\xc3"),
     "\x82\x0a\x05\x05\x00\x01\0\0\0\0\0\0\x88\x02\x03\xe8", 16, "refused", "4", "socks-proxy", 0},
    {"socks.test", SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x01\x7f\0\0\1\x6d\x60"),
     "\x82\x0a\x05\x04\x00\x01\0\0\0\0\0\0\x88\x02\x03\xe8", 16, "unreachable", "4", "socks-proxy",
     EHOSTUNREACH},
    {"socks.test", SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x01\x7f\0\0\1\x6d\x60"),
     "\x82\x0a\x05\x03\x00\x01\0\0\0\0\0\0\x88\x02\x03\xe8", 16, "unreachable", "4", "socks-proxy",
     ENETUNREACH},
    {"socks.test", SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x01\x7f\0\0\1\x6d\x63"),
     "\x82\x0a\x05\x04\x00\x01\0\0\0\0\0\0\x88\x02\x03\xe8", 16, "timeout", "4", "socks-proxy", 0},
    {"socks.test", SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x01\x0a\0\0\1\x6d\x60"),
     "\x82\x0a\x05\x02\x00\x01\x0a\0\0\1\x6d\x60\x88\x02\x03\xe8", 16, "denied", "4", "socks-proxy",
     0},
    {"socks.test", SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x03\x03no.\0\x50"),
     "\x82\x0a\x05\x02\x00\x03\x03no.\0\x50\x88\x02\x03\xe8", 16, "name", "4", "socks-proxy", 0},
    {"socks.test",
     SPAN_INIT(GREETING "\x82\x8a" MASK "\x05\x01\x00\x03\x03"
                        "a\0b\0\x50"),
     "\x82\x0a\x05\x02\x00\x03\x03"
     "a\0b\0\x50\x88\x02\x03\xe8",
     16, "invalid", "4", "socks-proxy", 0},
    {"tcp.test", SPAN_INIT("\x82\x92" MASK SAYS), "\x88\x02\x03\xf3", 4, "cut", "3",
     "tcp://127.0.0.1:28000", 0},
    {"127.0.0.1:28000", SPAN_INIT(SAYS), NULL, 0, "cut", "none", "private network", 0},
    {"127.0.0.1:28099", SPAN_INIT(SAYS), NULL, 0, "refused", "none", "private network", 0},
};

static struct raw_answer *open_stream(struct origin_play *play, const char *host, const char *kind)
{
    const struct play_request request = {
        .host = host,
        .field = "cf-cloudflared-proxy-connection-upgrade",
        .value = kind,
        .stays_open = true,
    };
    if (strcmp(kind, "tcp") != 0)
        return origin_play_send(play, &request);
    struct play_request flow = request;
    flow.field = "cf-cloudflared-proxy-src";
    flow.value = "127.0.0.1:1";
    return origin_play_send(play, &flow);
}

static size_t count_failures(struct origin_play *play, const char *cause, const char *rule)
{
    char series[128];
    (void)snprintf(series, sizeof series, "culvert_origin_errors_total{cause=\"%s\",rule=\"%s\"}",
                   cause, rule);
    double value = origin_play_metric(play, series);
    return value < 0 ? 0 : (size_t)value;
}

static void check_stream(size_t i, const struct play_certificates *certificates)
{
    static const struct fake_script breaks_off = {{{FAKE_RESET}}};
    struct origin_play play;
    struct heard heard = {.least = LEVEL_INFO, .rule = -2};
    bool is_private = strcmp(streams[i].rule, "none") == 0;
    origin_play_open_text(&play, certificates, span_of(more));
    play.script = breaks_off;
    if (streams[i].error != 0)
        memory_sockets_fail(&play.memory, "127.0.0.1:28000", streams[i].error);
    play.log.sinks[play.log.sink_count++] = (struct log_sink){hear, &heard};
    struct raw_answer *answer =
        open_stream(&play, streams[i].host, is_private ? "tcp" : "websocket");
    raw_edge_put(&play.edge, answer, streams[i].says, false);
    origin_play_await(&play, answer);
    struct span got = buf_span(&answer->data);
    struct span last = span_make(streams[i].hears, streams[i].hears_len);
    CHECK_CASE(is_private || (answer->ended && span_ends(got, last)), "stream %zu: heard %zu", i,
               got.len);
    CHECK_CASE(heard.lines == 1 && strcmp(heard.cause, streams[i].cause) == 0,
               "stream %zu: cause %s: %s", i, heard.cause, heard.error);
    CHECK_CASE(strcmp(heard.service, streams[i].service) == 0 &&
                   heard.rule == (is_private ? -1 : streams[i].rule[0] - '0'),
               "stream %zu: rule %lld, origin %s", i, (long long)heard.rule, heard.service);
    CHECK_CASE(count_failures(&play, streams[i].cause, streams[i].rule) == 1,
               "stream %zu: not counted", i);
    origin_play_close(&play);
}

TEST(a_client_that_is_told_in_its_own_language_is_counted_all_the_same)
{
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    for (size_t i = 0; i < ARRAY_LEN(streams); i++)
        check_stream(i, &certificates);
    play_certificates_release(&certificates);
}

/* ---- our own limits ---- */

static void begin(struct origin_play *play, struct play_certificates *certificates)
{
    play_certificates_make(certificates);
    origin_play_open_text(play, certificates, span_of(more));
}

static void end(struct origin_play *play, struct play_certificates *certificates)
{
    origin_play_close(play);
    play_certificates_release(certificates);
}

TEST(a_flow_too_many_is_counted_as_a_limit)
{
    struct play_certificates certificates;
    struct origin_play play;
    begin(&play, &certificates);
    play.script = (struct fake_script){{{FAKE_ECHO}}};
    (void)open_stream(&play, "127.0.0.1:28000", "tcp");
    CHECK(settle(play.loop));
    origin_play_await(&play, open_stream(&play, "127.0.0.1:28000", "tcp"));
    CHECK_SIZE(count_failures(&play, "limit", "none"), 1);
    end(&play, &certificates);
}

TEST(a_machine_out_of_descriptors_is_not_the_origin_s_fault)
{
    struct play_certificates certificates;
    struct origin_play play;
    static const struct play_request request = {.host = "h2c.test"};
    begin(&play, &certificates);
    play.memory.on_connect = (struct memory_fault){.error = EMFILE};
    origin_play_await(&play, origin_play_send(&play, &request));
    CHECK_SIZE(count_failures(&play, "system", "1"), 1);
    end(&play, &certificates);
}

TEST(who_waits_for_a_dial_as_long_as_one_may_take_is_counted_as_busy)
{
    enum { MORE = 8 };
    struct play_certificates certificates;
    struct origin_play play;
    static const struct play_request request = {.host = "slow.test"};
    begin(&play, &certificates);
    for (size_t i = 0; i < ORIGIN_DIALS_MAX + MORE; i++)
        (void)origin_play_send(&play, &request);
    origin_play_await(&play, play.answer);
    CHECK_SIZE(count_failures(&play, "timeout", "6"), ORIGIN_DIALS_MAX);
    CHECK_SIZE(count_failures(&play, "busy", "6"), MORE);
    end(&play, &certificates);
}
