#include "culvert/base/file.h"

#include "harness.h"
#include "support/place.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void check_content(const char *path, const char *want)
{
    struct buf text = BUF_LIMIT(100);
    CHECK(file_read(path, &text, NULL));
    CHECK_TEXT(buf_text(&text), want);
    buf_release(&text);
}

TEST(a_replaced_file_has_the_new_content_and_the_exact_mode)
{
    struct test_place place = place_make();
    mode_t before = umask(0077);
    const char *path = place_path(&place, "a");
    CHECK(file_replace(path, SPAN("one"), 0644, NULL));
    CHECK_SIZE(place_mode(path), 0644);
    CHECK(file_replace(path, SPAN("two"), 0600, NULL));
    CHECK_SIZE(place_mode(path), 0600);
    check_content(path, "two");
    (void)umask(before);
    place_remove(&place);
}

TEST(a_replaced_link_stays_a_link_and_its_target_is_new)
{
    struct test_place place = place_make();
    CHECK(file_replace(place_path(&place, "target"), SPAN("old"), 0600, NULL));
    CHECK(symlink("target", place_path(&place, "link")) == 0);
    CHECK(symlink("missing", place_path(&place, "dangling")) == 0);
    CHECK(file_replace(place_path(&place, "link"), SPAN("new"), 0600, NULL));
    check_content(place_path(&place, "target"), "new");
    CHECK(file_replace(place_path(&place, "dangling"), SPAN("made"), 0600, NULL));
    check_content(place_path(&place, "missing"), "made");
    struct stat facts;
    CHECK(lstat(place_path(&place, "link"), &facts) == 0 && S_ISLNK(facts.st_mode));
    CHECK(symlink("loop", place_path(&place, "loop")) == 0);
    struct error err = {0};
    CHECK(!file_replace(place_path(&place, "loop"), SPAN("x"), 0600, &err));
    CHECK(err.kind == ERROR_INVALID && err.cause == ELOOP);
    place_remove(&place);
}

TEST(a_failed_replacement_leaves_the_old_file_and_nothing_beside_it)
{
    struct test_place place = place_make();
    struct error err = {0};
    CHECK(mkdir(place_path(&place, "a"), 0700) == 0);
    CHECK(!file_replace(place_path(&place, "a"), SPAN("x"), 0600, &err));
    CHECK(err.kind == ERROR_SYSTEM && err.cause == EISDIR);
    CHECK(!file_replace(place_path(&place, "none/a"), SPAN("x"), 0600, &err));
    CHECK(err.cause == ENOENT);
    CHECK_SIZE(place_count(&place), 0);
    place_remove(&place);
}

TEST(creating_refuses_whatever_stands_at_the_path)
{
    struct test_place place = place_make();
    struct error err = {0};
    CHECK(file_create(place_path(&place, "a"), SPAN("one"), 0400, &err));
    CHECK_SIZE(place_mode(place_path(&place, "a")), 0400);
    CHECK(!file_create(place_path(&place, "a"), SPAN("two"), 0400, &err));
    CHECK(err.kind == ERROR_INVALID && err.cause == EEXIST);
    check_content(place_path(&place, "a"), "one");
    CHECK(symlink("missing", place_path(&place, "dangling")) == 0);
    CHECK(!file_create(place_path(&place, "dangling"), SPAN("two"), 0400, &err));
    CHECK(err.cause == EEXIST);
    CHECK(!file_exists(place_path(&place, "missing")));
    place_remove(&place);
}

TEST(reading_appends_and_stops_at_the_limit_of_the_buffer)
{
    struct test_place place = place_make();
    struct error err = {0};
    struct buf text = BUF_LIMIT(5);
    CHECK(buf_put_span(&text, SPAN("12")));
    CHECK(file_replace(place_path(&place, "fits"), SPAN("345"), 0600, NULL));
    CHECK(file_replace(place_path(&place, "over"), SPAN("3456"), 0600, NULL));
    CHECK(!file_read(place_path(&place, "over"), &text, &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK(strstr(err.text, place.path) != NULL);
    CHECK_TEXT(buf_text(&text), "12");
    CHECK(file_read(place_path(&place, "fits"), &text, &err));
    CHECK_TEXT(buf_text(&text), "12345");
    buf_release(&text);
    place_remove(&place);
}

TEST(what_cannot_be_read_is_named_with_the_reason)
{
    struct test_place place = place_make();
    struct error err = {0};
    struct buf text = BUF_LIMIT(5);
    CHECK(!file_read(place_path(&place, "none"), &text, &err));
    CHECK(err.kind == ERROR_SYSTEM && err.cause == ENOENT);
    CHECK(strstr(err.text, place.path) != NULL);
    CHECK(!file_read(place.directory, &text, &err));
    CHECK(err.kind == ERROR_SYSTEM && err.cause == EISDIR);
    buf_release(&text);
    place_remove(&place);
}

TEST(a_secret_that_others_may_write_is_refused_one_they_may_read_is_told)
{
    static const struct {
        mode_t mode;
        bool ok, readable;
    } cases[] = {
        {0600, true, false},  {0400, true, false},  {0640, true, true},   {0644, true, true},
        {0660, false, false}, {0602, false, false}, {0666, false, false},
    };
    struct test_place place = place_make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct buf text = BUF_LIMIT(50);
        bool readable = false;
        CHECK(file_replace(place_path(&place, "a"), SPAN("secret"), cases[i].mode, NULL));
        bool ok = file_read_secret(place.path, &text, &readable, &err);
        CHECK_CASE(ok == cases[i].ok, "mode %o", (unsigned)cases[i].mode);
        CHECK_CASE(ok || err.kind == ERROR_DENIED, "mode %o", (unsigned)cases[i].mode);
        CHECK_CASE(readable == cases[i].readable, "mode %o", (unsigned)cases[i].mode);
        buf_wipe(&text);
    }
    place_remove(&place);
}

TEST(a_directory_is_made_with_its_parents_and_may_exist)
{
    struct test_place place = place_make();
    struct error err = {0};
    CHECK(file_make_directory(place_path(&place, "a/b//c/"), 0700, &err));
    CHECK(file_make_directory(place_path(&place, "a/b/c"), 0700, &err));
    CHECK_SIZE(place_mode(place_path(&place, "a/b")), 0700);
    CHECK(file_replace(place_path(&place, "file"), SPAN(""), 0600, NULL));
    CHECK(!file_make_directory(place_path(&place, "file"), 0700, &err));
    CHECK(err.cause == ENOTDIR);
    CHECK(!file_make_directory(place_path(&place, "file/below"), 0700, &err));
    CHECK(!file_make_directory("", 0700, &err));
    place_remove(&place);
}

TEST(a_lock_is_held_once_until_its_descriptor_is_closed)
{
    struct test_place place = place_make();
    struct error err = {0};
    int fd = file_lock(place_path(&place, "lock"), &err);
    REQUIRE(fd != -1);
    CHECK_SIZE(place_mode(place.path), 0600);
    CHECK(file_lock(place.path, &err) == -1);
    CHECK(err.kind == ERROR_DENIED);
    close(fd);
    fd = file_lock(place.path, &err);
    CHECK(fd != -1);
    close(fd);
    place_remove(&place);
}
