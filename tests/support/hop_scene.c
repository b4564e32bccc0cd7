/* See the header. */
#include "support/hop_scene.h"

#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/user_headers.h"
#include "support/must.h"
#include "support/scarce_memory.h"

static const struct metric_desc sessions_desc = {
    .name = "sessions", .help = "open hops", .kind = METRIC_GAUGE, .labels = {"worker"}};
static const struct metric_desc streams_desc = {
    .name = "streams", .help = "requests", .kind = METRIC_COUNTER, .labels = {"worker"}};

/* ---- workers ---- */

/* All workers hear how many connections of the tunnel this one has. */
static void announce(struct hop_worker *at, size_t connections)
{
    struct hop_scene *scene = at->scene;
    for (size_t i = 0; i < HOP_WORKERS; i++)
        must(presence_set(scene->workers[i].edge.presence, &scene->tunnel_id, at->edge.number,
                          connections));
}

void hop_scene_believe(struct hop_scene *scene, size_t worker)
{
    announce(&scene->workers[worker], 1);
}

static void on_own(void *arg, struct inbound *in, const struct visitor *visitor)
{
    struct hop_worker *self = arg;
    self->own_visitor = *visitor;
    desk_take(&self->own, in);
}

static struct metric *series(struct hop_scene *scene, const struct metric_desc *desc, size_t index)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", index);
    struct span label = span_of(text);
    return metric_with(metrics_family(scene->metrics, desc), &label);
}

static void worker_begin(struct hop_worker *self, struct hop_scene *scene, size_t index)
{
    self->scene = scene;
    self->edge = (struct edge_worker){.team = &scene->team,
                                      .number = index,
                                      .loop = scene->turned.loop,
                                      .budget = {.limit = 64 * 1024 * 1024},
                                      .registry = registry_new(),
                                      .presence = presence_new(HOP_WORKERS)};
    self->sessions = series(scene, &sessions_desc, index);
    self->streams = series(scene, &streams_desc, index);
    desk_init(&self->own);
    const struct hops_options options = {.worker = &self->edge,
                                         .on_own = index == 0 ? on_own : NULL,
                                         .arg = self,
                                         .sessions = self->sessions,
                                         .streams = self->streams};
    self->edge.hops = hops_new(&options);
    scene->team.workers[index] = worker_here(scene->turned.loop, NULL);
    scene->team.members[index] = &self->edge;
    must(self->edge.registry && self->edge.presence && self->edge.hops &&
         scene->team.workers[index]);
}

void hop_scene_begin(struct hop_scene *scene)
{
    *scene = (struct hop_scene){.tunnel_id = uuid_make()};
    turned_loop_init(&scene->turned);
    scene->metrics = metrics_new();
    must(scene->metrics != NULL);
    scene->team.count = HOP_WORKERS;
    for (size_t i = 0; i < HOP_WORKERS; i++)
        worker_begin(&scene->workers[i], scene, i);
}

void hop_scene_settle(struct hop_scene *scene)
{
    turned_loop_settle(&scene->turned);
}

void hop_scene_end(struct hop_scene *scene)
{
    for (size_t i = 0; i < HOP_WORKERS; i++) {
        desk_release(&scene->workers[i].own);
        hops_close(scene->workers[i].edge.hops);
    }
    hop_scene_settle(scene);
    for (size_t i = 0; i < HOP_WORKERS; i++) {
        struct edge_worker *edge = &scene->workers[i].edge;
        must(edge->budget.used == 0 && hops_serving(edge->hops) == 0);
        must(metric_value(scene->workers[i].sessions) == 0);
        worker_free(scene->team.workers[i]);
        hops_free(edge->hops);
        presence_free(edge->presence);
        registry_free(edge->registry);
    }
    metrics_free(scene->metrics);
    turned_loop_release(&scene->turned);
}

void hop_scene_break(struct hop_scene *scene)
{
    must(shutdown(scene->turned.memory.last_pair[0], SHUT_RDWR) == 0);
    hop_scene_settle(scene);
}

