/* See the header. */
#include "support/fault_play.h"

#include "harness.h"
#include "support/fault_guest.h"
#include "support/pattern.h"
#include "support/scarce_memory.h"

#include <errno.h>

enum {
    BIG = 100 * 1000,
    POSTED = 20 * 1000,
    ECHOED = 10 * 1000,
    /* Turned time. The longest wait that is in order is the back-off between two tries. */
    REGISTER_MS = 200 * 1000,
    ANSWER_MS = 200 * 1000,
    STOP_MS = 60 * 1000,
    SEEDS = 40,
};

static const char rules[] = "ingress:\n"
                            "  - path: ^/hello\n    service: http://127.0.0.1:3000\n"
                            "  - path: ^/post\n    service: http://127.0.0.1:3001\n"
                            "  - path: ^/big\n    service: http://127.0.0.1:3002\n"
                            "  - path: ^/ws\n    service: http://127.0.0.1:3003\n"
                            "  - service: http://127.0.0.1:3004\n"; /* nobody is there */

static const struct fake_script scripts[] = {
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0, 0}}},
    {{{FAKE_AWAIT, SPAN_INIT(""), POSTED, 0},
      {FAKE_SEND,
       SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nposted\r\n0\r\n\r\n"),
       0, 0}}},
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"), 0, 0},
      {FAKE_STREAM, SPAN_INIT(""), BIG, 0}}},
    {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
       0, 0},
      {FAKE_ECHO, SPAN_INIT(""), 0, 0},
      {FAKE_CLOSE, SPAN_INIT(""), 0, 0}}},
};

enum { ORIGINS = ARRAY_LEN(scripts) };

/* Who asks, in each round. The last two ask the sufferer itself how it is. */
#define PUBLIC "127.0.0.1:8080", "app.example.com"
static const struct fault_request requests[] = {
    {PUBLIC, "GET", "/hello", 0, false},         {PUBLIC, "POST", "/post", POSTED, false},
    {PUBLIC, "GET", "/big", 0, false},           {PUBLIC, "GET", "/none", 0, false},
    {PUBLIC, "POST", "/post", POSTED, true},     {PUBLIC, "GET", "/big", 0, true},
    {PUBLIC, "GET", "/ws", ECHOED, false, true},
};
static const struct fault_request admin_requests[SPLIT_WORLD][2] = {
    [SPLIT_EDGE] = {{"127.0.0.1:2001", "localhost", "GET", "/ready", 0, false},
                    {"127.0.0.1:2001", "localhost", "GET", "/metrics", 0, false}},
    [SPLIT_CONNECTOR] = {{"127.0.0.1:20241", "localhost", "GET", "/ready", 0, false},
                         {"127.0.0.1:20241", "localhost", "GET", "/metrics", 0, false}},
};

enum { GUESTS = ARRAY_LEN(requests) };

struct scene {
    struct fault_play *play;
    const struct fault *fault;
    struct split_ends ends;
    struct fake_origin origins[ORIGINS];
    struct fault_guest guests[GUESTS];
    bool fault_ended;
};

/* ---- judging ---- */

#define JUDGE(claim, what)                                                                         \
    CHECK_CASE(claim, "%s (sufferer %d, allocation %zu x %zu, call %d n %zu errno %d)", what,      \
               (int)scene->fault->sufferer, scene->fault->allocation, scene->fault->famine,        \
               (int)scene->fault->sockets.call, scene->fault->sockets.n,                           \
               scene->fault->sockets.error)

static bool body_is_right(const struct fault_guest *guest)
{
    const char *path = guest->request->path;
    struct span body = buf_span(&guest->body);
    if (strcmp(path, "/hello") == 0)
        return span_equal(body, SPAN("hello"));
    if (strcmp(path, "/post") == 0)
        return span_equal(body, SPAN("posted"));
    if (strcmp(path, "/big") == 0)
        return body.len == BIG && pattern_fits(body.data, BIG, 0);
    if (strcmp(path, "/ws") == 0)
        return body.len == ECHOED && pattern_fits(body.data, ECHOED, 0);
    return body.len > 0 && strcmp(path, "/none") != 0;
}

/* True: the answer is the one that was to be expected. */
static bool judge(struct scene *scene, const struct fault_guest *guest)
{
    const char *path = guest->request->path;
    int wanted = guest->request->is_websocket ? 101 : 200;
    if (guest->status == wanted && guest->whole) {
        JUDGE(body_is_right(guest), path);
        return true;
    }
    JUDGE(guest->status == 0 || guest->status == wanted || guest->status / 100 == 5, path);
    return guest->whole && guest->status == 502 && strcmp(path, "/none") == 0;
}

/* ---- guests ---- */

static bool visit(struct scene *scene, const struct fault_request *request)
{
    struct fault_guest *guest = &scene->guests[0];
    bool over = !fault_guest_open(guest, &scene->ends, request) ||
                split_ends_until(&scene->ends, fault_guest_is_over, guest, ANSWER_MS);
    JUDGE(over, "a guest waits in vain");
    bool good = judge(scene, guest);
    fault_guest_close(guest);
    return good;
}

