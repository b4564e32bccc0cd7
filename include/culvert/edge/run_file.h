/* <state>/run.json: where a running edge listens, for the commands that stand beside it. */
#ifndef CULVERT_EDGE_RUN_FILE_H
#define CULVERT_EDGE_RUN_FILE_H

#include "culvert/edge/edge.h"

/* Writes it (0600), made of what the edge listens on. */
bool run_file_write(const char *state_dir, const struct edge_listening *at,
                    const struct edge_contact *contact, struct error *err) MUST_CHECK;
void run_file_remove(const char *state_dir);

/* Fills the empty `contact` with what connectors and commands of that edge need: API, addresses,
 * CA. False: no edge runs with that state (kind NETWORK) or the file cannot be read. */
bool run_file_read(const char *state_dir, struct edge_contact *contact,
                   struct error *err) MUST_CHECK;

#endif