/* ---- connectors ---- */

static void near_gone(struct hop_connector *connector)
{
    if (!connector->near)
        return;
    registry_remove(connector->at->edge.registry, &connector->entry);
    announce(connector->at, registry_count(connector->at->edge.registry));
    h2_session_close(connector->near);
    connector->near = NULL;
}

static void far_gone(struct hop_connector *connector)
{
    h2_session_close(connector->far);
    connector->far = NULL;
}

static void near_closed(void *arg, const struct error *why)
{
    (void)why;
    near_gone(arg);
}

static void far_closed(void *arg, const struct error *why)
{
    (void)why;
    far_gone(arg);
}

static void far_request(void *arg, struct inbound *in)
{
    struct hop_connector *connector = arg;
    scarce_memory_pause();
    desk_take(&connector->desk, in);
    scarce_memory_go_on();
}

static void near_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static const struct h2_session_events near_events = {near_request, on_goaway, on_idle, near_closed};
static const struct h2_session_events far_events = {far_request, on_goaway, on_idle, far_closed};

static struct h2_session *speak(struct hop_connector *connector, int fd, bool is_server)
{
    const struct h2_options options = {.is_server = is_server,
                                       .streams_max = 1000,
                                       .head_max = HOP_HEAD_MAX,
                                       .budget = is_server ? NULL : &connector->at->edge.budget};
    struct conn *conn = conn_new(connector->at->scene->turned.loop, fd, NULL, NULL, NULL);
    must(conn != NULL);
    struct h2_session *session =
        h2_session_new(conn, &options, is_server ? &far_events : &near_events, connector, NULL);
    must(session != NULL);
    return session;
}

void hop_connector_open(struct hop_connector *connector, struct hop_scene *scene, size_t index)
{
    /* x: y */
    static const struct header fields[] = {
        {SPAN_INIT(RESPONSE_META_FIELD), SPAN_INIT("{\"src\":\"origin\"}")},
        {SPAN_INIT(USER_HEADERS_FIELD), SPAN_INIT("eA:eQ")},
        {SPAN_INIT("culvert-hop-failed"), SPAN_INIT("6 0 what a connector may try")},
        {SPAN_INIT(""), SPAN_INIT("")},
    };
    int ends[2];
    *connector = (struct hop_connector){.at = &scene->workers[index]};
    memory_pair(ends);
    desk_init(&connector->desk);
    connector->desk.fields = fields;
    connector->near = speak(connector, ends[0], false);
    connector->far = speak(connector, ends[1], true);
    connector->entry.tunnel_id = scene->tunnel_id;
    connector->entry.connection_id = uuid_make();
    connector->entry.session = connector->near;
    must(registry_add(connector->at->edge.registry, &connector->entry, NULL));
    announce(connector->at, registry_count(connector->at->edge.registry));
    hop_scene_settle(scene);
}

void hop_connector_die(struct hop_connector *connector)
{
    far_gone(connector);
    hop_scene_settle(connector->at->scene);
}

void hop_connector_close(struct hop_connector *connector)
{
    desk_release(&connector->desk);
    far_gone(connector);
    near_gone(connector);
    hop_scene_settle(connector->at->scene);
}

struct desk_request *hop_connector_last(struct hop_connector *connector)
{
    size_t count = connector->desk.count;
    return count > 0 ? &connector->desk.requests[count - 1] : NULL;
}

/* ---- requests ---- */

void hop_ask_init(struct hop_ask *ask, const char *method)
{
    ask_init(&ask->ask, method, "/");
}

bool hop_ask_send(struct hop_ask *ask, struct hop_scene *scene, size_t index)
{
    tunnel_opener_init(&ask->opener, &scene->workers[index].edge, &scene->tunnel_id);
    bool ok = ask_send(&ask->ask, &ask->opener.opener);
    hop_scene_settle(scene);
    return ok;
}
