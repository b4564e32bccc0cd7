#include "culvert/observe/file_sink.h"

#include "culvert/base/file.h"

#include "harness.h"
#include "support/place.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define NINE_O_CLOCK INT64_C(1795165225123)

enum { MIB = 1024 * 1024 };

static void say(struct file_sink *sink, int64_t unix_ms, const struct log_line *line)
{
    struct log_sink log = file_sink_log(sink);
    log.write(log.arg, LEVEL_INFO, unix_ms, line);
}

static void check_content(const char *path, const char *want)
{
    struct buf text = BUF_LIMIT(2 * MIB);
    CHECK(file_read(path, &text, NULL));
    CHECK_TEXT(buf_text(&text), want);
    buf_release(&text);
}

/* Fills the current file to its limit. */
static void fill(struct file_sink *sink, int64_t unix_ms)
{
    static char text[10000];
    memset(text, 'x', sizeof text - 1);
    const struct log_line line = {"m", LOG_TEXT("k", text)};
    for (size_t i = 0; i <= MIB / sizeof text; i++)
        say(sink, unix_ms, &line);
}

static size_t files_in(const char *directory)
{
    size_t count = 0;
    DIR *dir = opendir(directory);
    if (!dir)
        return 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

TEST(a_log_file_gets_json_lines_in_the_order_of_the_call)
{
    struct test_place place = place_make();
    struct file_sink *sink = file_sink_open(place_path(&place, "a/b/x.log"), NULL);
    REQUIRE(sink);
    const struct log_line line = {"Message <1>", LOG_INT("z", 1), LOG_TEXT("a", "&")};
    say(sink, NINE_O_CLOCK, &line);
    say(sink, NINE_O_CLOCK, &(const struct log_line){""});
    file_sink_close(sink);
    check_content(place_path(&place, "a/b/x.log"),
                  "{\"level\":\"info\",\"z\":1,\"a\":\"&\",\"time\":\"2026-11-20T09:00:25Z\","
                  "\"message\":\"Message <1>\"}\n"
                  "{\"level\":\"info\",\"time\":\"2026-11-20T09:00:25Z\"}\n");
    place_remove(&place);
}

TEST(a_log_file_is_continued_and_never_rotated)
{
    struct test_place place = place_make();
    for (int i = 0; i < 2; i++) {
        struct file_sink *sink = file_sink_open(place_path(&place, "x.log"), NULL);
        REQUIRE(sink);
        fill(sink, NINE_O_CLOCK);
        file_sink_close(sink);
    }
    struct stat facts;
    CHECK(stat(place_path(&place, "x.log"), &facts) == 0);
    CHECK(facts.st_size > 2 * MIB);
    CHECK_SIZE(facts.st_mode & 0133, 0);
    CHECK_SIZE(files_in(place.directory), 1);
    place_remove(&place);
}

TEST(a_directory_keeps_five_old_files_with_the_time_in_their_names)
{
    struct test_place place = place_make();
    struct file_sink *sink = file_sink_open_directory(place.directory, NULL);
    REQUIRE(sink);
    /* The rotation comes with the line after the limit; all in the same millisecond at first. */
    fill(sink, NINE_O_CLOCK);
    fill(sink, NINE_O_CLOCK);
    say(sink, NINE_O_CLOCK, &(const struct log_line){"m"});
    CHECK(file_exists(place_path(&place, "cloudflared-2026-11-20T09-00-25.123.log")));
    CHECK(file_exists(place_path(&place, "cloudflared-2026-11-20T09-00-25.124.log")));
    CHECK(file_exists(place_path(&place, "cloudflared.log")));
    CHECK_SIZE(files_in(place.directory), 3);
    for (int i = 1; i <= 6; i++)
        fill(sink, NINE_O_CLOCK + (int64_t)i * 1000);
    file_sink_close(sink);
    CHECK_SIZE(files_in(place.directory), 6);
    CHECK(!file_exists(place_path(&place, "cloudflared-2026-11-20T09-00-25.123.log")));
    CHECK(file_exists(place_path(&place, "cloudflared-2026-11-20T09-00-31.123.log")));
    place_remove(&place);
}

TEST(other_files_of_the_directory_are_left_alone)
{
    struct test_place place = place_make();
    CHECK(file_create(place_path(&place, "cloudflared-notes.log"), SPAN("x"), 0644, NULL));
    struct file_sink *sink = file_sink_open_directory(place.directory, NULL);
    REQUIRE(sink);
    for (int i = 0; i < 8; i++)
        fill(sink, NINE_O_CLOCK + (int64_t)i * 1000);
    file_sink_close(sink);
    CHECK_SIZE(files_in(place.directory), 7);
    CHECK(file_exists(place_path(&place, "cloudflared-notes.log")));
    place_remove(&place);
}

TEST(reopening_goes_on_in_a_new_file_after_somebody_renamed_the_old_one)
{
    struct test_place place = place_make();
    char renamed[160];
    (void)snprintf(renamed, sizeof renamed, "%s/old.log", place.directory);
    struct file_sink *sink = file_sink_open(place_path(&place, "x.log"), NULL);
    REQUIRE(sink);
    say(sink, 0, &(const struct log_line){"one"});
    CHECK(rename(place_path(&place, "x.log"), renamed) == 0);
    say(sink, 0, &(const struct log_line){"two"});
    CHECK(file_sink_reopen(sink, NULL));
    say(sink, 0, &(const struct log_line){"three"});
    file_sink_close(sink);
    check_content(place_path(&place, "x.log"),
                  "{\"level\":\"info\",\"time\":\"1970-01-01T00:00:00Z\",\"message\":\"three\"}\n");
    place_remove(&place);
}

TEST(a_log_that_cannot_be_opened_is_named)
{
    struct test_place place = place_make();
    struct error err;
    CHECK(mkfifo(place_path(&place, "fifo"), 0600) == 0);
    CHECK(!file_sink_open(place_path(&place, "fifo"), &err));
    CHECK(strstr(err.text, place_path(&place, "fifo")) != NULL);
    CHECK(!file_sink_open("/dev/null/x.log", &err));
    CHECK(strstr(err.text, "/dev/null") != NULL);
    place_remove(&place);
}

TEST(lines_that_do_not_fit_on_the_disk_are_counted)
{
    struct file_sink *sink = file_sink_open("/dev/full", NULL);
    REQUIRE(sink);
    say(sink, 0, &(const struct log_line){"lost"});
    say(sink, 0, &(const struct log_line){"lost"});
    CHECK_SIZE(file_sink_dropped(sink), 2);
    file_sink_close(sink);
}
