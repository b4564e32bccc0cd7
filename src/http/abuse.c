/* The names of abuse, in one table. */
#include "culvert/http/abuse.h"

const char *abuse_name(enum abuse abuse)
{
    static const char *const names[ABUSES] = {
        [ABUSE_NONE] = "none",
        [ABUSE_H2_PROTOCOL] = "h2_protocol",
    };
    return (size_t)abuse < ABUSES && names[abuse] ? names[abuse] : "other";
}
