/* A dial on a turned clock over sockets in memory, and what came of it. */
#ifndef CULVERT_TESTS_SUPPORT_DIAL_SCENE_H
#define CULVERT_TESTS_SUPPORT_DIAL_SCENE_H

#include "culvert/net/dial.h"
#include "support/conn_ear.h"
#include "support/turned_loop.h"

struct dial_scene {
    struct turned_loop turned;
    struct resolver *resolver;
    struct dial *dial;
    size_t connected, failed;
    struct conn_ear ear;
    struct error why;
    int served[16]; /* far ends */
    size_t served_count;
};

/* one.example is 192.0.2.1; many.example 2001:db8::1, 192.0.2.1 and 192.0.2.2. */
void dial_scene_begin(struct dial_scene *scene);
void dial_scene_end(struct dial_scene *scene);

/* Begins a dial, which must say nothing within the call. */
void dial_scene_start(struct dial_scene *scene, const struct dial_target *target);

/* What tells the scene of a dial. */
extern const struct dial_events dial_scene_events;

/* For memory_sockets_serve, with the scene: keeps the far ends. */
void dial_scene_serve(void *arg, int fd);

#endif
