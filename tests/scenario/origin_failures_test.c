/* Each way in which an origin can fail has its own cause: in the log with rule and origin, and
 * counted. The visitor gets 502, or a reset where an answer had begun. */
#include "support/origin_play.h"

#include "harness.h"

#define BEGUN "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"

static const struct {
    const char *host;  /* of the rules "http" in tests/vectors/origin/configs.json */
    const char *cause; /* as logged and counted */
    size_t rule;
    const char *service;
    struct fake_script script;
    bool is_cut; /* an answer was begun */
} cases[] = {
    {"down.test", "refused", 4, "http://127.0.0.1:28099", {{{FAKE_CLOSE}}}, false},
    {"unixmissing.test", "refused", 11, "unix:", {{{FAKE_CLOSE}}}, false},
    {"nodns.test", "name", 5, "http://no-such-host.invalid:80", {{{FAKE_CLOSE}}}, false},
    {"blackhole.test", "timeout", 6, "http://127.0.0.1:28003", {{{FAKE_CLOSE}}}, false},
    {"tlsplain.test", "tls", 7, "https://127.0.0.1:28006", {{{FAKE_CLOSE}}}, false},
    {"self.test", "tls", 9, "https://localhost:28001", {{{FAKE_CLOSE}}}, false},
    {"tlsstall.test", "tls_timeout", 10, "https://127.0.0.1:28004", {{{FAKE_CLOSE}}}, false},
    {"app.test", "closed", 0, "http://127.0.0.1:28000", {{{FAKE_CLOSE}}}, false},
    {"app.test", "closed", 0, "http://127.0.0.1:28000", {{{FAKE_RESET}}}, false},
    {"app.test",
     "malformed",
     0,
     "http://127.0.0.1:28000",
     {{{FAKE_SEND, SPAN_INIT("SSH-2.0-x\r\n\r\n"), 0, 0}}},
     false},
    {"app.test",
     "cut",
     0,
     "http://127.0.0.1:28000",
     {{{FAKE_SEND, SPAN_INIT(BEGUN), 0, 0}, {FAKE_CLOSE}}},
     true},
    {"app.test",
     "cut",
     0,
     "http://127.0.0.1:28000",
     {{{FAKE_SEND, SPAN_INIT(BEGUN), 0, 0}, {FAKE_SLEEP, {NULL, 0}, 50, 0}, {FAKE_RESET}}},
     true},
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
    origin_play_open(&play, certificates, "http");
    play.log.sinks[play.log.sink_count++] = (struct log_sink){hear, &heard};
    origin_play_ask(&play, cases[i].host, &cases[i].script);
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
