#include "culvert/observe/redact.h"

#include "harness.h"

#include <pthread.h>

#define JSON_IN_BASE64 "eyJhIjoiMDEyMzQ1Njc4OSIsInMiOiJBQkMifQ=="

TEST(secrets_inside_texts_are_blackened)
{
    static const struct {
        const char *text;
        const char *want;
        const char *reason;
    } cases[] = {
        {"GET /a?access_token=abc.def&x=1", "GET /a?access_token=*****&x=1", "a query parameter"},
        {"/logs?ACCESS_TOKEN=abc", "/logs?ACCESS_TOKEN=*****", "names have no case"},
        {"{\"TunnelSecret\": \"AAEC\",\"a\":1}", "{\"TunnelSecret\": \"*****\",\"a\":1}",
         "a JSON member"},
        {"{\\\"secret\\\":\\\"AAEC\\\"}", "{\\\"secret\\\":\\\"*****\\\"}", "JSON in JSON"},
        {"map[Authorization:[Bearer a b] Host:[h]]", "map[Authorization:[*****] Host:[h]]",
         "a header of the peer's dumps"},
        {"Cookie: a=b; c=d", "Cookie: *****", "a header field up to its end"},
        {"x\r\nSet-Cookie: a=b; c=d\r\ny", "x\r\nSet-Cookie: *****\r\ny", "one field of many"},
        {"Proxy-Authorization: Basic abc=", "Proxy-Authorization: *****", "by the end of the name"},
        {"cf-access-client-secret: abc", "cf-access-client-secret: *****", "all of Access"},
        {"Cf-Access-Jwt-Assertion: abc", "Cf-Access-Jwt-Assertion: *****", "all of Access"},
        {"TUNNEL_TOKEN=abc TUNNEL_URL=x", "TUNNEL_TOKEN=***** TUNNEL_URL=x", "an environment"},
        {"sent Bearer abcdefgh1 away", "sent Bearer ***** away", "credentials by their scheme"},
        {"basic dXNlcjpwYXNz1", "basic *****", "credentials by their scheme"},
        {"run --token " JSON_IN_BASE64 " now", "run --token ***** now", "a tunnel token"},
        {"http://user:pass@host/p", "http://*****@host/p", "a password in a URL"},
        {"dial https://a@b@c:1", "dial https://*****@c:1", "the last @ ends it"},
        {"http://user:pa'ss@host/p", "http://*****@host/p", "an apostrophe in a password"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(1024);
        CHECK(redact_text(span_of(cases[i].text), &out));
        CHECK_CASE(span_equal(buf_span(&out), span_of(cases[i].want)), "%s: %s", cases[i].reason,
                   buf_text(&out));
        buf_release(&out);
    }
}

TEST(what_is_no_secret_stays_readable)
{
    static const char *const texts[] = {
        "",
        "dial 127.0.0.1:1: connect: Connection refused",
        "tunnel token: not base64",
        "token file /etc/culvert/token",
        "Basic authentication is not supported",
        "GET http://localhost:8080/a?q=1&page=2",
        "https://app.example.com/@user",
        "'http://app.example.com' and 'a@b'",
        "2e364ef0-1d92-439a-b5c1-4a62f5f11d22",
        "eyJ is how JSON begins",
        "unix:/run/x.sock",
        "\xff\xfe",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct buf out = BUF_LIMIT(1024);
        CHECK(redact_text(span_of(texts[i]), &out));
        CHECK_TEXT(buf_text(&out), texts[i]);
        buf_release(&out);
    }
}

TEST(names_of_secrets_are_known_by_their_ends)
{
    static const struct {
        const char *name;
        bool secret;
    } cases[] = {
        {"Authorization", true}, {"cookie", true},       {"set-cookie", true},
        {"tunnelToken", true},   {"clientSecret", true}, {"Cf-Access-Client-Id", true},
        {"password", true},      {"tokenFile", false},   {"connection", false},
        {"ip", false},           {"error", false},       {"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(redact_is_secret_name(span_of(cases[i].name)) == cases[i].secret, "%s",
                   cases[i].name);
}

/* A sink that writes what it is given as one text. */
static void note(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct buf *out = arg;
    (void)level;
    (void)unix_ms;
    CHECK(buf_printf(out, "%s|", line->message));
    for (size_t i = 0; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++) {
        const struct log_field *field = &line->fields[i];
        if (field->kind == LOG_KIND_TEXT)
            CHECK(buf_printf(out, "%s=%.*s|", field->key, SPAN_ARG(field->text)));
        else
            CHECK(buf_printf(out, "%s=%lld|", field->key, (long long)field->number));
    }
}

TEST(no_sink_behind_it_sees_a_secret)
{
    struct buf first = BUF_LIMIT(1024);
    struct buf second = BUF_LIMIT(1024);
    struct redact *redact = redact_new(NULL);
    REQUIRE(redact);
    CHECK(redact_add(redact, (struct log_sink){note, &first}));
    CHECK(redact_add(redact, (struct log_sink){note, &second}));
    struct log_sink sink = redact_sink(redact);
    const struct log_line line = {"Settings: token=abc", LOG_TEXT("path", "/?access_token=abc"),
                                  LOG_TEXT("Cookie", "a=b"), LOG_INT("secret", 7),
                                  LOG_TEXT("rule", "plain")};
    sink.write(sink.arg, LEVEL_INFO, 0, &line);
    const char *want =
        "Settings: token=*****|path=/?access_token=*****|Cookie=*****|secret=*****|rule=plain|";
    CHECK_TEXT(buf_text(&first), want);
    CHECK_TEXT(buf_text(&second), want);
    buf_release(&first);
    buf_release(&second);
    redact_free(redact);
}

enum { WRITERS = 4, LINES_EACH = 200 };

static void *write_lines(void *arg)
{
    const struct log_sink *sink = arg;
    const struct log_line line = {"Settings: token=abc", LOG_TEXT("rule", "plain")};
    for (int i = 0; i < LINES_EACH; i++)
        sink->write(sink->arg, LEVEL_INFO, 0, &line);
    return NULL;
}

TEST(lines_of_several_threads_reach_the_sinks_one_by_one)
{
    static const struct span want = SPAN_INIT("Settings: token=*****|rule=plain|");
    struct buf out = BUF_LIMIT(1024 * 1024);
    struct redact *redact = redact_new(NULL);
    pthread_t threads[WRITERS];
    REQUIRE(redact && redact_add(redact, (struct log_sink){note, &out}));
    struct log_sink sink = redact_sink(redact);
    for (size_t i = 0; i < WRITERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, write_lines, &sink) == 0);
    for (size_t i = 0; i < WRITERS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK_SIZE(out.len, WRITERS * LINES_EACH * want.len);
    for (size_t at = 0; at < out.len; at += want.len)
        CHECK(span_starts(span_skip(buf_span(&out), at), want));
    buf_release(&out);
    redact_free(redact);
}

TEST(what_does_not_fit_is_wholly_black)
{
    static char text[20000];
    memset(text, 'x', sizeof text - 1);
    struct buf out = BUF_LIMIT(65536);
    struct redact *redact = redact_new(NULL);
    REQUIRE(redact);
    CHECK(redact_add(redact, (struct log_sink){note, &out}));
    struct log_sink sink = redact_sink(redact);
    const struct log_line line = {"m", LOG_TEXT("long", text), LOG_TEXT("short", "y")};
    sink.write(sink.arg, LEVEL_INFO, 0, &line);
    CHECK_TEXT(buf_text(&out), "m|long=*****|short=y|");
    buf_release(&out);
    redact_free(redact);
}

TEST(there_is_room_for_as_many_sinks_as_a_log_has)
{
    struct redact *redact = redact_new(NULL);
    struct log_sink sink = {note, NULL};
    for (size_t i = 0; i < LOG_SINKS_MAX; i++)
        CHECK(redact_add(redact, sink));
    CHECK(!redact_add(redact, sink));
    redact_free(redact);
}
