/* The ways in which files are written, by editors and by those that mount configurations. */
#include "culvert/net/file_watch.h"

#include "culvert/base/file.h"

#include "harness.h"
#include "support/place.h"
#include "support/turned_loop.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct scene {
    struct turned_loop turned;
    struct test_place place;
    struct file_watch *watch;
    size_t told;
    char other[256]; /* a second path */
};

static void changed(void *arg)
{
    struct scene *scene = arg;
    scene->told++;
}

static const char *at(struct scene *scene, const char *name)
{
    return place_path(&scene->place, name);
}

/* The same for a call that takes two paths. */
static const char *other(struct scene *scene, const char *name)
{
    (void)snprintf(scene->other, sizeof scene->other, "%s/%s", scene->place.directory, name);
    return scene->other;
}

static void write_at(struct scene *scene, const char *name, const char *text)
{
    FILE *file = fopen(at(scene, name), "w");
    REQUIRE(file);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

static void make_place(struct scene *scene)
{
    *scene = (struct scene){.place = place_make()};
    turned_loop_init(&scene->turned);
}

static void follow(struct scene *scene, const char *name)
{
    struct error err = {0};
    scene->watch = file_watch_new(scene->turned.loop, at(scene, name), changed, scene, &err);
    CHECK_CASE(scene->watch, "%s", err.text);
    turned_loop_settle(&scene->turned);
}

static void open_with_file(struct scene *scene)
{
    make_place(scene);
    write_at(scene, "c.yml", "one");
    follow(scene, "c.yml");
}

static void close_scene(struct scene *scene)
{
    file_watch_free(scene->watch);
    turned_loop_release(&scene->turned);
    place_remove(&scene->place);
}

/* How often it was told since this was asked last. */
static size_t news(struct scene *scene)
{
    turned_loop_pass(&scene->turned, FILE_WATCH_QUIET_MS + 1);
    size_t told = scene->told;
    scene->told = 0;
    return told;
}

TEST(a_file_that_is_written_in_place_is_told_when_its_writer_closes_it)
{
    struct scene scene;
    open_with_file(&scene);
    CHECK_SIZE(news(&scene), 0);
    FILE *file = fopen(at(&scene, "c.yml"), "w");
    REQUIRE(file);
    CHECK(fputs("half", file) >= 0 && fflush(file) == 0);
    CHECK_SIZE(news(&scene), 0);
    CHECK(fputs(" and half", file) >= 0 && fclose(file) == 0);
    CHECK_SIZE(news(&scene), 1);
    CHECK_SIZE(news(&scene), 0);
    close_scene(&scene);
}

TEST(a_file_that_is_renamed_over_is_told_again_and_again)
{
    struct scene scene;
    open_with_file(&scene);
    for (int i = 0; i < 3; i++) {
        write_at(&scene, "c.yml.new", "two");
        CHECK_SIZE(news(&scene), 0);
        CHECK(rename(other(&scene, "c.yml.new"), at(&scene, "c.yml")) == 0);
        CHECK_SIZE(news(&scene), 1);
    }
    write_at(&scene, "c.yml", "in place, after that");
    CHECK_SIZE(news(&scene), 1);
    close_scene(&scene);
}

TEST(a_file_that_is_deleted_and_made_again_is_told)
{
    struct scene scene;
    open_with_file(&scene);
    CHECK(unlink(at(&scene, "c.yml")) == 0);
    CHECK_SIZE(news(&scene), 1);
    write_at(&scene, "c.yml", "again");
    CHECK_SIZE(news(&scene), 1);
    CHECK(unlink(at(&scene, "c.yml")) == 0);
    write_at(&scene, "c.yml", "at once");
    CHECK_SIZE(news(&scene), 1);
    close_scene(&scene);
}

/* As ConfigMaps are mounted: c.yml -> ..data/c.yml, ..data -> a directory that is turned. */
TEST(a_link_on_the_way_that_is_turned_is_told)
{
    struct scene scene;
    make_place(&scene);
    CHECK(mkdir(at(&scene, "..one"), 0700) == 0 && mkdir(at(&scene, "..two"), 0700) == 0);
    write_at(&scene, "..one/c.yml", "one");
    write_at(&scene, "..two/c.yml", "two");
    CHECK(symlink("..one", at(&scene, "..data")) == 0);
    CHECK(symlink("..data/c.yml", at(&scene, "c.yml")) == 0);
    follow(&scene, "c.yml");
    CHECK(symlink("..two", at(&scene, "..data_tmp")) == 0);
    CHECK_SIZE(news(&scene), 0);
    CHECK(rename(other(&scene, "..data_tmp"), at(&scene, "..data")) == 0);
    CHECK_SIZE(news(&scene), 1);
    write_at(&scene, "..one/c.yml", "nobody's any more");
    CHECK_SIZE(news(&scene), 0);
    write_at(&scene, "..two/c.yml", "the new one's");
    CHECK_SIZE(news(&scene), 1);
    close_scene(&scene);
}

TEST(a_link_at_the_end_that_is_turned_and_what_it_leads_to_are_told)
{
    struct scene scene;
    make_place(&scene);
    CHECK(mkdir(at(&scene, "a"), 0700) == 0);
    write_at(&scene, "a/one", "one");
    write_at(&scene, "two", "two");
    CHECK(symlink(other(&scene, "a/one"), at(&scene, "c.yml")) == 0); /* an absolute one */
    follow(&scene, "c.yml");
    write_at(&scene, "a/one", "in place");
    CHECK_SIZE(news(&scene), 1);
    CHECK(unlink(at(&scene, "c.yml")) == 0 && symlink("two", at(&scene, "c.yml")) == 0);
    CHECK_SIZE(news(&scene), 1);
    write_at(&scene, "two", "in place");
    CHECK_SIZE(news(&scene), 1);
    write_at(&scene, "a/one", "nobody's any more");
    CHECK_SIZE(news(&scene), 0);
    close_scene(&scene);
}

TEST(directories_that_come_and_go_are_followed)
{
    struct scene scene;
    make_place(&scene);
    follow(&scene, "a/b/c.yml"); /* nothing of it is there */
    CHECK(mkdir(at(&scene, "a"), 0700) == 0);
    CHECK_SIZE(news(&scene), 1);
    CHECK(mkdir(at(&scene, "a/b"), 0700) == 0);
    CHECK_SIZE(news(&scene), 1);
    write_at(&scene, "a/b/c.yml", "there");
    CHECK_SIZE(news(&scene), 1);
    CHECK(rename(other(&scene, "a"), at(&scene, "gone")) == 0);
    CHECK_SIZE(news(&scene), 1);
    CHECK(mkdir(at(&scene, "a"), 0700) == 0 && mkdir(at(&scene, "a/b"), 0700) == 0);
    write_at(&scene, "a/b/c.yml", "another");
    CHECK(news(&scene) == 1);
    write_at(&scene, "a/b/c.yml", "and again");
    CHECK_SIZE(news(&scene), 1);
    close_scene(&scene);
}

TEST(a_second_name_for_a_file_is_told)
{
    struct scene scene;
    open_with_file(&scene);
    write_at(&scene, "two", "two");
    CHECK(unlink(at(&scene, "c.yml")) == 0);
    CHECK_SIZE(news(&scene), 1);
    CHECK(link(other(&scene, "two"), at(&scene, "c.yml")) == 0);
    CHECK_SIZE(news(&scene), 1);
    close_scene(&scene);
}

TEST(neighbours_are_not_told)
{
    struct scene scene;
    open_with_file(&scene);
    write_at(&scene, "c.yml~", "x");
    write_at(&scene, ".c.yml.swp", "x");
    CHECK(unlink(at(&scene, "c.yml~")) == 0);
    CHECK_SIZE(news(&scene), 0);
    close_scene(&scene);
}

TEST(a_burst_of_changes_is_told_once_and_an_endless_one_now_and_then)
{
    struct scene scene;
    open_with_file(&scene);
    for (int i = 0; i < 5; i++) {
        write_at(&scene, "c.yml", "x");
        turned_loop_pass(&scene.turned, FILE_WATCH_QUIET_MS / 2);
    }
    CHECK_SIZE(news(&scene), 1);
    for (int i = 0; i < 2 * FILE_WATCH_MOST_MS / (FILE_WATCH_QUIET_MS / 2); i++) {
        write_at(&scene, "c.yml", "x");
        turned_loop_pass(&scene.turned, FILE_WATCH_QUIET_MS / 2);
    }
    CHECK(scene.told == 1 || scene.told == 2);
    close_scene(&scene);
}

TEST(a_path_that_leads_nowhere_is_looked_at_now_and_then)
{
    struct scene scene;
    make_place(&scene);
    CHECK(symlink("c.yml", at(&scene, "c.yml")) == 0); /* to itself */
    follow(&scene, "c.yml");
    turned_loop_pass(&scene.turned, FILE_WATCH_AGAIN_MS + 1);
    CHECK_SIZE(scene.told, 1);
    CHECK(unlink(at(&scene, "c.yml")) == 0);
    write_at(&scene, "c.yml", "a file");
    turned_loop_pass(&scene.turned, FILE_WATCH_AGAIN_MS + 1);
    scene.told = 0;
    write_at(&scene, "c.yml", "changed");
    CHECK_SIZE(news(&scene), 1);
    close_scene(&scene);
}
