/* A visitor played by hand, a server on its connection, and a desk that takes the requests. */
#ifndef CULVERT_TESTS_SUPPORT_H1_SCENE_H
#define CULVERT_TESTS_SUPPORT_H1_SCENE_H

#include "culvert/http/h1_server.h"
#include "support/desk.h"
#include "support/turned_loop.h"

struct h1_scene {
    struct turned_loop turned;
    struct raw_peer peer;
    struct conn *conn;
    struct h1_server *server; /* NULL: closed */
    struct desk desk;
    struct budget budget;
    size_t refused, closed;
    int refused_status;
    enum abuse abuse;      /* of the last refusal */
    bool closed_too_early; /* on_closed came while a request was open */
    bool closes_on_refusal;
    char letter; /* for a test's own use */
};

void h1_scene_begin(struct h1_scene *scene);
/* Over the kernel's TCP. */
void h1_scene_begin_tcp(struct h1_scene *scene);
void h1_scene_begin_with(struct h1_scene *scene, const struct h1_patience *patience);
void h1_scene_end(struct h1_scene *scene);

/* The visitor says something, and the loop settles. */
void h1_scene_say(struct h1_scene *scene, const char *text);
/* What the visitor heard so far, borrowed. */
struct span h1_scene_hear(struct h1_scene *scene);
void h1_scene_close_server(struct h1_scene *scene);

/* A desk's act: answers "<method> <target>" as soon as the request is whole, then its body. */
void h1_scene_echo(struct desk_request *request, char letter);
/* A desk's act: answers 403 at once. */
void h1_scene_refuse(struct desk_request *request, char letter);

/* Checks what came since the last time, and forgets it. */
#define CHECK_HEARD(scene, text)                                                                   \
    do {                                                                                           \
        CHECK_SPAN(h1_scene_hear(scene), SPAN(text));                                              \
        buf_clear(&(scene)->peer.got);                                                             \
    } while (0)

#define GET(target)      "GET " target " HTTP/1.1\r\nHost: a.example\r\n\r\n"
#define OK(length, text) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\nX-Desk: 1\r\n\r\n" text

#endif
