/* What asks nothing of an origin itself. */
#include "http_origin_parts.h"

#include "culvert/http/h1_write.h"

bool http_origin_may_repeat(const struct request_head *head)
{
    return request_is_idempotent(head) || headers_has(&head->fields, SPAN("Idempotency-Key")) ||
           headers_has(&head->fields, SPAN("X-Idempotency-Key"));
}

bool http_origin_doubts_body(struct request_head *head)
{
    if (head->ends_here || head->is_websocket || head->length != LENGTH_UNKNOWN)
        return false;
    head->ends_here = true;
    struct h1_shape without = h1_request_shape(head);
    head->ends_here = false;
    return without.body == H1_BODY_NONE;
}
