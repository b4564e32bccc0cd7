/* Which requests share a connection to the origin, as recorded from the field's program, but for
 * the wanted deviations in this file. */
#include "support/origin_play.h"
#include "support/vectors.h"

#include "harness.h"

#include <stdlib.h>

#define STALE "reused connection closed by the origin before any answer: "

/* Cases in which that program gives up over this transport what it repeats over QUIC (chapter 10.8,
 * fault 13): what the case of the same name over QUIC says holds. */
static const char *const wanted[] = {
    STALE "GET",
    STALE "HEAD",
    STALE "OPTIONS",
    STALE "POST with idempotency-key",
    STALE "PUT with x-idempotency-key",
};

static const char *text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN("");
    return doc_as_text(doc_get(object, key), &text) ? text.data : "";
}

static int64_t number_of(const struct doc *object, const char *key)
{
    int64_t number = -1;
    return doc_as_int(doc_get(object, key), &number) ? number : -1;
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* What the case shows: the recording, or the one over QUIC. */
struct shown {
    int64_t last; /* status */
    int64_t connections, requests;
};

static struct shown read_case(const struct doc *test)
{
    const struct doc *answers = doc_get(test, "answers");
    struct shown shown = {-1, number_of(test, "origin_connections"),
                          number_of(test, "origin_requests_seen")};
    if (!doc_as_int(doc_at(answers, doc_count(answers) - 1), &shown.last))
        shown.last = 502; /* "connect error" over QUIC */
    return shown;
}

static const struct doc *find_case(const struct doc *tests, const char *name, const char *transport)
{
    for (size_t i = 0; i < doc_count(tests); i++)
        if (strcmp(text_of(doc_at(tests, i), "name"), name) == 0 &&
            strcmp(text_of(doc_at(tests, i), "transport"), transport) == 0)
            return doc_at(tests, i);
    return NULL;
}

static struct shown wanted_of(const struct doc *tests, const struct doc *test)
{
    const char *name = text_of(test, "name");
    if (is_among(wanted, ARRAY_LEN(wanted), name))
        return read_case(find_case(tests, name, "quic"));
    return read_case(test);
}

/* ---- playing ---- */

struct line {
    char method[16], host[32];
};

/* "GET app.test", or "after 100 ms", which is the request before it again. */
static void ask(struct origin_play *play, const struct doc *test, size_t index, struct line *last)
{
    const char *name = text_of(test, "name");
    struct span text = SPAN("");
    CHECK(doc_as_text(doc_at(doc_get(test, "requests"), index), &text));
    if (span_starts(text, SPAN("after ")))
        CHECK(turned_clock_run(&play->clock, play->loop, strtoul(text.data + 6, NULL, 10)));
    else
        CHECK(sscanf(text.data, "%15s %31s", last->method, last->host) == 2);
    struct play_request request = {.method = last->method, .host = last->host};
    if (index > 0 && strstr(name, "with body"))
        request.body = "body";
    if (index > 0 && strstr(name, "idempotency-key")) {
        request.field = strstr(name, "x-idem") ? "x-idempotency-key" : "idempotency-key";
        request.value = "k1";
    }
    origin_play_await(play, origin_play_send(play, &request));
}

static void follow(struct origin_play *play, const char *name)
{
    static const struct fake_script kept[] = {
        {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0, 0}}}};
    static const struct fake_script closing[] = {
        {{{FAKE_SEND,
           SPAN_INIT("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), 0, 0},
          {FAKE_CLOSE}}}};
    static const struct fake_script stale[] = {
        {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0, 0}}},
        {{{FAKE_CLOSE}}},
        {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0, 0}}}};
    struct fake_origin *origin = origin_play_origin(play, "app");
    if (strncmp(name, STALE, sizeof STALE - 1) == 0)
        fake_origin_follow(origin, stale, ARRAY_LEN(stale));
    else if (strncmp(name, "Connection: close", 17) == 0)
        fake_origin_follow(origin, closing, 1);
    else
        fake_origin_follow(origin, kept, 1);
}

static int64_t status_of(const struct raw_answer *answer)
{
    struct span status = SPAN("");
    if (answer->head_count == 0 || !headers_find(&answer->heads[0], SPAN(":status"), &status))
        return 0;
    return strtol(status.data, NULL, 10);
}

static void check_case(const struct doc *tests, const struct doc *test,
                       const struct play_certificates *certificates)
{
    struct origin_play play;
    struct line line = {"", ""};
    const char *name = text_of(test, "name");
    struct shown recorded = read_case(test);
    struct shown want = wanted_of(tests, test);
    size_t count = doc_count(doc_get(test, "requests"));
    bool deviates = memcmp(&recorded, &want, sizeof want) != 0;
    CHECK_CASE(deviates == is_among(wanted, ARRAY_LEN(wanted), name),
               "%s: listed as different, but it is not", name);
    origin_play_open(&play, certificates, "keepalive");
    follow(&play, name);
    for (size_t i = 0; i < count; i++) {
        ask(&play, test, i, &line);
        int64_t status = i + 1 < count ? 200 : want.last;
        CHECK_CASE(status_of(play.answer) == status, "%s: answer %zu is %lld, not %lld", name, i,
                   (long long)status_of(play.answer), (long long)status);
    }
    const struct fake_origin *origin = origin_play_origin(&play, "app");
    CHECK_CASE(origin->connection_count == (size_t)want.connections &&
                   origin->request_count == (size_t)want.requests,
               "%s: %zu requests over %zu connections, not %lld over %lld", name,
               origin->request_count, origin->connection_count, (long long)want.requests,
               (long long)want.connections);
    origin_play_close(&play);
}

TEST(connections_to_the_origin_are_used_again_as_recorded)
{
    struct doc *tests = vectors_open("origin/keepalive.json");
    struct play_certificates certificates;
    size_t played = 0;
    play_certificates_make(&certificates);
    for (size_t i = 0; i < doc_count(tests); i++) {
        if (strcmp(text_of(doc_at(tests, i), "transport"), "http2") != 0)
            continue;
        check_case(tests, doc_at(tests, i), &certificates);
        played++;
    }
    CHECK_SIZE(played, 15);
    play_certificates_release(&certificates);
    doc_free(tests);
}
