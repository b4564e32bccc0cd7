#include "culvert/observe/scraper.h"

#include "harness.h"
#include "support/turned_clock.h"

#include <semaphore.h>

static const struct metric_desc count_desc = {"count", "A count.", METRIC_COUNTER};

struct counted {
    struct metrics *metrics;
    size_t asked;
    sem_t *held; /* not NULL: wait for it before answering */
};

static const struct metrics *figures(void *arg)
{
    struct counted *counted = arg;
    if (counted->held)
        (void)sem_wait(counted->held);
    counted->asked++;
    metric_add(metrics_single(counted->metrics, &count_desc), 1);
    return counted->metrics;
}

struct answer {
    struct scrape scrape;
    size_t told;
    double sum;
    enum error_kind why;
    char text[256];
    struct scraper *again; /* asked once more from inside of the answer */
};

static void done(void *arg, const struct metrics *sum, const struct error *why)
{
    struct answer *answer = arg;
    struct scraper *again = answer->again;
    answer->told++;
    if (why) {
        answer->why = why->kind;
        (void)snprintf(answer->text, sizeof answer->text, "%s", why->text);
        return;
    }
    struct metrics *copy = metrics_new();
    CHECK(copy && metrics_merge(copy, sum));
    answer->sum = metric_value(metrics_single(copy, &count_desc));
    metrics_free(copy);
    answer->again = NULL;
    if (again)
        CHECK(scraper_ask(again, &answer->scrape, done, answer, NULL));
}

/* Two workers on one turned loop, and a home of their own there. */
struct scene {
    struct turned_clock clock;
    struct loop *loop;
    struct worker *home, *workers[2];
    struct counted counted[2];
    struct scraper *scraper;
};

static void scene_open(struct scene *scene)
{
    struct scrape_source sources[2];
    scene->clock = turned_clock_make(0);
    scene->loop = loop_new(&(struct loop_options){.clock = &scene->clock.clock}, NULL);
    scene->home = worker_here(scene->loop, NULL);
    for (size_t i = 0; i < 2; i++) {
        scene->workers[i] = worker_here(scene->loop, NULL);
        scene->counted[i] = (struct counted){.metrics = metrics_new()};
        sources[i] = (struct scrape_source){scene->workers[i], figures, &scene->counted[i]};
    }
    scene->scraper = scraper_new(scene->home, sources, 2, NULL);
}

static void scene_close(struct scene *scene)
{
    scraper_close(scene->scraper);
    for (size_t i = 0; i < 2; i++) {
        worker_free(scene->workers[i]);
        metrics_free(scene->counted[i].metrics);
    }
    worker_free(scene->home);
    loop_free(scene->loop);
}

TEST(a_scrape_brings_the_sum_over_all_workers)
{
    struct scene scene;
    struct answer answer = {0};
    scene_open(&scene);
    metric_add(metrics_single(scene.counted[1].metrics, &count_desc), 40);
    CHECK(scraper_ask(scene.scraper, &answer.scrape, done, &answer, NULL));
    CHECK_SIZE(answer.told, 0);
    CHECK(settle(scene.loop));
    CHECK_SIZE(answer.told, 1);
    CHECK(answer.sum == 42);
    scene_close(&scene);
}

TEST(who_asks_while_others_wait_gets_the_same_sum)
{
    struct scene scene;
    struct answer first = {0}, second = {0};
    scene_open(&scene);
    CHECK(scraper_ask(scene.scraper, &first.scrape, done, &first, NULL));
    CHECK(scraper_ask(scene.scraper, &second.scrape, done, &second, NULL));
    CHECK(settle(scene.loop));
    CHECK(first.sum == 2 && second.sum == 2);
    CHECK_SIZE(scene.counted[0].asked, 1);
    scene_close(&scene);
}

TEST(a_scrape_from_inside_of_an_answer_asks_anew)
{
    struct scene scene;
    struct answer answer = {0};
    scene_open(&scene);
    answer.again = scene.scraper;
    CHECK(scraper_ask(scene.scraper, &answer.scrape, done, &answer, NULL));
    CHECK(settle(scene.loop));
    CHECK_SIZE(answer.told, 2);
    CHECK(answer.sum == 4);
    scene_close(&scene);
}

TEST(a_cancelled_scrape_is_never_told_and_the_next_one_is_fresh)
{
    struct scene scene;
    struct answer left = {0}, next = {0};
    scene_open(&scene);
    CHECK(scraper_ask(scene.scraper, &left.scrape, done, &left, NULL));
    scrape_cancel(&left.scrape);
    scrape_cancel(&left.scrape);
    CHECK(settle(scene.loop));
    CHECK(scraper_ask(scene.scraper, &next.scrape, done, &next, NULL));
    CHECK(settle(scene.loop));
    CHECK_SIZE(left.told, 0);
    CHECK_SIZE(next.told, 1);
    CHECK(next.sum == 4);
    scene_close(&scene);
}

TEST(closing_while_calls_are_under_way_tells_nobody_and_leaks_nothing)
{
    struct scene scene;
    struct answer answer = {0};
    scene_open(&scene);
    CHECK(scraper_ask(scene.scraper, &answer.scrape, done, &answer, NULL));
    scene_close(&scene);
    CHECK_SIZE(answer.told, 0);
}

TEST(a_worker_that_does_not_answer_in_time_is_named_and_asked_only_once)
{
    struct turned_clock clock = turned_clock_make(0);
    struct loop *loop = loop_new(&(struct loop_options){.clock = &clock.clock}, NULL);
    struct worker *home = worker_here(loop, NULL);
    struct worker *stuck = worker_new(&(struct loop_options){0}, NULL);
    sem_t go_on;
    struct counted own = {.metrics = metrics_new()};
    struct counted other = {.metrics = metrics_new(), .held = &go_on};
    const struct scrape_source sources[] = {{home, figures, &own}, {stuck, figures, &other}};
    struct scraper *scraper = scraper_new(home, sources, 2, NULL);
    struct answer first = {0}, second = {0}, third = {0};
    REQUIRE(scraper && stuck);
    (void)sem_init(&go_on, 0, 0);
    CHECK(scraper_ask(scraper, &first.scrape, done, &first, NULL));
    CHECK(turned_clock_run(&clock, loop, SCRAPE_LIMIT_MS));
    CHECK_SIZE(first.told, 1);
    CHECK(first.why == ERROR_TIMEOUT);
    CHECK_TEXT(first.text, "worker 2 of 2 did not answer within 1000 ms");
    CHECK(scraper_ask(scraper, &second.scrape, done, &second, NULL));
    CHECK(turned_clock_run(&clock, loop, SCRAPE_LIMIT_MS));
    CHECK(second.why == ERROR_TIMEOUT);
    CHECK(scraper_ask(scraper, &third.scrape, done, &third, NULL));
    (void)sem_post(&go_on);
    while (third.told == 0)
        (void)loop_turn(loop, 100);
    CHECK(third.sum == 4); /* the home was asked three times, the other once */
    scraper_close(scraper);
    worker_free(stuck);
    worker_free(home);
    loop_free(loop);
    metrics_free(own.metrics);
    metrics_free(other.metrics);
    (void)sem_destroy(&go_on);
}
