/* Each is counted elsewhere: a log is not the place to count. */
#include "abuse_log.h"

#include "culvert/edge/public_server.h"

void abuse_log_note(struct abuse_log *abuses, struct loop *loop, enum abuse abuse,
                    const struct ip_address *from)
{
    uint64_t now = loop_now_ms(loop);
    char ip[IP_TEXT_SIZE] = "";
    abuses->noted++;
    if (abuses->logged > 0 && now - abuses->logged_ms < PUBLIC_ABUSE_LOG_MS)
        return;
    if (from->len > 0)
        ip_format(from, ip);
    log_info(loop_log(loop), "A visitor ran into a limit", LOG_TEXT("limit", abuse_name(abuse)),
             LOG_TEXT("client", ip),
             LOG_INT("since_last_line", (int64_t)(abuses->noted - abuses->logged)));
    abuses->logged = abuses->noted;
    abuses->logged_ms = now;
}
