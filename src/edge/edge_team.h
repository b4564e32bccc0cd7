/* The workers of an edge as the head starts, tells and ends them. All calls come from the head's
 * loop, outside of its callbacks where they wait. */
#ifndef CULVERT_SRC_EDGE_EDGE_TEAM_H
#define CULVERT_SRC_EDGE_EDGE_TEAM_H

#include "culvert/edge/edge_worker.h"

/* Fills `team` (its options, tls and registrar are set) with the workers of the options, the first
 * of them on the head's `loop`, and starts them with these host names (borrowed). `threads`: what
 * the loops of the others get; NULL: all share `loop`, as in tests. False: `err`, and team_end is
 * due. */
bool team_start(struct edge_team *team, struct loop *loop, const struct loop_options *threads,
                struct hostnames *hostnames, struct error *err) MUST_CHECK;

/* Visitors in clear are sent to https at `port`. */
void team_redirect(struct edge_team *team, uint16_t port);

/* Turns the head's loop until `is_over` says so. */
void team_wait(const struct edge_team *team, bool (*is_over)(void *arg), void *arg);

/* Closes everything in all workers and waits for that. */
void team_close(struct edge_team *team);

/* Ends the workers, which are closed or were never started. Threads let the last bytes of their
 * connections leave for at most `linger_ms`. */
void team_end(struct edge_team *team, uint64_t linger_ms);

#endif
