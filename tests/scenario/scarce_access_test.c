/* A connector that judges tokens with its allocations failing: whatever fails, nobody passes who
 * may not, nobody waits for ever, and afterwards all is well. */
#include "culvert/access/key_store.h"
#include "support/fake_issuer.h"
#include "support/fault_guest.h"
#include "support/scarce_memory.h"
#include "support/token_mint.h"

#include "harness.h"

enum {
    ALLOCATIONS_MAX = 5000,
    SOON_MS = 10,
    LATE_MS = 200 * 1000, /* of turned time */
};

static const char rules[] =
    "ingress:\n"
    "  - service: http_status:200\n"
    "    originRequest: {access: {required: true, teamName: lab, audTag: [aud1]}}\n";

struct scene {
    struct split_ends ends;
    struct fake_issuer issuer;
    struct buf good, bad; /* cookies */
};

static void put_cookie(const char *key, struct buf *out)
{
    CHECK(buf_put_span(out, SPAN("CF_Authorization=")));
    token_mint_usual(SPAN("{\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"aud1\","
                          "\"exp\":4000000000}"),
                     key, out);
}

/* Registered, while the issuer has not yet answered. */
static void scene_open(struct scene *scene, struct ends_store *store)
{
    struct error err = {0};
    split_ends_open(&scene->ends, store, rules);
    fake_issuer_init(&scene->issuer, scene->ends.loops[SPLIT_CONNECTOR]);
    scene->issuer.is_slow = true;
    scene->ends.key_fetcher = &scene->issuer.fetcher;
    CHECK_CASE(split_ends_start_edge(&scene->ends, &err) &&
                   split_ends_start_connector(&scene->ends, &err) &&
                   split_ends_registered(&scene->ends, LATE_MS),
               "%s", err.text);
}

static void scene_close(struct scene *scene)
{
    CHECK(split_ends_stop_connector(&scene->ends, LATE_MS));
    CHECK(split_ends_stop_edge(&scene->ends, LATE_MS));
    split_ends_close(&scene->ends);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static struct fault_request request_of(const struct buf *cookie)
{
    return (struct fault_request){.place = "127.0.0.1:8080",
                                  .host = "app.example.com",
                                  .method = "GET",
                                  .path = "/",
                                  .cookie = buf_text(cookie)};
}

/* The status it gets; 0: none, since its connection broke. */
static int visit(struct scene *scene, const struct buf *cookie)
{
    struct fault_guest guest;
    const struct fault_request request = request_of(cookie);
    bool over = !fault_guest_open(&guest, &scene->ends, &request) ||
                split_ends_until(&scene->ends, fault_guest_is_over, &guest, LATE_MS);
    CHECK_CASE(over, "a guest waits in vain");
    int status = guest.whole ? guest.status : 0;
    fault_guest_close(&guest);
    return status;
}

/* One who comes before there are keys, then one with a bad token. */
static void suffer(struct scene *scene, size_t n)
{
    struct fault_guest early;
    const struct fault_request request = request_of(&scene->good);
    CHECK(fault_guest_open(&early, &scene->ends, &request));
    (void)split_ends_until(&scene->ends, never, NULL, SOON_MS);
    scene->issuer.is_slow = false;
    task_post(&scene->issuer.task);
    CHECK_CASE(split_ends_until(&scene->ends, fault_guest_is_over, &early, LATE_MS),
               "allocation %zu: the first waits in vain", n);
    int status = early.whole ? early.status : 0;
    CHECK_CASE(status == 200 || status == 0 || status / 100 == 5, "allocation %zu: %d", n, status);
    fault_guest_close(&early);
    status = visit(scene, &scene->bad);
    CHECK_CASE(status == 403 || status == 0 || status / 100 == 5, "allocation %zu: a bad token: %d",
               n, status);
}

/* `famine` allocations fail from number `n` on. False: there is none of that number. */
static bool play(struct scene *scene, struct ends_store *store, size_t n, size_t famine)
{
    scene_open(scene, store);
    scarce_memory_begin_many(n, famine);
    scarce_memory_pause();
    scene->ends.sufferer = SPLIT_CONNECTOR;
    suffer(scene, n);
    scene->ends.sufferer = SPLIT_PARTIES;
    bool failed = scarce_memory_end();
    CHECK_CASE(split_ends_registered(&scene->ends, LATE_MS), "allocation %zu: it is gone", n);
    (void)split_ends_until(&scene->ends, never, NULL, KEY_STORE_RETRY_MS);
    int status = visit(scene, &scene->good);
    CHECK_CASE(status == 200, "allocation %zu: not well again: %d", n, status);
    scene_close(scene);
    return failed;
}

static void sweep(size_t famine)
{
    static struct scene scene;
    struct ends_store store;
    scene.good = scene.bad = (struct buf)BUF_LIMIT(TOKEN_TEXT_MAX);
    put_cookie("k1", &scene.good);
    put_cookie("k2", &scene.bad);
    ends_store_open(&store);
    size_t n = 0;
    while (n < ALLOCATIONS_MAX && play(&scene, &store, n, famine))
        n++;
    CHECK_CASE(n > 50 && n < ALLOCATIONS_MAX, "%zu allocations", n);
    ends_store_close(&store);
    buf_release(&scene.good);
    buf_release(&scene.bad);
}

TEST(a_failing_allocation_opens_no_door)
{
    sweep(1);
}

TEST(a_famine_opens_no_door)
{
    sweep(5);
    sweep(40);
}
