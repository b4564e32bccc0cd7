/* A tunnel as an opener: picks a connection, opens a stream, unpacks the answer; one safe retry. */
#ifndef CULVERT_EDGE_TUNNEL_OPENER_H
#define CULVERT_EDGE_TUNNEL_OPENER_H

#include "culvert/edge/edge_worker.h"
#include "culvert/proxy/opener.h"

/* One request's opener: embedded by who handles the request and alive until its outbound is closed.
 * on_failed says by its kind what is owed to the visitor:
 *   LIMIT    no connection of the tunnel is live: 503
 *   NETWORK, PROTOCOL, TIMEOUT   the connection or the origin failed: 502
 *   TIMEOUT with cause 504   the connector says that the origin took too long: 504
 *   INVALID, DENIED   the connector refused the request itself: cause is the status to answer */
struct tunnel_opener {
    struct opener opener;
    struct edge_worker *worker;
    struct uuid tunnel_id;
};

/* May a request be sent again elsewhere whatever became of it, since it has no body and does no
 * harm (RFC 9110 9.2.2)? */
bool tunnel_may_move_on(const struct request_head *head);

void tunnel_opener_init(struct tunnel_opener *opener, struct edge_worker *worker,
                        const struct uuid *tunnel_id);

#endif
