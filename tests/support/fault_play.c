/* See the header. */
#include "support/fault_play.h"

#include "harness.h"
#include "support/pattern.h"
#include "support/scarce_memory.h"

enum {
    BIG = 100 * 1000,
    POSTED = 20 * 1000,
    VISITS = 4,
    /* Turned time. The longest wait that is in order is the back-off between two tries. */
    REGISTER_MS = 200 * 1000,
    ANSWER_MS = 200 * 1000,
    STOP_MS = 60 * 1000,
};

static const char rules[] = "ingress:\n"
                            "  - path: ^/hello\n    service: http://127.0.0.1:3000\n"
                            "  - path: ^/post\n    service: http://127.0.0.1:3001\n"
                            "  - path: ^/big\n    service: http://127.0.0.1:3002\n"
                            "  - service: http://127.0.0.1:3003\n"; /* nobody is there */

static const struct fake_script scripts[] = {
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0, 0}}},
    {{{FAKE_AWAIT, SPAN_INIT(""), POSTED, 0},
      {FAKE_SEND,
       SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nposted\r\n0\r\n\r\n"),
       0, 0}}},
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"), 0, 0},
      {FAKE_STREAM, SPAN_INIT(""), BIG, 0}}},
};

enum { ORIGINS = ARRAY_LEN(scripts) };

/* One request and what came of it. */
struct guest {
    struct conn *conn;
    struct buf got;
    bool ended;
    int status;       /* 0: no whole head */
    struct span body; /* what there is of it */
    bool whole;
};

struct scene {
    struct fault_play *play;
    const struct fault *fault;
    struct split_ends ends;
    struct fake_origin origins[ORIGINS];
    struct guest visit;
    bool fault_ended;
};

/* ---- a visitor ---- */

static void on_nothing(void *arg)
{
    (void)arg;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct guest *visit = arg;
    if (!buf_put(&visit->got, data, len))
        abort();
    return len;
}

static void on_end(void *arg)
{
    ((struct guest *)arg)->ended = true;
}

static void on_lost(void *arg, const struct error *why)
{
    (void)why;
    ((struct guest *)arg)->ended = true;
}

static const struct conn_events visitor_events = {on_nothing, on_bytes, on_end, on_nothing,
                                                  on_lost};

/* Reads what came so far. Bodies are sized or, from the origin that says "posted", chunked. */
static bool is_answered(void *arg)
{
    struct guest *visit = arg;
    const char *text = buf_text(&visit->got);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length: ");
    if (end && strncmp(text, "HTTP/1.1 ", 9) == 0) {
        visit->status = (int)strtol(text + 9, NULL, 10);
        visit->body = span_skip(buf_span(&visit->got), (size_t)(end + 4 - text));
        if (length && length < end)
            visit->whole = visit->body.len >= strtoul(length + 18, NULL, 10);
        else
            visit->whole = span_ends(visit->body, SPAN("0\r\n\r\n"));
    }
    return visit->whole || visit->ended;
}

/* Sends a request and waits for its end; false: nothing ever came. */
static bool ask(struct scene *scene, const char *method, const char *path, size_t posted)
{
    static unsigned char bytes[POSTED];
    struct guest *visit = &scene->visit;
    char head[256];
    *visit = (struct guest){.got = BUF_LIMIT(1024 * 1024)};
    int fd = memory_sockets_dial(&scene->ends.memory, "127.0.0.1:8080");
    if (fd == -1)
        return false;
    visit->conn = conn_new(scene->ends.loops[SPLIT_WORLD], fd, &visitor_events, visit, NULL);
    int len = snprintf(head, sizeof head,
                       "%s %s HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: %zu\r\n\r\n",
                       method, path, posted);
    pattern_fill(bytes, posted, 0);
    if (!visit->conn || !conn_put(visit->conn, head, (size_t)len) ||
        !conn_put(visit->conn, bytes, posted))
        abort();
    return split_ends_until(&scene->ends, is_answered, visit, ANSWER_MS);
}

static void leave(struct scene *scene)
{
    conn_close(scene->visit.conn);
    scene->visit.conn = NULL;
    buf_release(&scene->visit.got);
}

/* ---- judging ---- */

