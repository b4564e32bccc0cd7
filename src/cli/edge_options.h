/* How an edge is to run: flags over edge.yml over defaults. */
#ifndef CULVERT_CLI_EDGE_OPTIONS_H
#define CULVERT_CLI_EDGE_OPTIONS_H

#include "culvert/cli/command.h"
#include "culvert/edge/edge.h"

/* The state directory: --state-dir, else what a service manager gives, else one of the user.
 * Replaces what `path` holds. False: there is no home. */
bool edge_state_directory(struct cli_call *call, struct buf *path, struct error *err) MUST_CHECK;

enum { EDGE_CERTIFICATES_MAX = 256 };

/* Embedded; start with {0} and release it in every case. Texts are owned. */
struct edge_settings {
    struct edge_options options;
    struct certificate_files files[EDGE_CERTIFICATES_MAX];
    char **texts; /* all that the options point to */
    size_t text_count;
};

/* Fills all but the log. False: `err` names the flag, or the file with line and column. */
bool edge_settings_fill(struct cli_call *call, struct edge_settings *settings,
                        struct error *err) MUST_CHECK;
void edge_settings_release(struct edge_settings *settings);

#endif
