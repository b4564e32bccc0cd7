/* One connection of a connector at the edge: TLS, HTTP/2 as the client, registration, drain. */
#ifndef CULVERT_EDGE_CONNECTOR_SESSION_H
#define CULVERT_EDGE_CONNECTOR_SESSION_H

#include "culvert/edge/handover.h"

struct connector_session;

enum {
    SESSION_TLS_MS = 15 * 1000,
    SESSION_REGISTER_MS = 15 * 1000,      /* from the handshake to a registration */
    SESSION_LEAVE_MS = 2 * 1000,          /* for a refused connector to read why */
    SESSION_PROBE_MS = 1000,              /* for the older of two equal connections to show life */
    SESSION_STALL_MS = 60 * 1000,         /* in each, the connector takes CONN_DRAIN_MIN */
    SESSION_HEAD_MAX = HEADERS_BYTES_MAX, /* bytes of an answer's head */
};

/* Takes the connection over; the session stands in worker->sessions and ends by itself. Which
 * tunnels are served is asked of the head: see registrar. False: `err`, and it is given back. */
bool connector_session_start(struct edge_worker *worker, struct handover *handover,
                             struct error *err) MUST_CHECK;

/* One of worker->sessions. */
struct connector_session *connector_session_of(struct link *link);

/* Ends it now. */
void connector_session_close(struct connector_session *session);

#endif
