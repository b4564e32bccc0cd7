#include "culvert/observe/console_sink.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* 2026-11-20T09:00:25Z */
#define NINE_O_CLOCK INT64_C(1795165225000)

enum { LINE_ROOM = 8192 };

struct console {
    int write, read;
    struct console_sink *sink;
};

/* A sink on a socket that keeps apart what was written apart. */
static struct console console_open(bool colour)
{
    int fds[2] = {-1, -1};
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    return (struct console){fds[0], fds[1], console_sink_new(fds[0], colour, NULL)};
}

/* A sink on a pipe that nobody reads until the test does. */
static struct console console_open_pipe(void)
{
    int fds[2] = {-1, -1};
    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    return (struct console){fds[1], fds[0], console_sink_new(fds[1], false, NULL)};
}

static void console_close(struct console *console)
{
    console_sink_free(console->sink);
    close(console->write);
    close(console->read);
}

static void say(const struct console *console, enum log_level level, const struct log_line *line)
{
    struct log_sink log = console_sink_log(console->sink);
    log.write(log.arg, level, NINE_O_CLOCK, line);
}

/* The next write(2), and that it was one. */
static void check_line(const struct console *console, const char *want)
{
    char out[LINE_ROOM];
    ssize_t n = recv(console->read, out, sizeof out, MSG_DONTWAIT);
    CHECK_SPAN(span_make(out, n > 0 ? (size_t)n : 0), span_of(want));
    CHECK(recv(console->read, out, sizeof out, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

TEST(a_line_is_time_level_message_and_sorted_fields)
{
    struct console console = console_open(false);
    const struct log_line line = {"Registered tunnel connection",
                                  LOG_TEXT("protocol", "http2"),
                                  LOG_INT("event", 0),
                                  LOG_TEXT("connection", "2e364ef0-1d92-439a-b5c1-4a62f5f11d22"),
                                  LOG_INT("connIndex", 0),
                                  LOG_TEXT("location", "tst01"),
                                  LOG_TEXT("ip", "127.0.0.2")};
    say(&console, LEVEL_INFO, &line);
    check_line(&console, "2026-11-20T09:00:25Z INF Registered tunnel connection connIndex=0 "
                         "connection=2e364ef0-1d92-439a-b5c1-4a62f5f11d22 event=0 ip=127.0.0.2 "
                         "location=tst01 protocol=http2\n");
    console_close(&console);
}

TEST(the_error_comes_first_and_a_missing_message_leaves_two_blanks)
{
    struct console console = console_open(false);
    const struct log_line line = {"", LOG_INT("connIndex", 3),
                                  LOG_TEXT("error", "context canceled"), LOG_BOOL("a", false)};
    say(&console, LEVEL_ERROR, &line);
    check_line(&console,
               "2026-11-20T09:00:25Z ERR  error=\"context canceled\" a=false connIndex=3\n");
    console_close(&console);
}

TEST(levels_have_three_letters)
{
    static const char *const letters[] = {"DBG", "INF", "WRN", "ERR", "FTL"};
    struct console console = console_open(false);
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        char want[64];
        say(&console, (enum log_level)i, &(const struct log_line){"m"});
        (void)snprintf(want, sizeof want, "2026-11-20T09:00:25Z %s m\n", letters[i]);
        check_line(&console, want);
    }
    console_close(&console);
}

TEST(values_are_quoted_when_their_end_could_be_mistaken)
{
    static const struct {
        struct span value;
        const char *want;
        const char *reason;
    } cases[] = {
        {SPAN_INIT("plain-1.2:3/[4]"), "plain-1.2:3/[4]", "nothing to mistake"},
        {SPAN_INIT(""), "", "empty"},
        {SPAN_INIT("two words"), "\"two words\"", "a blank"},
        {SPAN_INIT("a\"b"), "\"a\\\"b\"", "a quote"},
        {SPAN_INIT("a\\b"), "\"a\\\\b\"", "a backslash"},
        {SPAN_INIT("a\nINF forged"), "\"a\\nINF forged\"", "a second line"},
        {SPAN_INIT("\a\b\t\v\f\r"), "\"\\a\\b\\t\\v\\f\\r\"", "short escapes"},
        {SPAN_INIT("\033[2J\x7f"), "\"\\x1b[2J\\x7f\"", "orders to a terminal"},
        {SPAN_INIT("\xc2\x9b"), "\"\\u009b\"", "a control character of two bytes"},
        {SPAN_INIT("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"", "UTF-8 stays readable"},
        {SPAN_INIT("a\xff"), "\"a\\xff\"", "broken UTF-8"},
    };
    struct console console = console_open(false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char want[128];
        char out[LINE_ROOM];
        const struct log_line line = {"m", LOG_SPAN("k", cases[i].value)};
        say(&console, LEVEL_DEBUG, &line);
        (void)snprintf(want, sizeof want, "2026-11-20T09:00:25Z DBG m k=%s\n", cases[i].want);
        ssize_t n = recv(console.read, out, sizeof out, MSG_DONTWAIT);
        struct span got = span_make(out, n > 0 ? (size_t)n : 0);
        CHECK_CASE(span_equal(got, span_of(want)), "%s: %.*s", cases[i].reason, SPAN_ARG(got));
    }
    console_close(&console);
}

TEST(a_message_cannot_begin_a_line_of_its_own)
{
    struct console console = console_open(false);
    say(&console, LEVEL_INFO, &(const struct log_line){"one\n2026 ERR \"two\""});
    check_line(&console, "2026-11-20T09:00:25Z INF one\\n2026 ERR \"two\"\n");
    console_close(&console);
}

TEST(colours_are_for_terminals)
{
    struct console console = console_open(true);
    const struct log_line line = {"m", LOG_INT("k", 1), LOG_TEXT("error", "e")};
    say(&console, LEVEL_WARN, &line);
    check_line(&console, "\033[90m2026-11-20T09:00:25Z\033[0m \033[33mWRN\033[0m m "
                         "\033[31merror=\033[0me \033[36mk=\033[0m1\n");
    console_close(&console);
}

TEST(a_line_is_never_longer_than_a_pipe_takes_at_once)
{
    static char text[6000];
    memset(text, 'x', sizeof text - 1);
    struct console console = console_open(false);
    const struct log_line line = {"m", LOG_TEXT("long", text), LOG_INT("short", 1)};
    char out[LINE_ROOM];
    say(&console, LEVEL_INFO, &line);
    ssize_t n = recv(console.read, out, sizeof out, MSG_DONTWAIT);
    REQUIRE(n > 500 && n <= 4096);
    CHECK(span_ends(span_make(out, (size_t)n), SPAN("xx\xe2\x80\xa6 short=1\n")));
    console_close(&console);
}

/* Reads what is in the pipe; returns the number of bytes. */
static size_t drain(int fd)
{
    static char out[1 << 16];
    ssize_t n = read(fd, out, sizeof out);
    return n > 0 ? (size_t)n : 0;
}

TEST(a_reader_who_stopped_reading_costs_lines_and_is_told_how_many)
{
    struct console console = console_open_pipe();
    const struct log_line line = {"m", LOG_TEXT("k", "value")};
    /* The descriptor is a blocking one, as stderr is: the pipe fills up, then lines are lost. */
    while (console_sink_dropped(console.sink) < 3)
        say(&console, LEVEL_INFO, &line);
    (void)drain(console.read);
    say(&console, LEVEL_INFO, &line);
    CHECK_SIZE(console_sink_dropped(console.sink), 3);
    char out[256] = "";
    ssize_t n = read(console.read, out, sizeof out - 1);
    CHECK_SPAN(span_make(out, n > 0 ? (size_t)n : 0),
               SPAN("2026-11-20T09:00:25Z INF m k=value\n"
                    "2026-11-20T09:00:25Z WRN Log lines were dropped because nobody reads them "
                    "count=3\n"));
    console_close(&console);
}
