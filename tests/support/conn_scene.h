/* A loop, a peer played by hand, and a connection whose consumer listens. */
#ifndef CULVERT_TESTS_SUPPORT_CONN_SCENE_H
#define CULVERT_TESTS_SUPPORT_CONN_SCENE_H

#include "support/conn_ear.h"
#include "support/turned_loop.h"

struct conn_scene {
    struct turned_loop turned;
    struct raw_peer peer;
    struct conn_ear ear;
};

void conn_scene_begin(struct conn_scene *scene);
void conn_scene_end(struct conn_scene *scene);

/* The peer says something. */
void conn_scene_say(struct conn_scene *scene, const char *text);
/* What the peer has heard so far; borrowed. */
struct span conn_scene_hear(struct conn_scene *scene);
/* Until nothing moves. */
void conn_scene_rest(struct conn_scene *scene);
/* `len` zeros are put into the connection. False: it took them no more. */
bool conn_scene_put(struct conn_scene *scene, size_t len);

#endif
