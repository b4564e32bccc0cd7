/* A request as "METHOD target\nAuthorization\nbody": what is refused says why in one short text,
 * and what is not has the parts that its action needs. */
#include "culvert/edge/api_request.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct span line = SPAN_NONE;
    struct api_request request = {0};
    struct api_call call;

    (void)span_cut(&rest, '\n', &line);
    size_t blank = span_find(line, ' ');
    request.method = span_first(line, blank);
    request.target = span_skip(line, blank + 1);
    (void)span_cut(&rest, '\n', &request.authorization);
    request.body = rest;

    api_call_parse(&call, &request);
    if (call.refusal.status != 0) {
        assert(call.refusal.status >= 400 && call.refusal.status < 500);
        assert(call.refusal.text[0] != '\0');
    } else {
        assert(call.action != API_NOTHING);
        assert(call.filter.page > 0 && call.filter.per_page > 0);
        assert(call.action != API_TUNNEL_CREATE ||
               (call.name.len > 0 && call.secret.len >= STORE_TUNNEL_SECRET_MIN));
        assert(call.action != API_ROUTE_PUT || call.hostname.len > 0);
    }
    api_call_release(&call);
    return 0;
}
