/* One name, and on one's own desk a few more. */
#include "own_name.h"

bool own_name_is(const struct edge_options *options, struct span name)
{
    struct ip_address address;
    if (span_equal_nocase(name, span_of(options->hostname)))
        return true;
    /* Tools that do not resolve the dev zone ask by number. */
    return options->dev && (span_equal_nocase(name, SPAN("localhost")) ||
                            (ip_parse(name, 0, &address) && ip_is_loopback(&address)));
}
