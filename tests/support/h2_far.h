/* An origin in the test's own loop that speaks HTTP/2; a desk is behind its sessions. */
#ifndef CULVERT_TESTS_SUPPORT_H2_FAR_H
#define CULVERT_TESTS_SUPPORT_H2_FAR_H

#include "culvert/http/h2_session.h"
#include "support/desk.h"
#include "support/memory_sockets.h"

enum { H2_FAR_SESSIONS_MAX = 512 };

struct h2_far;

struct h2_far_session {
    struct h2_far *far;
    struct conn *conn; /* without a session: TLS is not there yet, or the far end is mute */
    struct h2_session *session; /* NULL: closed */
    size_t requests;
    bool ended; /* the other end closed it */
};

struct h2_far {
    struct loop *loop;
    struct tls_context *tls; /* borrowed; NULL: in clear */
    struct h2_options options;
    bool mute; /* takes connections and says nothing */
    struct desk desk;
    size_t session_of[DESK_REQUESTS_MAX]; /* each request of the desk */
    struct h2_far_session sessions[H2_FAR_SESSIONS_MAX];
    size_t count;
    size_t strangers; /* TLS clients that did not ask for h2: closed at once */
};

/* Serves the address in `memory`, with 100 streams in each session unless `options` are changed. */
void h2_far_open(struct h2_far *far, struct loop *loop, struct memory_sockets *memory,
                 const char *at);

/* How many sessions are open. */
size_t h2_far_alive(const struct h2_far *far);

/* Closes one now. */
void h2_far_hang_up(struct h2_far *far, size_t session);

/* Closes everything; the loop must turn once more before it is freed. */
void h2_far_close(struct h2_far *far);

#endif