#define JUDGE(claim, what)                                                                         \
    CHECK_CASE(claim, "%s (sufferer %d, allocation %zu x %zu, call %d n %zu errno %d)", what,      \
               (int)scene->fault->sufferer, scene->fault->allocation, scene->fault->famine,        \
               (int)scene->fault->sockets.call, scene->fault->sockets.n,                           \
               scene->fault->sockets.error)

static bool body_is_right(const struct guest *visit, const char *path)
{
    if (strcmp(path, "/hello") == 0)
        return span_equal(visit->body, SPAN("hello"));
    if (strcmp(path, "/post") == 0)
        return span_equal(visit->body, SPAN("6\r\nposted\r\n0\r\n\r\n"));
    return visit->body.len == BIG && pattern_fits(visit->body.data, BIG, 0);
}

/* True: the answer is the one that was to be expected. */
static bool judge(struct scene *scene, const char *path)
{
    const struct guest *visit = &scene->visit;
    bool in_vain = strcmp(path, "/none") == 0;
    if (visit->status == 200 && visit->whole) {
        JUDGE(!in_vain && body_is_right(visit, path), path);
        return true;
    }
    JUDGE(visit->status == 0 || visit->status == 200 || visit->status / 100 == 5, path);
    return in_vain && visit->whole && visit->status == 502;
}

static void visit(struct scene *scene, const char *method, const char *path, size_t posted)
{
    JUDGE(ask(scene, method, path, posted), "the visitor waits in vain");
    scene->play->answered += judge(scene, path) ? 1 : 0;
    leave(scene);
}

/* The origin saw no other body than the visitor's. */
static void judge_posts(const struct scene *scene)
{
    const struct fake_origin *origin = &scene->origins[1];
    for (size_t i = 0; i < origin->request_count; i++) {
        const struct buf *body = &origin->requests[i].body;
        JUDGE(body->len <= POSTED && pattern_fits(body->data, body->len, 0), "a posted body");
    }
}

/* ---- the play ---- */

static void begin_fault(struct scene *scene)
{
    const struct fault *fault = scene->fault;
    scene->ends.sufferer = fault->sufferer;
    faulty_sockets_follow(&scene->ends.faulty[fault->sufferer], &fault->sockets);
    scarce_memory_begin_many(fault->famine > 0 ? fault->allocation : SIZE_MAX, fault->famine);
    scarce_memory_pause();
}

static bool fault_is_over(const struct scene *scene)
{
    const struct fault *fault = scene->fault;
    const struct socket_plan *plan = &fault->sockets;
    if (fault->famine > 0)
        return scarce_memory_count() >= fault->allocation + fault->famine;
    return plan->error != 0 && plan->every == 0 &&
           scene->ends.faulty[fault->sufferer].calls[plan->call] >= plan->n + plan->count;
}

static void end_fault(struct scene *scene)
{
    static const struct socket_plan none;
    struct faulty_sockets *faulty = &scene->ends.faulty[scene->fault->sufferer];
    scene->play->allocations = scarce_memory_count();
    scene->play->struck = faulty->struck;
    scene->play->calls = faulty->calls[scene->fault->sockets.call];
    scene->fault_ended = true;
    (void)scarce_memory_end();
    faulty_sockets_follow(faulty, &none);
}

static bool start(struct scene *scene)
{
    struct error err = {0};
    bool ok =
        split_ends_start_edge(&scene->ends, &err) && split_ends_start_connector(&scene->ends, &err);
    JUDGE(ok || err.kind != ERROR_NONE, "a start that failed without a word");
    return ok;
}

/* What could not be started can be started now. */
static bool start_again(struct scene *scene)
{
    struct error err = {0};
    bool ok = (scene->ends.edge || split_ends_start_edge(&scene->ends, &err)) &&
              (scene->ends.connector || split_ends_start_connector(&scene->ends, &err));
    JUDGE(ok, err.text);
    return ok;
}

static void perform(struct scene *scene)
{
    (void)split_ends_registered(&scene->ends, REGISTER_MS);
    visit(scene, "GET", "/hello", 0);
    visit(scene, "POST", "/post", POSTED);
    visit(scene, "GET", "/big", 0);
    visit(scene, "GET", "/none", 0);
    judge_posts(scene);
}

static void recover(struct scene *scene)
{
    bool back = split_ends_registered(&scene->ends, REGISTER_MS);
    JUDGE(back, "the connector does not come back");
    if (!back)
        return;
    JUDGE(ask(scene, "GET", "/hello", 0) && judge(scene, "/hello"), "not served after the fault");
    leave(scene);
}

