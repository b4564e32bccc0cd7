/* The control stream of a connector's connection as bytes both ways: bounded, told as they come. */
#ifndef CULVERT_SRC_EDGE_CONTROL_PIPE_H
#define CULVERT_SRC_EDGE_CONTROL_PIPE_H

#include "culvert/http/h2_session.h"
#include "culvert/net/loop.h"

/* None may free the pipe; all may call control_pipe_quiet and control_pipe_close. */
struct control_pipe_events {
    /* What the connector said, in pieces. It waits while our own answers are not read. */
    void (*on_bytes)(void *arg, struct span bytes);
    /* The connector ended the stream, or it was reset. The last event. */
    void (*on_ended)(void *arg);
    /* No control stream can be had, or no more. The last event. */
    void (*on_failed)(void *arg, const struct error *why);
};

/* Embedded. */
struct control_pipe {
    struct loop *loop;
    struct outbound *stream;
    struct body out; /* what we say */
    struct body *in; /* what the connector says; NULL before its answer and behind its end */
    bool over;       /* on_ended was told */
    struct task look;
    const struct control_pipe_events *events;
    void *arg;
};

/* False: memory; control_pipe_release is due in every case. */
bool control_pipe_init(struct control_pipe *pipe, struct loop *loop,
                       const struct control_pipe_events *events, void *arg) MUST_CHECK;

/* Opens the stream on the session. False: `err`. */
bool control_pipe_open(struct control_pipe *pipe, struct h2_session *h2,
                       struct error *err) MUST_CHECK;

void control_pipe_say(struct control_pipe *pipe, struct span bytes);

/* No event follows; what was said may still leave with the session's end. */
void control_pipe_quiet(struct control_pipe *pipe);

/* The same, and the stream is closed. Twice is fine. */
void control_pipe_close(struct control_pipe *pipe);

/* It is closed, a turn ago. */
void control_pipe_release(struct control_pipe *pipe);

#endif
