/* See the header. */
#include "culvert/origin/status_origin.h"
#include "culvert/base/list.h"

#include "canned.h"

static struct outbound *status_open(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    const struct status_origin *origin = CONTAINER_OF(opener, struct status_origin, opener);
    bool is_interim = origin->status < 200 && origin->status != 101;
    struct canned_answer answer = {.interim = is_interim ? origin->status : 0,
                                   .status = is_interim ? 200 : origin->status};
    (void)body;
    return canned_open(origin->loop, &answer, request_is(head, SPAN("HEAD")), events, arg, err);
}

void status_origin_init(struct status_origin *origin, struct loop *loop, int status)
{
    static const struct opener_ops ops = {status_open};
    assert(status >= 100 && status <= 999);
    *origin = (struct status_origin){.opener = {&ops}, .loop = loop, .status = status};
}
