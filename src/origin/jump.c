/* Clients of different ages write different things; what is meant is always a host and a port. */
#include "culvert/origin/jump.h"

#include "culvert/base/ip.h"
#include "culvert/base/url.h"

/* The part of the text that is host and port. */
static struct span place_of(struct span text)
{
    struct url url;
    if (!url_parse(text, &url, NULL) || !url.has_authority || url.host.len == 0)
        return span_first(text, span_find(text, '/'));
    const char *start = url.host_is_literal ? url.host.data - 1 : url.host.data;
    const char *end = url.host.data + url.host.len + (url.host_is_literal ? 1 : 0);
    if (url.port.len > 0)
        end = url.port.data + url.port.len;
    return span_make(start, (size_t)(end - start));
}

bool jump_parse(struct span text, struct span *host, uint16_t *port, struct error *err)
{
    struct span place = place_of(span_trim(text));
    *port = 0;
    if (place.len == 0)
        return error_set(err, ERROR_INVALID, 0, "the request names no destination in %s",
                         JUMP_FIELD);
    if (!ip_split_host_port(place, host, port) || *port == 0)
        return error_set(err, ERROR_INVALID, 0, "%s \"%.*s\" is no host and port", JUMP_FIELD,
                         SPAN_ARG(span_first(place, 80)));
    if (host->len == 0)
        *host = SPAN("127.0.0.1");
    return true;
}