static void visit_in_turn(struct scene *scene)
{
    for (size_t i = 0; i < GUESTS; i++)
        scene->play->answered += visit(scene, &requests[i]) ? 1 : 0;
}

static bool all_are_over(void *arg)
{
    struct scene *scene = arg;
    bool all = true;
    for (size_t i = 0; i < GUESTS; i++)
        all &= fault_guest_is_over(&scene->guests[i]);
    return all;
}

static void visit_together(struct scene *scene)
{
    for (size_t i = 0; i < GUESTS; i++)
        (void)fault_guest_open(&scene->guests[i], &scene->ends, &requests[i]);
    JUDGE(split_ends_until(&scene->ends, all_are_over, scene, ANSWER_MS), "guests wait in vain");
    for (size_t i = 0; i < GUESTS; i++) {
        scene->play->answered += judge(scene, &scene->guests[i]) ? 1 : 0;
        fault_guest_close(&scene->guests[i]);
    }
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

static void reload(struct scene *scene)
{
    struct error err = {0};
    bool ok = split_ends_reload(&scene->ends, &err);
    JUDGE(ok || err.kind != ERROR_NONE, "a reload that failed without a word");
}

static void perform(struct scene *scene)
{
    (void)split_ends_registered(&scene->ends, REGISTER_MS);
    visit_in_turn(scene);
    for (size_t i = 0; i < scene->fault->rounds; i++) {
        reload(scene);
        visit_together(scene);
    }
    for (size_t i = 0; i < 2; i++)
        (void)visit(scene, &admin_requests[scene->fault->sufferer][i]);
    judge_posts(scene);
}

static void recover(struct scene *scene)
{
    bool back = split_ends_registered(&scene->ends, REGISTER_MS);
    JUDGE(back, "the connector does not come back");
    JUDGE(!back || visit(scene, &requests[0]), "not served after the fault");
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
    if (scene->fault->rounds > 0) {
        scene->ends.options.connections = 4;
        scene->ends.options.workers = 2;
        scene->ends.edge_options.workers = 3;
    }
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
    ends_store_open(&play->store);
}

void fault_play_close(struct fault_play *play)
{
    ends_store_close(&play->store);
}

void fault_play_sweep_memory(const struct fault_sweep *sweep)
{
    struct fault_play play;
    struct fault fault = {.sufferer = sweep->sufferer, .rounds = sweep->rounds};
    fault_play_open(&play);
    fault_play_run(&play, &fault);
    CHECK_SIZE(play.answered, GUESTS * (1 + sweep->rounds));
    size_t last = play.allocations;
    CHECK_CASE(last > sweep->from, "only %zu allocations", last);
    fault.famine = sweep->famine;
    for (size_t n = sweep->from; n < last; n += n < FAULT_EACH_MAX ? sweep->step : FAULT_SAMPLE) {
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
        CHECK_CASE(!unseen || play.answered == GUESTS, "call %d n %zu errno %d was noticed",
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
    CHECK_CASE(play.answered == GUESTS, "call %d errno %d most %zu seed %u was noticed",
               (int)plan->call, plan->error, plan->most, plan->seed);
    CHECK_CASE(plan->error == 0 || play.struck > 0, "call %d errno %d never struck",
               (int)plan->call, plan->error);
    fault_play_close(&play);
}

/* ---- what both ends go through ---- */

/* What says no more than: ask again. */
static const struct socket_plan retries[] = {
    {.call = CALL_READ, .error = EAGAIN},   {.call = CALL_WRITE, .error = EAGAIN},
    {.call = CALL_WRITE, .error = ENOBUFS}, {.call = CALL_READ, .error = EINTR},
    {.call = CALL_WRITE, .error = EINTR},
};

void fault_play_any_size(enum split_party sufferer)
{
    for (unsigned seed = 1; seed <= SEEDS; seed++)
        fault_play_lasting(sufferer, &(struct socket_plan){.seed = seed, .most = 3000});
}

void fault_play_retries_lasting(enum split_party sufferer)
{
    for (size_t i = 0; i < ARRAY_LEN(retries); i++) {
        struct socket_plan plan = retries[i];
        plan.count = 1;
        plan.every = 2;
        fault_play_lasting(sufferer, &plan);
    }
}

void fault_play_retries(enum split_party sufferer)
{
    for (size_t i = 0; i < ARRAY_LEN(retries); i++) {
        struct socket_plan plan = retries[i];
        plan.count = 3;
        fault_play_sweep_calls(sufferer, &plan, true);
    }
}

void fault_play_breaks(enum split_party sufferer)
{
    static const struct socket_plan plans[] = {
        {.call = CALL_READ, .error = ECONNRESET, .count = 1},
        {.call = CALL_READ, .error = ETIMEDOUT, .count = 1},
        {.call = CALL_WRITE, .error = EPIPE, .count = 1},
        {.call = CALL_WRITE, .error = ECONNRESET, .count = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(plans); i++)
        fault_play_sweep_calls(sufferer, &plans[i], false);
}
