/* An HA connection as the head sees it. The connection lives in a worker; orders go there by calls
 * and its events come back by calls, so what is told here may lie a moment back. */
#ifndef CULVERT_CONNECTOR_HA_HANDLE_H
#define CULVERT_CONNECTOR_HA_HANDLE_H

#include "culvert/connector/crew.h"

struct ha_handle;

struct ha_handle_events {
    void (*on_registered)(void *arg, struct ha_handle *ha);
    /* Once. If it drains on_closed follows; else it only waits for ha_handle_close. */
    void (*on_end)(void *arg, struct ha_handle *ha, const struct ha_ending *ending);
    void (*on_closed)(void *arg, struct ha_handle *ha);
};

/* Starts a connection in the worker that has this index. All that fails there comes as on_end. The
 * crew's tracker is told of its states up to its end. NULL: `err`. */
struct ha_handle *ha_handle_start(struct crew *crew, const struct ha_attempt *attempt,
                                  const struct ha_handle_events *events, void *arg,
                                  struct error *err);

/* Graceful, as ha_connection_leave; a second time is fine. */
void ha_handle_leave(struct ha_handle *ha, uint64_t limit_ms);

/* Closes it, as ha_connection_close: no event follows. The memory goes with the worker's last word
 * on it. NULL is allowed. */
void ha_handle_close(struct ha_handle *ha);

#endif
