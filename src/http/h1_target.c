/* Of the four forms of a target, origin, absolute and asterisk are understood; authority form
 * belongs to CONNECT, which is refused before. */
#include "h1_target.h"

#include "chars.h"

/* Takes "http://" or "https://" from the front of `target`. */
static bool cut_scheme(struct span *target, struct span *scheme)
{
    static const struct span schemes[] = {SPAN_INIT("http"), SPAN_INIT("https")};
    size_t colon = span_find(*target, ':');
    struct span rest = span_skip(*target, colon);
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (!span_equal_nocase(span_first(*target, colon), schemes[i]))
            continue;
        *scheme = schemes[i];
        *target = span_skip(rest, 3);
        return span_starts(rest, SPAN("://"));
    }
    return false;
}

static size_t authority_len(struct span text)
{
    size_t n = 0;
    while (n < text.len && text.data[n] != '/' && text.data[n] != '?')
        n++;
    return n;
}

/* Behind the authority: "" means "/" ("*" for OPTIONS, RFC 9112 3.2.4), "?q" means "/?q". */
static bool put_rest(struct request_head *head, struct span rest)
{
    if (rest.len == 0)
        return buf_put_char(&head->target, request_is(head, SPAN("OPTIONS")) ? '*' : '/');
    return (rest.data[0] == '/' || buf_put_char(&head->target, '/')) &&
           buf_put_span(&head->target, rest);
}

const char *h1_read_target(struct span target, struct request_head *head)
{
    if (target.len == 0)
        return "the target is missing";
    if (chars_span(target, CHAR_TARGET) < target.len)
        return "the target holds a byte that may not stand there";
    struct span rest = target;
    if (span_equal(target, SPAN("*"))) {
        if (!request_is(head, SPAN("OPTIONS")))
            return "the target * is for OPTIONS only";
    } else if (target.data[0] != '/') {
        struct span scheme;
        if (!cut_scheme(&rest, &scheme))
            return "the target is neither a path nor an http URL";
        struct span authority = span_first(rest, authority_len(rest));
        if (!authority_is_valid(authority))
            return "the target's authority is not a host name and port";
        if (!buf_put_span(&head->scheme, scheme) || !buf_put_span(&head->authority, authority))
            return "";
        rest = span_skip(rest, authority.len);
    }
    bool kept =
        span_equal(rest, SPAN("*")) ? buf_put_span(&head->target, rest) : put_rest(head, rest);
    if (!kept)
        return "";
    return request_path_is_whole(head) ? NULL : "the path holds a broken percent escape";
}
