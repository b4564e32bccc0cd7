/* A consumer of a connection that notes what it hears. */
#ifndef CULVERT_TESTS_SUPPORT_CONN_EAR_H
#define CULVERT_TESTS_SUPPORT_CONN_EAR_H

#include "culvert/base/buf.h"
#include "culvert/net/conn.h"

struct conn_ear {
    struct conn *conn;
    struct buf got;
    size_t take_most; /* bytes taken in one call; 0: all */
    size_t opened, calls, ended, rooms, lost;
    size_t after_close; /* callbacks that came although the test was done with the connection */
    bool done;          /* set by `act` when it closed or reset */
    struct error why;
    char diary[256]; /* a letter for each callback: o b e r l */
    /* Called last in each callback, with its letter; NULL: nothing. */
    void (*act)(struct conn_ear *ear, char letter);
    void *arg;
};

extern const struct conn_events conn_ear_events;

/* A connection on `fd` whose consumer is `ear` (cleared). Aborts when there is none. */
void conn_ear_open(struct conn_ear *ear, struct loop *loop, int fd);
/* For a connection that exists already, or will. */
void conn_ear_init(struct conn_ear *ear, struct conn *conn);
/* Closes the connection and frees what was heard. */
void conn_ear_release(struct conn_ear *ear);

#endif
