#include "culvert/edge/broadcast.h"

#include "support/turned_loop.h"

#include "harness.h"

enum { WORKERS = 3 };

/* A head and workers in one loop. */
struct scene {
    struct turned_loop turned;
    struct edge_team team;
    struct edge_worker members[WORKERS];
    struct broadcast broadcast;
    struct broadcast_part *kept[WORKERS]; /* heard, not answered */
    size_t heard, done;
    bool ok;
};

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){.team = {.count = WORKERS}};
    turned_loop_init(&scene->turned);
    outbox_init(&scene->team.outbox, scene->turned.loop);
    scene->team.head = worker_here(scene->turned.loop, NULL);
    REQUIRE(scene->team.head);
    for (size_t i = 0; i < WORKERS; i++) {
        scene->members[i] = (struct edge_worker){.team = &scene->team, .number = i};
        outbox_init(&scene->members[i].outbox, scene->turned.loop);
        scene->team.members[i] = &scene->members[i];
        scene->team.workers[i] = worker_here(scene->turned.loop, NULL);
        REQUIRE(scene->team.workers[i]);
    }
    REQUIRE(broadcast_init(&scene->broadcast, &scene->team));
}

static void scene_close(struct scene *scene)
{
    broadcast_release(&scene->broadcast);
    for (size_t i = 0; i < WORKERS; i++)
        worker_free(scene->team.workers[i]);
    worker_free(scene->team.head);
    turned_loop_release(&scene->turned);
}

static struct scene *scene_of(struct broadcast *broadcast)
{
    return CONTAINER_OF(broadcast, struct scene, broadcast);
}

static void keep(struct broadcast_part *part, struct edge_worker *worker)
{
    struct scene *scene = scene_of(part->all);
    CHECK(worker == &scene->members[part->number]);
    scene->kept[part->number] = part;
    scene->heard++;
}

static void note_done(struct broadcast *broadcast, bool ok)
{
    struct scene *scene = scene_of(broadcast);
    scene->done++;
    scene->ok = ok;
}

static void answer(struct scene *scene, size_t number, bool ok)
{
    broadcast_answer(scene->kept[number], &scene->members[number], ok);
    turned_loop_settle(&scene->turned);
}

TEST(it_is_done_when_every_worker_has_answered)
{
    struct scene scene;
    scene_open(&scene);
    broadcast_send(&scene.broadcast, keep, note_done);
    CHECK_SIZE(scene.heard, 0);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.heard, WORKERS);
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK_SIZE(scene.done, 0);
        answer(&scene, WORKERS - 1 - i, true);
    }
    CHECK(scene.done == 1 && scene.ok);
    scene_close(&scene);
}

TEST(one_that_could_not_is_enough_and_it_may_be_sent_again)
{
    struct scene scene;
    scene_open(&scene);
    for (size_t bad = 0; bad <= WORKERS; bad++) {
        broadcast_send(&scene.broadcast, keep, note_done);
        turned_loop_settle(&scene.turned);
        for (size_t i = 0; i < WORKERS; i++)
            answer(&scene, i, i != bad);
        CHECK_SIZE(scene.done, bad + 1);
        CHECK(scene.ok == (bad == WORKERS));
    }
    scene_close(&scene);
}
