/* See the header. */
#include "support/conn_scene.h"

void conn_scene_begin(struct conn_scene *scene)
{
    turned_loop_init(&scene->turned);
    conn_ear_open(&scene->ear, scene->turned.loop, raw_peer_open(&scene->peer));
}

void conn_scene_end(struct conn_scene *scene)
{
    conn_ear_release(&scene->ear);
    raw_peer_close(&scene->peer);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
}

void conn_scene_say(struct conn_scene *scene, const char *text)
{
    raw_peer_say(&scene->peer, &scene->turned, text);
}

struct span conn_scene_hear(struct conn_scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->turned);
}

void conn_scene_rest(struct conn_scene *scene)
{
    turned_loop_settle(&scene->turned);
}

bool conn_scene_put(struct conn_scene *scene, size_t len)
{
    static const char bytes[64 * 1024];
    while (len > 0) {
        size_t n = len < sizeof bytes ? len : sizeof bytes;
        if (!conn_put(scene->ear.conn, bytes, n))
            return false;
        len -= n;
    }
    return true;
}
