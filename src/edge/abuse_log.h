/* Who ran into a limit, for the log: of a flood of them it shows one a second. */
#ifndef CULVERT_SRC_EDGE_ABUSE_LOG_H
#define CULVERT_SRC_EDGE_ABUSE_LOG_H

#include "culvert/base/ip.h"
#include "culvert/http/abuse.h"
#include "culvert/net/loop.h"

/* Embedded; all zero at first. */
struct abuse_log {
    uint64_t noted, logged, logged_ms;
};

void abuse_log_note(struct abuse_log *abuses, struct loop *loop, enum abuse abuse,
                    const struct ip_address *from);

#endif
