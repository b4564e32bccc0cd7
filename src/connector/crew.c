/* The calls between the head and its workers.
 *
 *   set_up  head -> worker -> head     of a thread; the first worker is set up at once
 *   change  head -> worker -> head     a blueprint; a newer one waits until this one is back
 *   cut     head -> worker -> head     once
 *   end     head -> worker, which lets its loop turn between the steps -> head          */
#include "culvert/connector/crew.h"

#include "culvert/origin/health_checks.h"

#include "crew_member.h"

/* Turns until cut requests have ended, and until what was closed with the handler is freed. */
enum { CUT_TURNS = 2, CLOSE_TURNS = 3 };

struct crew {
    struct crew_options options;
    struct health_checks *checks; /* of the version that new requests use */
    size_t alive;                 /* members whose end has not come back */
    bool was_cut, ending;
    size_t count;
    struct crew_member members[];
};

/* A call has one place of its own at each end, so that no number of them can fill a mailbox. */
static void post(struct worker *to, struct member_call *call, void (*run)(struct worker_call *call))
{
    call->call.run = run;
    bool posted = worker_post(to, &call->call);
    assert(posted);
    (void)posted;
}

static void order(struct member_call *call, void (*run)(struct worker_call *call))
{
    assert(!call->is_out);
    call->is_out = true;
    post(call->member->worker, call, run);
}

static struct member_call *come_back(struct worker_call *call)
{
    struct member_call *back = CONTAINER_OF(call, struct member_call, call);
    back->is_out = false;
    return back;
}

struct crew_member *crew_member_for(struct crew *crew, size_t index)
{
    return &crew->members[index % crew->count];
}

/* ---- a new version ---- */

static void change_is_done(struct worker_call *call);

static void change(struct worker_call *call)
{
    struct member_call *self = CONTAINER_OF(call, struct member_call, call);
    struct crew_member *member = self->member;
    self->failed = member->is_ready && !crew_member_change(member, member->changing, &self->why);
    post(member->home, self, change_is_done);
}

static void send_change(struct crew_member *member, struct blueprint *blueprint)
{
    member->changing = blueprint;
    order(&member->change, change);
}

/* The blueprint that went out is home; a newer one follows it. */
static void take_back(struct crew_member *member)
{
    struct blueprint *next = member->next;
    blueprint_unref(member->changing);
    member->changing = NULL;
    member->next = NULL;
    if (next && !member->crew->ending)
        send_change(member, next);
    else
        blueprint_unref(next);
}

static void change_is_done(struct worker_call *call)
{
    struct member_call *self = come_back(call);
    struct crew_member *member = self->member;
    if (self->failed)
        log_error(loop_log(worker_loop(member->home)),
                  "A worker goes on with the old configuration", LOG_ERROR(&self->why),
                  LOG_INT("worker", member->number));
    take_back(member);
}

/* The checks of a version, which know what those of the last one found. */
static struct health_checks *new_checks(const struct crew *crew, struct blueprint *blueprint,
                                        struct error *err)
{
    const struct health_checks_options options = {
        .loop = worker_loop(crew->options.home),
        .resolver = crew->options.resolver,
        .connector_id = crew->options.openers->connector_id,
        .proxies = crew->options.openers->proxies,
    };
    return health_checks_new(&options, blueprint, crew->checks, err);
}

static bool change_first(struct crew *crew, struct blueprint *blueprint, struct error *err)
{
    struct health_checks *checks = new_checks(crew, blueprint, err);
    if (!checks || !crew_member_change(&crew->members[0], blueprint, err)) {
        health_checks_free(checks);
        return false;
    }
    health_checks_free(crew->checks);
    crew->checks = checks;
    return true;
}

bool crew_reload(struct crew *crew, struct blueprint *blueprint, struct error *err)
{
    if (crew->ending)
        return error_set(err, ERROR_SYSTEM, 0, "the connector stops");
    if (!change_first(crew, blueprint, err))
        return false;
    for (size_t i = 1; i < crew->count; i++) {
        struct crew_member *member = &crew->members[i];
        if (member->changing) {
            blueprint_unref(member->next);
            member->next = blueprint_ref(blueprint);
        } else {
            send_change(member, blueprint_ref(blueprint));
        }
    }
    return true;
}

/* ---- the end of the grace ---- */

static void cut_is_done(struct worker_call *call)
{
    (void)come_back(call);
}

static void cut(struct worker_call *call)
{
    struct member_call *self = CONTAINER_OF(call, struct member_call, call);
    struct error why;
    (void)error_set(&why, ERROR_TIMEOUT, 0, "the grace period is over");
    crew_member_cut(self->member, &why);
    post(self->member->home, self, cut_is_done);
}

