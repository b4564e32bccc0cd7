#include "culvert/observe/json_sink.h"

#include "culvert/base/doc.h"
#include "culvert/base/file.h"

#include "harness.h"
#include "support/event_fields.h"

#include <sys/socket.h>
#include <unistd.h>

enum { RECORDING_MAX = 1 << 20, LINE_ROOM = 8192 };

/* Both ends of a socket that keeps apart what was written apart. */
struct ends {
    int write, read;
};

static struct ends ends_open(void)
{
    int fds[2] = {-1, -1};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    return (struct ends){fds[0], fds[1]};
}

static void ends_close(const struct ends *ends)
{
    close(ends->write);
    close(ends->read);
}

/* What one write(2) has written. */
static struct span take_line(const struct ends *ends, char out[LINE_ROOM])
{
    ssize_t n = recv(ends->read, out, LINE_ROOM, MSG_DONTWAIT);
    return span_make(out, n > 0 ? (size_t)n : 0);
}

static struct span write_one(struct json_sink *sink, const struct ends *ends,
                             const struct log_line *line, char out[LINE_ROOM])
{
    struct log_sink log = json_sink_log(sink);
    log.write(log.arg, LEVEL_WARN, 0, line);
    return take_line(ends, out);
}

/* Writes every plain line of a recording again; returns how many there were. */
static size_t replay(const char *name, struct json_sink *sink, const struct ends *ends)
{
    struct buf recording = BUF_LIMIT(RECORDING_MAX);
    struct log_sink log = json_sink_log(sink);
    CHECK(file_read(vector_path(name), &recording, NULL));
    struct span rest = buf_span(&recording);
    struct span jsonl;
    size_t count = 0;
    while (span_cut(&rest, '\n', &jsonl)) {
        struct buf raw = BUF_LIMIT(RECORDING_MAX);
        struct recorded_event event;
        if (recorded_event_read(&event, jsonl, &raw)) {
            char out[LINE_ROOM];
            log.write(log.arg, event.level, event.unix_ms, &event.line);
            CHECK(buf_put_char(&raw, '\n'));
            CHECK_SPAN(take_line(ends, out), buf_span(&raw));
            count++;
            recorded_event_release(&event);
        }
        buf_release(&raw);
    }
    buf_release(&recording);
    return count;
}

TEST(lines_are_those_of_the_peer_byte_for_byte)
{
    static const struct {
        const char *name;
        size_t at_least;
    } recordings[] = {
        {"ops/startup4-sigterm-edge-closes-http2.jsonl", 30},
        {"ops/first-register-perm-http2.jsonl", 10},
        {"ops/requests-debug-http2.jsonl", 20},
        {"ops/drop-one-reconnect-quic.jsonl", 30},
    };
    struct ends ends = ends_open();
    struct json_sink *sink = json_sink_new(ends.write, NULL);
    for (size_t i = 0; i < ARRAY_LEN(recordings); i++) {
        size_t count = replay(recordings[i].name, sink, &ends);
        CHECK_CASE(count >= recordings[i].at_least, "%s: only %zu lines", recordings[i].name,
                   count);
    }
    CHECK_SIZE(json_sink_dropped(sink), 0);
    json_sink_free(sink);
    ends_close(&ends);
}

TEST(each_line_is_one_json_object_whatever_the_texts_hold)
{
    static const struct {
        struct span text;
        const char *want;
        const char *reason;
    } cases[] = {
        {SPAN_INIT("a\"b\\c"), "a\\\"b\\\\c", "quotes and backslashes"},
        {SPAN_INIT("\n\r\t\b\f"), "\\n\\r\\t\\b\\f", "short escapes"},
        {SPAN_INIT("\0\x1f\x7f"), "\\u0000\\u001f\x7f", "other control characters; DEL is none"},
        {SPAN_INIT("<a&b>"), "\\u003ca\\u0026b\\u003e", "what HTML would read"},
        {SPAN_INIT("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f", "UTF-8 as it is"},
        {SPAN_INIT("\xe2\x80\xa8"), "\\u2028", "JavaScript's line separator"},
        {SPAN_INIT("a\xff\xc3"), "a\\ufffd\\ufffd", "broken and unfinished UTF-8"},
        {SPAN_INIT("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd", "a surrogate is no character"},
        {SPAN_INIT("\xc0\x80"), "\\ufffd\\ufffd", "an overlong form is no character"},
    };
    struct ends ends = ends_open();
    struct json_sink *sink = json_sink_new(ends.write, NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[LINE_ROOM];
        char want[256];
        const struct log_line line = {"m", LOG_SPAN("k", cases[i].text)};
        (void)snprintf(want, sizeof want,
                       "{\"k\":\"%s\",\"level\":\"warn\",\"message\":\"m\","
                       "\"time\":\"1970-01-01T00:00:00Z\"}\n",
                       cases[i].want);
        struct span got = write_one(sink, &ends, &line, out);
        CHECK_CASE(span_equal(got, span_of(want)), "%s: %.*s", cases[i].reason, SPAN_ARG(got));
    }
    json_sink_free(sink);
    ends_close(&ends);
}

TEST(a_key_stands_once_and_the_last_value_wins)
{
    struct ends ends = ends_open();
    struct json_sink *sink = json_sink_new(ends.write, NULL);
    char out[LINE_ROOM];
    const struct log_line line = {"", LOG_INT("b", 1), LOG_TEXT("level", "mine"),
                                  LOG_BOOL("a", true), LOG_INT("b", -2)};
    CHECK_SPAN(
        write_one(sink, &ends, &line, out),
        SPAN("{\"a\":true,\"b\":-2,\"level\":\"warn\",\"time\":\"1970-01-01T00:00:00Z\"}\n"));
    json_sink_free(sink);
    ends_close(&ends);
}

TEST(texts_that_are_too_long_are_cut_and_the_line_stays_whole_json)
{
    static char quotes[3000];
    static char words[5000];
    memset(quotes, '"', sizeof quotes - 1);
    memset(words, 'w', sizeof words - 1);
    struct ends ends = ends_open();
    struct json_sink *sink = json_sink_new(ends.write, NULL);
    char out[LINE_ROOM];
    const struct log_line line = {"m", LOG_TEXT("quotes", quotes), LOG_TEXT("words", words),
                                  LOG_INT("last", 7)};
    struct span got = write_one(sink, &ends, &line, out);
    CHECK(got.len > 500);
    CHECK(got.len <= 4096);
    struct doc *doc = doc_parse(got, NULL);
    int64_t last = 0;
    CHECK(doc_as_int(doc_get(doc, "last"), &last));
    CHECK_SIZE(last, 7);
    doc_free(doc);
    json_sink_free(sink);
    ends_close(&ends);
}
