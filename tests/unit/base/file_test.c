#include "culvert/base/file.h"

#include "harness.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of this test's own; in(&d, "x") is the path of x inside of it. */
struct place {
    char directory[64];
    char path[160];
};

static struct place place_make(void)
{
    struct place place = {"/tmp/culvert-file-XXXXXX", ""};
    CHECK(mkdtemp(place.directory) != NULL);
    return place;
}

static const char *in(struct place *place, const char *name)
{
    (void)snprintf(place->path, sizeof place->path, "%s/%s", place->directory, name);
    return place->path;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void place_remove(struct place *place)
{
    CHECK(nftw(place->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

static int count_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)path;
    (void)facts;
    (void)walk;
    return kind == FTW_F || kind == FTW_SL ? 1 : 0;
}

static void check_content(const char *path, const char *want)
{
    struct buf text = BUF_LIMIT(100);
    CHECK(file_read(path, &text, NULL));
    CHECK_TEXT(buf_text(&text), want);
    buf_release(&text);
}

static mode_t mode_of(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 ? facts.st_mode & 07777 : 0;
}

TEST(a_replaced_file_has_the_new_content_and_the_exact_mode)
{
    struct place place = place_make();
    mode_t before = umask(0077);
    const char *path = in(&place, "a");
    CHECK(file_replace(path, SPAN("one"), 0644, NULL));
    CHECK_SIZE(mode_of(path), 0644);
    CHECK(file_replace(path, SPAN("two"), 0600, NULL));
    CHECK_SIZE(mode_of(path), 0600);
    check_content(path, "two");
    (void)umask(before);
    place_remove(&place);
}

TEST(a_replaced_link_stays_a_link_and_its_target_is_new)
{
    struct place place = place_make();
    CHECK(file_replace(in(&place, "target"), SPAN("old"), 0600, NULL));
    CHECK(symlink("target", in(&place, "link")) == 0);
    CHECK(symlink("missing", in(&place, "dangling")) == 0);
    CHECK(file_replace(in(&place, "link"), SPAN("new"), 0600, NULL));
    check_content(in(&place, "target"), "new");
    CHECK(file_replace(in(&place, "dangling"), SPAN("made"), 0600, NULL));
    check_content(in(&place, "missing"), "made");
    struct stat facts;
    CHECK(lstat(in(&place, "link"), &facts) == 0 && S_ISLNK(facts.st_mode));
    CHECK(symlink("loop", in(&place, "loop")) == 0);
    struct error err = {0};
    CHECK(!file_replace(in(&place, "loop"), SPAN("x"), 0600, &err));
    CHECK(err.kind == ERROR_INVALID && err.cause == ELOOP);
    place_remove(&place);
}

TEST(a_failed_replacement_leaves_the_old_file_and_nothing_beside_it)
{
    struct place place = place_make();
    struct error err = {0};
    CHECK(mkdir(in(&place, "a"), 0700) == 0);
    CHECK(!file_replace(in(&place, "a"), SPAN("x"), 0600, &err));
    CHECK(err.kind == ERROR_SYSTEM && err.cause == EISDIR);
    CHECK(!file_replace(in(&place, "none/a"), SPAN("x"), 0600, &err));
    CHECK(err.cause == ENOENT);
    CHECK(nftw(place.directory, count_one, 8, FTW_PHYS) == 0);
    place_remove(&place);
}

TEST(creating_refuses_whatever_stands_at_the_path)
{
    struct place place = place_make();
    struct error err = {0};
    CHECK(file_create(in(&place, "a"), SPAN("one"), 0400, &err));
    CHECK_SIZE(mode_of(in(&place, "a")), 0400);
    CHECK(!file_create(in(&place, "a"), SPAN("two"), 0400, &err));
    CHECK(err.kind == ERROR_INVALID && err.cause == EEXIST);
    check_content(in(&place, "a"), "one");
    CHECK(symlink("missing", in(&place, "dangling")) == 0);
    CHECK(!file_create(in(&place, "dangling"), SPAN("two"), 0400, &err));
    CHECK(err.cause == EEXIST);
    CHECK(!file_exists(in(&place, "missing")));
    place_remove(&place);
}

TEST(reading_appends_and_stops_at_the_limit_of_the_buffer)
{
    struct place place = place_make();
    struct error err = {0};
    struct buf text = BUF_LIMIT(5);
    CHECK(buf_put_span(&text, SPAN("12")));
    CHECK(file_replace(in(&place, "fits"), SPAN("345"), 0600, NULL));
    CHECK(file_replace(in(&place, "over"), SPAN("3456"), 0600, NULL));
    CHECK(!file_read(in(&place, "over"), &text, &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK(strstr(err.text, place.path) != NULL);
    CHECK_TEXT(buf_text(&text), "12");
    CHECK(file_read(in(&place, "fits"), &text, &err));
    CHECK_TEXT(buf_text(&text), "12345");
    buf_release(&text);
    place_remove(&place);
}

TEST(what_cannot_be_read_is_named_with_the_reason)
{
    struct place place = place_make();
    struct error err = {0};
    struct buf text = BUF_LIMIT(5);
    CHECK(!file_read(in(&place, "none"), &text, &err));
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
    struct place place = place_make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct buf text = BUF_LIMIT(50);
        bool readable = false;
        CHECK(file_replace(in(&place, "a"), SPAN("secret"), cases[i].mode, NULL));
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
    struct place place = place_make();
    struct error err = {0};
    CHECK(file_make_directory(in(&place, "a/b//c/"), 0700, &err));
    CHECK(file_make_directory(in(&place, "a/b/c"), 0700, &err));
    CHECK_SIZE(mode_of(in(&place, "a/b")), 0700);
    CHECK(file_replace(in(&place, "file"), SPAN(""), 0600, NULL));
    CHECK(!file_make_directory(in(&place, "file"), 0700, &err));
    CHECK(err.cause == ENOTDIR);
    CHECK(!file_make_directory(in(&place, "file/below"), 0700, &err));
    CHECK(!file_make_directory("", 0700, &err));
    place_remove(&place);
}

TEST(a_lock_is_held_once_until_its_descriptor_is_closed)
{
    struct place place = place_make();
    struct error err = {0};
    int fd = file_lock(in(&place, "lock"), &err);
    REQUIRE(fd != -1);
    CHECK_SIZE(mode_of(place.path), 0600);
    CHECK(file_lock(place.path, &err) == -1);
    CHECK(err.kind == ERROR_DENIED);
    close(fd);
    fd = file_lock(place.path, &err);
    CHECK(fd != -1);
    close(fd);
    place_remove(&place);
}
