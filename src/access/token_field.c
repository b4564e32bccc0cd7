/* A field that is there but empty counts: an edge that says "nobody" is not overruled by what the
 * visitor's browser brings along. */
#include "token_field.h"

#include "culvert/access/verifier.h"

/* One field's cookies (RFC 6265 4.2.1). */
static bool find_cookie(struct span cookies, struct span wanted, struct span *value)
{
    struct span pair;
    struct span rest = cookies;
    while (span_cut(&rest, ';', &pair)) {
        pair = span_trim(pair);
        size_t name = span_find(pair, '=');
        if (name == pair.len || !span_equal(span_first(pair, name), wanted))
            continue;
        *value = span_skip(pair, name + 1);
        return true;
    }
    return false;
}

bool token_field_find(const struct headers *fields, struct span *text)
{
    if (headers_find(fields, SPAN(ACCESS_TOKEN_FIELD), text)) {
        *text = span_trim(*text);
        return text->len > 0;
    }
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        if (span_equal_nocase(field.name, SPAN("cookie")) &&
            find_cookie(field.value, SPAN("CF_Authorization"), text))
            return text->len > 0;
    }
    return false;
}