void crew_cut(struct crew *crew)
{
    if (crew->was_cut)
        return;
    crew->was_cut = true;
    for (size_t i = 0; i < crew->count; i++)
        order(&crew->members[i].cut, cut);
}

/* ---- the end ---- */

static void end_is_done(struct worker_call *call)
{
    struct member_call *self = come_back(call);
    self->member->crew->alive--;
}

/* Each step of it in a turn of its own: a call to itself is run in a later one. */
static void end(struct worker_call *call)
{
    struct member_call *self = CONTAINER_OF(call, struct member_call, call);
    struct crew_member *member = self->member;
    struct error why;
    size_t turn = member->end_turns++;
    if (turn == 0) {
        (void)error_set(&why, ERROR_NETWORK, 0, "the connector stops");
        crew_member_cut(member, &why);
    } else if (turn == CUT_TURNS) {
        crew_member_release_requests(member);
    } else if (turn >= CUT_TURNS + CLOSE_TURNS && crew_member_is_idle(member)) {
        crew_member_release(member);
        post(member->home, self, end_is_done);
        return;
    }
    post(member->worker, self, end);
}

static void release(struct crew *crew)
{
    for (size_t i = 0; i < crew->count; i++) {
        const struct crew_member *member = &crew->members[i];
        if (member->worker != member->home)
            worker_free(member->worker);
    }
    free(crew);
}

void crew_free(struct crew *crew, uint64_t linger_ms)
{
    enum { WAIT_MS = 1000 };
    if (!crew)
        return;
    struct loop *loop = worker_loop(crew->options.home);
    crew->ending = true;
    health_checks_free(crew->checks);
    crew->checks = NULL;
    crew->alive = crew->count;
    for (size_t i = 0; i < crew->count; i++)
        order(&crew->members[i].end, end);
    while (crew->alive > 0)
        (void)loop_turn(loop, WAIT_MS);
    for (size_t i = 0; i < crew->count; i++)
        if (crew->members[i].has_thread)
            worker_end(crew->members[i].worker, linger_ms);
    loop_linger(loop, linger_ms);
    release(crew);
}

/* ---- putting together ---- */

static void set_up_is_done(struct worker_call *call)
{
    struct member_call *self = come_back(call);
    struct crew_member *member = self->member;
    const struct crew *crew = member->crew;
    take_back(member);
    if (self->failed && !crew->ending)
        crew->options.on_failed(crew->options.arg, &self->why);
}

static void set_up(struct worker_call *call)
{
    struct member_call *self = CONTAINER_OF(call, struct member_call, call);
    struct crew_member *member = self->member;
    self->failed = !crew_member_set_up(member, member->changing, &self->why);
    post(member->home, self, set_up_is_done);
}

static bool enlist(struct crew *crew, struct error *err)
{
    struct crew_member *member = &crew->members[crew->count];
    const struct crew_options *options = &crew->options;
    struct loop *loop = worker_loop(options->home);
    const struct loop_options own = {.log = loop_log(loop)};
    *member = (struct crew_member){
        .crew = crew, .options = options, .number = crew->count, .home = options->home};
    member->set_up.member = member->cut.member = member;
    member->change.member = member->end.member = member;
    member->has_thread = crew->count > 0 && !options->one_thread;
    if (crew->count == 0)
        member->worker = options->home;
    else
        member->worker = member->has_thread ? worker_new(&own, err) : worker_here(loop, err);
    if (!member->worker)
        return false;
    crew->count++;
    if (!member->has_thread)
        return crew_member_set_up(member, options->blueprint, err);
    member->changing = blueprint_ref(options->blueprint);
    order(&member->set_up, set_up);
    return true;
}

struct crew *crew_new(const struct crew_options *options, struct error *err)
{
    struct crew *crew = calloc(1, sizeof *crew + options->workers * sizeof crew->members[0]);
    if (!crew) {
        (void)error_memory(err);
        return NULL;
    }
    crew->options = *options;
    while (crew->count < options->workers) {
        if (enlist(crew, err))
            continue;
        crew_free(crew, 0);
        return NULL;
    }
    crew->checks = new_checks(crew, options->blueprint, err);
    if (!crew->checks) {
        crew_free(crew, 0);
        return NULL;
    }
    return crew;
}

size_t crew_sources(struct crew *crew, struct scrape_source *sources)
{
    for (size_t i = 0; i < crew->count; i++)
        sources[i] =
            (struct scrape_source){crew->members[i].worker, crew_member_figures, &crew->members[i]};
    return crew->count;
}