static void stop(struct scene *scene)
{
    JUDGE(!scene->ends.connector_over, "the connector gave up");
    JUDGE(split_ends_stop_connector(&scene->ends, STOP_MS), "the connector does not stop");
    JUDGE(scene->ends.why.kind == ERROR_NONE, scene->ends.why.text);
    JUDGE(split_ends_stop_edge(&scene->ends, STOP_MS), "the edge does not stop");
}

static void open_world(struct scene *scene)
{
    char at[IP_TEXT_SIZE];
    split_ends_open(&scene->ends, &scene->play->store, rules);
    for (size_t i = 0; i < ORIGINS; i++) {
        (void)snprintf(at, sizeof at, "127.0.0.1:%zu", 3000 + i);
        fake_origin_open(&scene->origins[i], scene->ends.loops[SPLIT_WORLD], &scene->ends.memory,
                         at);
        fake_origin_follow(&scene->origins[i], &scripts[i], 1);
    }
}

static void close_world(struct scene *scene)
{
    for (size_t i = 0; i < ORIGINS; i++)
        fake_origin_close(&scene->origins[i]);
    split_ends_close(&scene->ends);
}

void fault_play_run(struct fault_play *play, const struct fault *fault)
{
    struct scene *scene = calloc(1, sizeof *scene);
    if (!scene)
        abort();
    scene->play = play;
    scene->fault = fault;
    play->answered = 0;
    open_world(scene);
    begin_fault(scene);
    bool started = start(scene);
    if (started)
        perform(scene);
    if (!started || fault_is_over(scene)) {
        end_fault(scene);
        if (start_again(scene))
            recover(scene);
    }
    if (scene->ends.connector)
        stop(scene);
    if (!scene->fault_ended)
        end_fault(scene);
    close_world(scene);
    free(scene);
}

void fault_play_open(struct fault_play *play)
{
    *play = (struct fault_play){0};
    split_store_open(&play->store);
}

void fault_play_close(struct fault_play *play)
{
    split_store_close(&play->store);
}

void fault_play_sweep_memory(enum split_party sufferer, size_t step, size_t famine)
{
    struct fault_play play;
    struct fault fault = {.sufferer = sufferer};
    fault_play_open(&play);
    fault_play_run(&play, &fault);
    CHECK_SIZE(play.answered, VISITS);
    CHECK(play.allocations > 100);
    const char *one = getenv("TEST_FAULT");
    fault.famine = famine;
    if (one) {
        fault.allocation = strtoul(one, NULL, 10);
        fault_play_run(&play, &fault);
        play.allocations = 0;
    }
    size_t last = play.allocations;
    for (size_t n = 0; n < last; n += n < FAULT_EACH_MAX ? step : FAULT_SAMPLE) {
        fault.allocation = n;
        fault_play_run(&play, &fault);
    }
    fault_play_close(&play);
}

void fault_play_sweep_calls(enum split_party sufferer, const struct socket_plan *plan, bool unseen)
{
    struct fault_play play;
    struct fault fault = {.sufferer = sufferer, .sockets = {.call = plan->call}};
    fault_play_open(&play);
    fault_play_run(&play, &fault);
    size_t last = play.calls;
    CHECK(last > 0);
    fault.sockets = *plan;
    for (size_t n = 0; n < last; n++) {
        fault.sockets.n = n;
        fault_play_run(&play, &fault);
        CHECK_CASE(!unseen || play.answered == VISITS, "call %d n %zu errno %d was noticed",
                   (int)plan->call, n, plan->error);
    }
    fault_play_close(&play);
}

void fault_play_lasting(enum split_party sufferer, const struct socket_plan *plan)
{
    struct fault_play play;
    const struct fault fault = {.sufferer = sufferer, .sockets = *plan};
    fault_play_open(&play);
    fault_play_run(&play, &fault);
    CHECK_CASE(play.answered == VISITS, "call %d errno %d most %zu seed %u was noticed",
               (int)plan->call, plan->error, plan->most, plan->seed);
    CHECK_CASE(plan->error == 0 || play.struck > 0, "call %d errno %d never struck",
               (int)plan->call, plan->error);
    fault_play_close(&play);
}
