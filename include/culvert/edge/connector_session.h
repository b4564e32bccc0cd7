/* One connection of a connector at the edge: TLS, HTTP/2 as the client, registration, drain. */
#ifndef CULVERT_EDGE_CONNECTOR_SESSION_H
#define CULVERT_EDGE_CONNECTOR_SESSION_H

#include "culvert/edge/registry.h"
#include "culvert/net/conn.h"
#include "culvert/net/jobs.h"
#include "culvert/store/database.h"

struct connector_session;

enum {
    SESSION_TLS_MS = 15 * 1000,
    SESSION_REGISTER_MS = 15 * 1000, /* from the handshake to a registration */
    SESSION_LEAVE_MS = 2 * 1000,     /* for a refused connector to read why */
    SESSION_PROBE_MS = 1000,         /* for the older of two equal connections to show life */
    SESSION_STALL_MS = 60 * 1000,    /* the connector takes nothing of what is said to it */
    SESSION_HEAD_MAX = 256 * 1024,   /* bytes of an answer's head */
};

/* Borrowed by all sessions. */
struct session_shared {
    struct loop *loop;
    struct tls_context *tls;
    struct registry *registry;
    struct jobs *store_jobs; /* the one thread that uses `db` */
    struct database *db;
    struct budget *budget;
    const char *location;
    /* The session is over; it is freed by itself. */
    void (*on_over)(void *arg, struct connector_session *session);
    /* A registration was taken (`refusal` NULL) or refused with that cause: for counting. */
    void (*on_registration)(void *arg, const struct registered *entry, const char *refusal);
    void *arg;
};

/* Takes `fd` in every case. `link` of the session is the caller's to keep a list. NULL: `err`. */
struct connector_session *connector_session_start(const struct session_shared *shared, int fd,
                                                  const struct ip_address *from, struct error *err);

/* For the owner's list. */
struct link *connector_session_link(struct connector_session *session);
struct connector_session *connector_session_of(struct link *link);

/* No new requests; closes when the open ones are finished. A connector of the peer must not be told
 * by GOAWAY (it would turn into a zombie): TCP is closed when its streams are done. */
void connector_session_drain(struct connector_session *session);

/* Ends it now; on_over is not called. */
void connector_session_close(struct connector_session *session);

#endif
