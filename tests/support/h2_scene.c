/* See the header. */
#include "support/h2_scene.h"

#include <stdlib.h>

static struct outbound *open_over_client(struct opener *opener, const struct request_head *head,
                                         struct body *body, const struct outbound_events *events,
                                         void *arg, struct error *err)
{
    struct h2_scene *scene = CONTAINER_OF(opener, struct h2_scene, opener);
    return h2_session_open(scene->client.session, head, body, events, arg, err);
}

static const struct opener_ops over_client = {open_over_client};

static void act(struct h2_end *end, char letter)
{
    if (end->act)
        end->act(end, letter);
}

static void on_request(void *arg, struct inbound *in)
{
    struct h2_end *end = arg;
    desk_take(&end->scene->desk, in);
}

static void on_goaway(void *arg, uint32_t code)
{
    struct h2_end *end = arg;
    end->goaways++;
    end->goaway_code = code;
    act(end, 'g');
}

static void on_idle(void *arg)
{
    struct h2_end *end = arg;
    end->idles++;
    act(end, 'i');
}

/* Was every stream of this end told its last event? */
static bool all_told(const struct h2_end *end)
{
    const struct h2_scene *scene = end->scene;
    if (end->options.is_server) {
        for (size_t i = 0; i < scene->desk.count; i++) {
            const struct desk_request *request = &scene->desk.requests[i];
            if (!request->over && request->answered + request->aborted == 0)
                return false;
        }
        return true;
    }
    for (size_t i = 0; i < scene->ask_count; i++)
        if (scene->asks[i].out && scene->asks[i].ends == 0)
            return false;
    return true;
}

static void on_closed(void *arg, const struct error *why)
{
    struct h2_end *end = arg;
    end->closed++;
    end->why = *why;
    end->told_too_early |= !all_told(end);
    act(end, 'c');
    if (!end->keeps)
        h2_end_close(end);
}

static void on_abuse(void *arg, enum abuse abuse)
{
    struct h2_end *end = arg;
    end->abuses++;
    end->abuse = abuse;
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed,
                                                        on_abuse};

void h2_end_open(struct h2_end *end, struct turned_loop *turned, int fd)
{
    end->conn = conn_new(turned->loop, fd, NULL, NULL, NULL);
    if (!end->conn)
        abort();
    end->session = h2_session_new(end->conn, &end->options, &session_events, end, NULL);
    if (!end->session)
        abort();
}

void h2_end_close(struct h2_end *end)
{
    h2_session_close(end->session);
    end->session = NULL;
}

void h2_scene_prepare(struct h2_scene *scene)
{
    *scene = (struct h2_scene){.opener = {&over_client}};
    turned_loop_init(&scene->turned);
    desk_init(&scene->desk);
    scene->desk.arg = scene;
    struct h2_end *ends[] = {&scene->client, &scene->server};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        ends[i]->scene = scene;
        ends[i]->budget.limit = 64 * 1024 * 1024;
        ends[i]->options = (struct h2_options){.is_server = i == 1,
                                               .streams_max = 100,
                                               .head_max = 64 * 1024,
                                               .budget = &ends[i]->budget};
    }
}

void h2_scene_open(struct h2_scene *scene)
{
    int ends[2];
    memory_pair(ends);
    h2_end_open(&scene->client, &scene->turned, ends[0]);
    h2_end_open(&scene->server, &scene->turned, ends[1]);
    turned_loop_settle(&scene->turned);
}

void h2_scene_begin(struct h2_scene *scene)
{
    h2_scene_prepare(scene);
    h2_scene_open(scene);
}

void h2_scene_end(struct h2_scene *scene)
{
    h2_end_close(&scene->client);
    h2_end_close(&scene->server);
    turned_loop_pass(&scene->turned, 5 * 1000);
    desk_release(&scene->desk);
    turned_loop_settle(&scene->turned);
    if (scene->client.budget.used != 0 || scene->server.budget.used != 0 ||
        scene->client.told_too_early || scene->server.told_too_early)
        abort();
    turned_loop_release(&scene->turned);
}
