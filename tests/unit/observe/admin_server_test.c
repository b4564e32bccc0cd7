#include "culvert/observe/admin_server.h"

#include "harness.h"
#include "support/turned_loop.h"

#define ASK SPAN("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")

static const struct metric_desc count_desc = {"count", "A count.", METRIC_COUNTER};

/* A server, and a worker whose loop nobody turns unless a test does. */
struct scene {
    struct turned_loop turned;
    struct loop *other;
    struct worker *home, *worker;
    struct metrics *metrics;
    struct scraper *scraper;
    struct admin_server *admin;
    struct raw_peer asker;
};

static const struct metrics *figures(void *arg)
{
    return arg;
}

static bool ready(void *arg, size_t min, struct buf *out, int *status)
{
    (void)arg;
    *status = 200;
    return buf_printf(out, "{\"min\":%zu}", min);
}

static struct raw_peer dial(struct scene *scene)
{
    return (struct raw_peer){
        .fd = memory_sockets_dial(&scene->turned.memory, "127.0.0.1:20241"),
        .got = BUF_LIMIT(ADMIN_TEXT_MAX),
    };
}

static void scene_open(struct scene *scene)
{
    struct ip_address at;
    *scene = (struct scene){0};
    turned_loop_init(&scene->turned);
    scene->other = loop_new(&(struct loop_options){.clock = &scene->turned.clock.clock}, NULL);
    scene->home = worker_here(scene->turned.loop, NULL);
    scene->worker = worker_here(scene->other, NULL);
    scene->metrics = metrics_new();
    metric_set(metrics_single(scene->metrics, &count_desc), 7);
    const struct scrape_source source = {scene->worker, figures, scene->metrics};
    scene->scraper = scraper_new(scene->home, &source, 1, NULL);
    const struct admin_sources sources = {.scraper = scene->scraper, .ready = ready, .arg = NULL};
    CHECK(ip_parse(SPAN("127.0.0.1"), 20241, &at));
    scene->admin = admin_server_new(scene->turned.loop, &at, &sources, NULL);
    scene->asker = dial(scene);
}

static void scene_close(struct scene *scene)
{
    admin_server_close(scene->admin);
    scraper_close(scene->scraper);
    worker_free(scene->worker);
    worker_free(scene->home);
    turned_loop_settle(&scene->turned);
    raw_peer_close(&scene->asker);
    metrics_free(scene->metrics);
    loop_free(scene->other);
    turned_loop_release(&scene->turned);
}

static void ask(struct scene *scene)
{
    CHECK_SIZE(raw_peer_put(&scene->asker, ASK), ASK.len);
    turned_loop_settle(&scene->turned);
}

static bool heard(struct scene *scene, const char *text)
{
    (void)raw_peer_hear(&scene->asker, &scene->turned);
    return strstr(buf_text(&scene->asker.got), text) != NULL;
}

TEST(metrics_wait_for_the_worker_that_counts_them)
{
    struct scene scene;
    scene_open(&scene);
    ask(&scene);
    CHECK_SIZE(raw_peer_hear(&scene.asker, &scene.turned).len, 0);
    CHECK(settle(scene.other));
    CHECK(heard(&scene, "HTTP/1.1 200"));
    CHECK(heard(&scene, "\ncount 7\n"));
    scene_close(&scene);
}

TEST(metrics_of_a_worker_that_is_stuck_are_503_with_one_sentence)
{
    struct scene scene;
    scene_open(&scene);
    ask(&scene);
    turned_loop_pass(&scene.turned, SCRAPE_LIMIT_MS);
    CHECK(heard(&scene, "HTTP/1.1 503"));
    CHECK(heard(&scene, "the metrics cannot be told: worker 1 of 1 did not answer within"));
    buf_clear(&scene.asker.got);
    CHECK(settle(scene.other));
    ask(&scene);
    CHECK(settle(scene.other));
    CHECK(heard(&scene, "HTTP/1.1 200"));
    scene_close(&scene);
}

TEST(readiness_is_told_while_a_worker_is_stuck)
{
    struct scene scene;
    scene_open(&scene);
    ask(&scene);
    struct raw_peer second = dial(&scene);
    raw_peer_say(&second, &scene.turned, "GET /ready?min=3 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)raw_peer_hear(&second, &scene.turned);
    CHECK(strstr(buf_text(&second.got), "{\"min\":3}") != NULL);
    raw_peer_close(&second);
    scene_close(&scene);
}

TEST(an_asker_who_leaves_while_it_waits_costs_nothing)
{
    struct scene scene;
    scene_open(&scene);
    ask(&scene);
    raw_peer_close(&scene.asker);
    turned_loop_settle(&scene.turned);
    CHECK(settle(scene.other));
    turned_loop_pass(&scene.turned, SCRAPE_LIMIT_MS);
    scene_close(&scene);
}

TEST(closing_the_server_ends_who_waits)
{
    struct scene scene;
    scene_open(&scene);
    ask(&scene);
    admin_server_close(scene.admin);
    scene.admin = NULL;
    turned_loop_settle(&scene.turned);
    (void)raw_peer_hear(&scene.asker, &scene.turned);
    CHECK(scene.asker.ended || scene.asker.error != 0);
    scene_close(&scene);
}
