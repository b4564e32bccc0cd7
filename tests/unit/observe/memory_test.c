/* The observe room with each allocation failing once: lines and figures may be missing, nothing
 * else happens. */
#include "culvert/observe/console_sink.h"
#include "culvert/observe/exposition.h"
#include "culvert/observe/file_sink.h"
#include "culvert/observe/json_sink.h"
#include "culvert/observe/redact.h"
#include "culvert/observe/tracker.h"
#include "culvert/observe/tunnel_metrics.h"
#include "harness.h"
#include "support/place.h"
#include "support/scarce_memory.h"

#include <fcntl.h>
#include <unistd.h>

enum { ALLOCATIONS_MAX = 10000 }; /* more than any of these makes: it would not end */

/* Performs with the first, then the second, ... allocation failing, until none is left to fail. */
static void play_all(void (*perform)(void *arg), void *arg)
{
    size_t n = 0;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        scarce_memory_begin(n);
        perform(arg);
        failed = scarce_memory_end();
    }
    CHECK(n > 1 && n < ALLOCATIONS_MAX);
}

/* Writes two events to the sink behind a redact. */
static void log_through(struct log_sink sink)
{
    struct error err = {0};
    struct redact *redact = redact_new(&err);
    CHECK(redact || err.kind == ERROR_SYSTEM);
    if (redact && redact_add(redact, sink)) {
        struct log_sink front = redact_sink(redact);
        const struct log_line line = {"message token=abc", LOG_TEXT("error", "why"),
                                      LOG_TEXT("path", "/?access_token=abc")};
        front.write(front.arg, LEVEL_WARN, 0, &line);
        front.write(front.arg, LEVEL_WARN, 0, &line);
    }
    redact_free(redact);
}

static void console_lines(void *arg)
{
    struct error err = {0};
    struct console_sink *sink = console_sink_new(*(int *)arg, true, &err);
    CHECK(sink || err.kind == ERROR_SYSTEM);
    if (sink)
        log_through(console_sink_log(sink));
    console_sink_free(sink);
}

static void json_lines(void *arg)
{
    struct error err = {0};
    struct json_sink *sink = json_sink_new(*(int *)arg, &err);
    CHECK(sink || err.kind == ERROR_SYSTEM);
    if (sink)
        log_through(json_sink_log(sink));
    json_sink_free(sink);
}

TEST(a_console_without_memory_loses_lines_and_counts_them)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    REQUIRE(nowhere != -1);
    play_all(console_lines, &nowhere);
    play_all(json_lines, &nowhere);

    struct console_sink *sink = console_sink_new(nowhere, false, NULL);
    struct log_sink log = console_sink_log(sink);
    scarce_memory_begin(0);
    log.write(log.arg, LEVEL_INFO, 0, &(const struct log_line){"lost"});
    CHECK(scarce_memory_end());
    /* One text too long is tried again shorter, and then there is memory. */
    CHECK_SIZE(console_sink_dropped(sink), 0);
    console_sink_free(sink);
    close(nowhere);
}

static void file_lines(void *arg)
{
    struct error err = {0};
    struct file_sink *sink = file_sink_open_directory(arg, &err);
    CHECK(sink || err.kind != ERROR_NONE);
    if (sink)
        log_through(file_sink_log(sink));
    file_sink_close(sink);
}

TEST(a_log_directory_is_opened_or_says_why_not)
{
    struct test_place place = place_make();
    play_all(file_lines, place.directory);
    place_remove(&place);
}

static void figures(void *arg)
{
    struct buf text = BUF_LIMIT(1 << 18);
    struct error err = {0};
    struct metrics *metrics = metrics_new();
    struct uuid connector = {{0}};
    struct tunnel_metrics *tm = tunnel_metrics_new(metrics, &err);
    struct tracker *tracker = tracker_new(&connector, 2, clock_system(), metrics, &err);
    (void)arg;
    CHECK((tm && tracker) || err.kind == ERROR_SYSTEM);
    if (tracker) {
        tracker_registered(tracker, 1, &connector, SPAN("here"));
        tracker_lost(tracker, 1, "goaway");
        CHECK_SIZE(tracker_ready_count(tracker), 0);
    }
    if (tm) {
        const struct request_outcome outcome = {.status = 502, .cause = "network"};
        tunnel_metrics_began(tm, outcome.kind);
        tunnel_metrics_ended(tm, &outcome);
        tunnel_metrics_rpc(tm, TUNNEL_CALL_REGISTER, false, 10);
    }
    if (metrics && exposition_write(metrics, &text))
        CHECK(text.len > 0);
    tracker_free(tracker);
    tunnel_metrics_free(tm);
    metrics_free(metrics);
    buf_release(&text);
}

TEST(figures_may_be_missing_but_stop_nothing)
{
    play_all(figures, NULL);
}
