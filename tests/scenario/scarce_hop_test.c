/* A request that crosses from one worker to another, with each allocation on its way failing: it is
 * answered as it should be or fails once, nothing stays behind, and the next one is served. */
#include "support/hop_scene.h"
#include "support/scarce_memory.h"

#include "harness.h"
#include "support/must.h"

enum { ALLOCATIONS_MAX = 5000, PATIENCE_MS = 120 * 1000, CONNECTORS = 2 };

static const struct span answer = SPAN_INIT("fine");

struct play {
    struct hop_scene scene;
    struct hop_connector connectors[CONNECTORS]; /* in the workers 1 and 2 */
    const char *method;
    /* The request in hand; its owner allocates nothing. */
    struct tunnel_opener opener;
    struct request_head head;
    struct body body, *from;
    struct outbound *out;
    size_t done, failed, taken;
    int status;
    struct error why;
};

/* ---- the connectors' side, which does not suffer ---- */

static void reply(struct desk_request *request, char letter)
{
    scarce_memory_pause();
    if (letter == 'q')
        desk_answer(request, 200, "fine");
    scarce_memory_go_on();
}

static void open_connector(struct play *play, unsigned i)
{
    hop_connector_open(&play->connectors[i], &play->scene, i + 1);
    play->connectors[i].desk.holds = true;
    play->connectors[i].desk.act = reply;
}

/* One that did not survive comes again. */
static void mend(struct play *play)
{
    for (unsigned i = 0; i < CONNECTORS; i++) {
        if (play->connectors[i].near && play->connectors[i].far)
            continue;
        hop_connector_close(&play->connectors[i]);
        open_connector(play, i);
    }
}

/* ---- the request ---- */

static void take(void *arg)
{
    struct play *play = arg;
    struct span bytes;
    while (play->from && (bytes = channel_peek(play->from->bytes)).len > 0) {
        CHECK(play->taken + bytes.len <= answer.len);
        play->taken += bytes.len;
        channel_drop(play->from->bytes, bytes.len);
    }
}

static const struct channel_events taker = {take};

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct play *play = arg;
    play->status = head->status;
    play->from = body;
    if (!body)
        return;
    channel_set_taker(body->bytes, &taker, play);
    take(play);
}

static void on_done(void *arg)
{
    struct play *play = arg;
    take(play);
    play->done++;
}

static void on_failed(void *arg, const struct error *why)
{
    struct play *play = arg;
    play->failed++;
    play->why = *why;
}

static const struct outbound_events events = {on_inform, on_answer, on_done, on_failed};

static void prepare(struct play *play)
{
    bool posts = span_equal(span_of(play->method), SPAN("POST"));
    request_head_init(&play->head);
    must(buf_put_span(&play->head.method, span_of(play->method)) &&
         buf_put_span(&play->head.target, SPAN("/")) &&
         buf_put_span(&play->head.authority, SPAN("app.test")));
    play->head.length = play->body.length = posts ? (int64_t)answer.len : 0;
    play->head.ends_here = !posts;
    headers_init(&play->body.trailers);
    play->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    must(play->body.bytes != NULL);
    if (posts)
        must(channel_put(play->body.bytes, answer.data, answer.len) == answer.len);
    channel_end(play->body.bytes);
    play->from = NULL;
    play->done = play->failed = play->taken = 0;
    play->status = 0;
    tunnel_opener_init(&play->opener, &play->scene.workers[0].edge, &play->scene.tunnel_id);
}

static void let_go(struct play *play)
{
    outbound_close(play->out);
    play->out = NULL;
    play->from = NULL;
    hop_scene_settle(&play->scene);
    request_head_release(&play->head);
    channel_free(play->body.bytes);
}

/* Asks while allocation number `n` and perhaps some behind it fail. True: they did. */
static bool ask(struct play *play, size_t n, size_t famine)
{
    prepare(play);
    scarce_memory_begin_many(n, famine);
    play->out =
        opener_open(&play->opener.opener, &play->head, &play->body, &events, play, &play->why);
    hop_scene_settle(&play->scene);
    bool struck = scarce_memory_end();
    if (play->out && play->done + play->failed == 0)
        turned_loop_pass(&play->scene.turned, PATIENCE_MS);
    CHECK_CASE(play->done + play->failed == (play->out ? 1 : 0), "%zu: told %zu times", n,
               play->done + play->failed);
    CHECK_CASE(play->done == 0 || (play->status == 200 && play->taken == answer.len),
               "%zu: %d with %zu bytes looks whole", n, play->status, play->taken);
    CHECK_CASE(struck || play->done == 1, "%zu: without a fault: %s", n, play->why.text);
    let_go(play);
    return struck;
}

static bool run(const char *method, size_t n, size_t famine)
{
    struct play play = {.method = method};
    hop_scene_begin(&play.scene);
    for (unsigned i = 0; i < CONNECTORS; i++)
        open_connector(&play, i);
    bool struck = ask(&play, n, famine);
    mend(&play);
    CHECK(!ask(&play, SIZE_MAX, 1)); /* it is as if nothing had been */
    for (unsigned i = 0; i < CONNECTORS; i++)
        hop_connector_close(&play.connectors[i]);
    hop_scene_end(&play.scene);
    return struck;
}

static void sweep(const char *method, size_t step, size_t famine)
{
    size_t n = 0;
    while (n < ALLOCATIONS_MAX && run(method, n, famine))
        n += step;
    CHECK_CASE(n > 100 && n < ALLOCATIONS_MAX, "%zu allocations were tried", n);
}

TEST(a_crossing_request_survives_each_allocation_failing)
{
    sweep("GET", 1, 1);
    sweep("POST", 1, 1);
}

TEST(a_crossing_request_survives_famines)
{
    sweep("GET", 1, 2);
    sweep("POST", 3, 10);
}
