/* See the header. */
#include "support/client_scene.h"

#include <stdlib.h>

static struct outbound *open_over_client(struct opener *opener, const struct request_head *head,
                                         struct body *body, const struct outbound_events *events,
                                         void *arg, struct error *err)
{
    struct client_scene *scene = (struct client_scene *)(void *)opener; /* the first member */
    return h1_client_send(scene->client, head, body, events, arg, err);
}

static const struct opener_ops over_client = {open_over_client};

static void begin(struct client_scene *scene, int (*open)(struct raw_peer *peer))
{
    *scene = (struct client_scene){.opener = {&over_client}, .budget = {.limit = 1024 * 1024}};
    turned_loop_init(&scene->turned);
    scene->conn = conn_new(scene->turned.loop, open(&scene->peer), NULL, NULL, NULL);
    if (!scene->conn)
        abort();
    scene->client = h1_client_new(scene->conn, &scene->budget, NULL);
    if (!scene->client)
        abort();
}

void client_scene_begin(struct client_scene *scene)
{
    begin(scene, raw_peer_open);
}

void client_scene_begin_tcp(struct client_scene *scene)
{
    begin(scene, raw_peer_open_tcp);
}

void client_scene_close(struct client_scene *scene)
{
    h1_client_close(scene->client);
    scene->client = NULL;
}

void client_scene_end(struct client_scene *scene)
{
    client_scene_close(scene);
    raw_peer_close(&scene->peer);
    turned_loop_settle(&scene->turned);
    if (scene->budget.used != 0)
        abort();
    turned_loop_release(&scene->turned);
}

void client_scene_say(struct client_scene *scene, const char *text)
{
    raw_peer_say(&scene->peer, &scene->turned, text);
}

struct span client_scene_hear(struct client_scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->turned);
}

static void gone(void *arg)
{
    struct client_scene *scene = arg;
    scene->gone++;
    if (scene->closes_when_gone)
        client_scene_close(scene);
}

void client_scene_idle(struct client_scene *scene)
{
    h1_client_set_idle(scene->client, gone, scene);
}
