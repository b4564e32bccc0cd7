/* See the header. */
#include "culvert/http/body.h"

#include "culvert/http/h1_body.h"

static bool is_forbidden(struct header field, void *arg)
{
    (void)arg;
    return !trailer_is_allowed(field.name);
}

void body_take_trailers(struct body *body, struct headers *trailers)
{
    headers_remove_if(trailers, is_forbidden, NULL);
    if (body->unwanted)
        headers_remove_if(trailers, body->unwanted, body->unwanted_arg);
    headers_move(&body->trailers, trailers);
}
