/* What asks nothing of an origin itself. */
#include "http_origin_parts.h"

bool http_origin_may_repeat(const struct request_head *head)
{
    return request_is_idempotent(head) || headers_has(&head->fields, SPAN("Idempotency-Key")) ||
           headers_has(&head->fields, SPAN("X-Idempotency-Key"));
}
