/* A client session against a server session over a pair in memory; a desk is behind the server. */
#ifndef CULVERT_TESTS_SUPPORT_H2_SCENE_H
#define CULVERT_TESTS_SUPPORT_H2_SCENE_H

#include "culvert/http/h2_session.h"
#include "support/ask.h"
#include "support/desk.h"
#include "support/turned_loop.h"

/* One end, and what its session told. */
struct h2_end {
    struct h2_options options;
    struct h2_session *session; /* NULL: closed */
    struct conn *conn;
    struct budget budget;
    size_t goaways, idles, closed, alive, abuses;
    enum abuse abuse; /* the last one */
    uint32_t goaway_code;
    struct error why;
    bool told_too_early; /* on_closed came before a stream was told */
    bool keeps;          /* does not close the session by itself in on_closed */
    struct h2_scene *scene;
    void (*act)(struct h2_end *end, char letter); /* g goaway, i idle, c closed, p alive */
};

struct h2_scene {
    struct opener opener; /* over the client */
    struct turned_loop turned;
    struct h2_end client, server;
    struct desk desk;
    struct ask *asks; /* of the test, for the check in on_closed; may be NULL */
    size_t ask_count;
    char letter; /* for a test's own use */
};

/* Both sessions, settled. Change the ends' options between prepare and open. */
void h2_scene_prepare(struct h2_scene *scene);
void h2_scene_open(struct h2_scene *scene);
void h2_scene_begin(struct h2_scene *scene); /* both */
void h2_scene_end(struct h2_scene *scene);

/* A session of the end's options on `fd`. */
void h2_end_open(struct h2_end *end, struct turned_loop *turned, int fd);
void h2_end_close(struct h2_end *end);

#endif
