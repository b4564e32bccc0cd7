/* See the header. */
#include "support/h1_scene.h"

#include <stdlib.h>

static void on_request(void *arg, struct inbound *in)
{
    struct h1_scene *scene = arg;
    desk_take(&scene->desk, in);
}

void h1_scene_close_server(struct h1_scene *scene)
{
    h1_server_close(scene->server);
    scene->server = NULL;
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    struct h1_scene *scene = arg;
    scene->refused++;
    scene->refused_status = status;
    scene->abuse = abuse;
    if (!why || !*why)
        abort();
    if (scene->closes_on_refusal)
        h1_scene_close_server(scene);
}

static void on_closed(void *arg)
{
    struct h1_scene *scene = arg;
    scene->closed++;
    for (size_t i = 0; i < scene->desk.count; i++)
        scene->closed_too_early |= !scene->desk.requests[i].over;
    h1_scene_close_server(scene);
}

static const struct h1_server_events server_events = {on_request, on_refused, on_closed};

static void begin(struct h1_scene *scene, const struct h1_patience *patience,
                  int (*open)(struct raw_peer *peer))
{
    struct error err;
    *scene = (struct h1_scene){.budget = {.limit = 1024 * 1024}};
    turned_loop_init(&scene->turned);
    desk_init(&scene->desk);
    scene->desk.arg = scene;
    scene->conn = conn_new(scene->turned.loop, open(&scene->peer), NULL, NULL, &err);
    const struct h1_server_options options = {
        .scheme = "http", .budget = &scene->budget, .patience = *patience};
    scene->server = h1_server_new(scene->conn, &options, &server_events, scene, &err);
    if (!scene->server)
        abort();
}

void h1_scene_begin(struct h1_scene *scene)
{
    begin(scene, &(struct h1_patience){0}, raw_peer_open);
}

void h1_scene_begin_tcp(struct h1_scene *scene)
{
    begin(scene, &(struct h1_patience){0}, raw_peer_open_tcp);
}

void h1_scene_begin_with(struct h1_scene *scene, const struct h1_patience *patience)
{
    begin(scene, patience, raw_peer_open);
}

void h1_scene_end(struct h1_scene *scene)
{
    h1_scene_close_server(scene);
    desk_release(&scene->desk);
    raw_peer_close(&scene->peer);
    turned_loop_pass(&scene->turned, 5 * 1000);
    if (scene->budget.used != 0 || scene->closed_too_early)
        abort();
    turned_loop_release(&scene->turned);
}

void h1_scene_say(struct h1_scene *scene, const char *text)
{
    raw_peer_say(&scene->peer, &scene->turned, text);
}

struct span h1_scene_hear(struct h1_scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->turned);
}

void h1_scene_echo(struct desk_request *request, char letter)
{
    struct buf text = BUF_LIMIT(1024 * 1024);
    if ((letter != 'q' && letter != 'f') || !request->body_ended || request->answer.bytes)
        return;
    if (!buf_printf(&text, "%s %s", buf_text(&request->head.method),
                    buf_text(&request->head.target)))
        abort();
    if (request->body.len > 0)
        if (!buf_printf(&text, " %s", buf_text(&request->body)))
            abort();
    desk_answer(request, 200, buf_text(&text));
    buf_release(&text);
}

void h1_scene_refuse(struct desk_request *request, char letter)
{
    if (letter == 'q')
        desk_answer(request, 403, "no");
}
