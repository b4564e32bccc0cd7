/* What asks an origin for nothing but its options. */
#include "http_origin_parts.h"

#include "culvert/base/ip.h"
#include "culvert/http/h1_write.h"

bool http_origin_may_repeat(const struct request_head *head)
{
    return request_is_safe(head) || headers_has(&head->fields, SPAN("Idempotency-Key")) ||
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

char *http_origin_server_name(const struct http_origin *origin, const struct request_head *head,
                              struct error *err)
{
    const struct http_origin_options *options = http_origin_options(origin);
    struct span host = span_of(options->server_name);
    uint16_t port = 0;
    if (!options->tls)
        host = SPAN("");
    else if (!options->server_name &&
             (!ip_split_host_port(buf_span(&head->authority), &host, &port) || host.len == 0)) {
        error_set(err, ERROR_INVALID, 0, "%s: the request names no host to verify", options->name);
        return NULL;
    }
    if (span_ends(host, SPAN(".")))
        host.len--;
    char *name = span_dup(host);
    if (!name)
        error_memory(err);
    return name;
}
