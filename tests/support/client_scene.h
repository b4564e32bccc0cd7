/* A client on a connection whose far end is played by hand. */
#ifndef CULVERT_TESTS_SUPPORT_CLIENT_SCENE_H
#define CULVERT_TESTS_SUPPORT_CLIENT_SCENE_H

#include "culvert/http/h1_client.h"
#include "support/ask.h"
#include "support/turned_loop.h"

struct client_scene {
    struct opener opener; /* sends over the client */
    struct turned_loop turned;
    struct raw_peer peer;
    struct conn *conn;
    struct h1_client *client; /* NULL: closed */
    struct budget budget;
    size_t gone;
    bool closes_when_gone;
};

void client_scene_begin(struct client_scene *scene);
/* The same over the kernel's TCP. */
void client_scene_begin_tcp(struct client_scene *scene);
void client_scene_end(struct client_scene *scene);
void client_scene_close(struct client_scene *scene);

/* The far end says something, and the loop settles. */
void client_scene_say(struct client_scene *scene, const char *text);
/* What the far end heard so far, borrowed. */
struct span client_scene_hear(struct client_scene *scene);
/* The client is told to watch its connection; `gone` counts. */
void client_scene_idle(struct client_scene *scene);

#endif
