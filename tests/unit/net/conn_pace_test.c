/* A peer that reads a little now and then is given up like one that reads nothing; and the owner
 * hears which limit ended a connection, whenever that is. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_scene.h"

#include <unistd.h>

enum { STALL_MS = 10 * 1000, MUCH = 2 * 1000 * 1000 };

struct last_word {
    size_t times;
    enum conn_cut cut;
};

static void note_gone(void *arg, enum conn_cut cut)
{
    struct last_word *word = arg;
    word->times++;
    word->cut = cut;
}

/* Takes `len` bytes each second until the connection is gone; how many seconds that took. */
static size_t read_slowly(struct conn_scene *scene, const struct last_word *word, size_t len)
{
    static char some[128 * 1024];
    size_t seconds = 0;
    while (word->times == 0 && seconds < 200) {
        (void)!read(scene->peer.fd, some, len);
        turned_loop_pass(&scene->turned, 1000);
        seconds++;
    }
    return seconds;
}

TEST(a_peer_that_takes_a_byte_a_second_is_given_up)
{
    struct conn_scene scene;
    struct last_word word = {0};
    conn_scene_begin(&scene);
    conn_on_gone(scene.ear.conn, note_gone, &word);
    conn_set_stall_limit(scene.ear.conn, STALL_MS);
    CHECK(conn_scene_put(&scene, MUCH));
    conn_scene_rest(&scene);
    for (size_t second = 0; second < STALL_MS / 1000 + 1; second++) {
        char some;
        (void)!read(scene.peer.fd, &some, 1);
        turned_loop_pass(&scene.turned, 1000);
    }
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_TIMEOUT);
    CHECK_SIZE(word.times, 0);
    conn_close(scene.ear.conn);
    scene.ear.conn = NULL;
    CHECK_SIZE(word.times, 1);
    CHECK(word.cut == CONN_CUT_PACE);
    conn_scene_end(&scene);
}

TEST(a_connection_that_lingers_is_held_to_the_same_pace)
{
    struct conn_scene scene;
    struct last_word word = {0};
    conn_scene_begin(&scene);
    conn_on_gone(scene.ear.conn, note_gone, &word);
    conn_set_stall_limit(scene.ear.conn, STALL_MS);
    CHECK(conn_scene_put(&scene, MUCH));
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    size_t seconds = read_slowly(&scene, &word, 1);
    CHECK(seconds >= STALL_MS / 1000 && seconds <= 2 * STALL_MS / 1000);
    CHECK(word.cut == CONN_CUT_PACE);
    conn_scene_end(&scene);
}

TEST(a_lingering_connection_whose_peer_took_it_all_ends_for_no_limit)
{
    struct conn_scene scene;
    struct last_word word = {0};
    conn_scene_begin(&scene);
    conn_on_gone(scene.ear.conn, note_gone, &word);
    conn_set_stall_limit(scene.ear.conn, STALL_MS);
    CHECK(conn_scene_put(&scene, MUCH));
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    (void)read_slowly(&scene, &word, 100 * 1024);
    CHECK_SIZE(word.times, 1);
    CHECK(word.cut == CONN_CUT_NONE);
    conn_scene_end(&scene);
}

TEST(who_lets_more_wait_than_is_allowed_is_cut_off_for_that)
{
    struct conn_scene scene;
    struct last_word word = {0};
    conn_scene_begin(&scene);
    conn_on_gone(scene.ear.conn, note_gone, &word);
    CHECK(!conn_scene_put(&scene, 2 * (size_t)CONN_OUT_MAX));
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.lost, 1);
    conn_close(scene.ear.conn);
    scene.ear.conn = NULL;
    CHECK(word.cut == CONN_CUT_QUEUE);
    conn_scene_end(&scene);
}

/* It may be using up what it took. */
TEST(a_peer_that_took_much_may_rest_for_longer_and_not_for_ever)
{
    enum { BIG = 16 * 1024 * 1024, PATIENCE_MS = 10 * STALL_MS };
    static char some[256 * 1024];
    struct conn_scene scene;
    struct last_word word = {0};
    conn_scene_begin(&scene);
    conn_on_gone(scene.ear.conn, note_gone, &word);
    conn_set_stall_limit(scene.ear.conn, STALL_MS);
    for (size_t taken = 0; taken < BIG;) {
        CHECK(conn_scene_put(&scene, MUCH));
        conn_scene_rest(&scene);
        ssize_t n;
        while ((n = read(scene.peer.fd, some, sizeof some)) > 0) {
            taken += (size_t)n;
            conn_scene_rest(&scene);
        }
    }
    CHECK(conn_scene_put(&scene, MUCH)); /* now it rests */
    turned_loop_pass(&scene.turned, PATIENCE_MS - 1);
    CHECK_SIZE(scene.ear.lost, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_TIMEOUT);
    conn_scene_end(&scene);
    CHECK(word.cut == CONN_CUT_PACE);
}
