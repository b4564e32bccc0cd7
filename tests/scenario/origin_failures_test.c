/* Each way in which an origin can fail has its own cause: in the log with rule and origin, and
 * counted. The visitor gets 502, or a reset where an answer had begun. */
#include "support/origin_play.h"

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
                           "  - {service: 'http_status:404'}\n";

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
    size_t lines;
    char cause[32], service[128], error[256];
    int64_t rule;
};

static void hear(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct heard *heard = arg;
    (void)unix_ms;
    if (level < LEVEL_ERROR)
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
    struct heard heard = {.rule = -1};
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
