/* See the header. */
#include "support/dial_scene.h"

#include "support/must.h"

#include <unistd.h>

static const struct resolver_entry names[] = {
    {"one.example", "192.0.2.1"},
    {"many.example", "2001:db8::1"},
    {"many.example", "192.0.2.1"},
    {"many.example", "192.0.2.2"},
};

static void on_connected(void *arg, struct conn *conn)
{
    struct dial_scene *scene = arg;
    scene->connected++;
    scene->dial = NULL;
    conn_ear_init(&scene->ear, conn);
    conn_set_events(conn, &conn_ear_events, &scene->ear);
}

static void on_failed(void *arg, const struct error *why)
{
    struct dial_scene *scene = arg;
    scene->failed++;
    scene->dial = NULL;
    scene->why = *why;
}

const struct dial_events dial_scene_events = {on_connected, on_failed};

void dial_scene_serve(void *arg, int fd)
{
    struct dial_scene *scene = arg;
    must(scene->served_count < ARRAY_LEN(scene->served));
    scene->served[scene->served_count++] = fd;
}

void dial_scene_begin(struct dial_scene *scene)
{
    *scene = (struct dial_scene){0};
    turned_loop_init(&scene->turned);
    scene->resolver = resolver_new_table(scene->turned.loop, names, ARRAY_LEN(names));
    must(scene->resolver != NULL);
}

void dial_scene_end(struct dial_scene *scene)
{
    dial_cancel(scene->dial);
    if (scene->connected > 0)
        conn_ear_release(&scene->ear);
    for (size_t i = 0; i < scene->served_count; i++)
        (void)close(scene->served[i]);
    turned_loop_settle(&scene->turned);
    resolver_free(scene->resolver);
    turned_loop_release(&scene->turned);
}

void dial_scene_start(struct dial_scene *scene, const struct dial_target *target)
{
    struct error err;
    scene->dial =
        dial_start(scene->turned.loop, scene->resolver, target, &dial_scene_events, scene, &err);
    must(scene->dial != NULL);
    must(scene->connected + scene->failed == 0);
}
