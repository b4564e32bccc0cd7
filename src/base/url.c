/* A cut at each delimiter in the order of RFC 3986, appendix B, then a check of each part. */
#include "culvert/base/url.h"

#include "culvert/base/encode.h"
#include "culvert/base/ip.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Above 0x7F stand the bytes of UTF-8. */
static bool is_unreserved(char c)
{
    return is_letter(c) || is_digit(c) || strchr("-._~", c) != NULL || (unsigned char)c > 0x7F;
}

static bool is_sub_delimiter(char c)
{
    return c != '\0' && strchr("!$&'()*+,;=", c) != NULL;
}

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_INVALID, 0, "%s", what);
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
            return true;
    return false;
}

static bool escapes_are_valid(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '%')
            continue;
        if (text.len - i < 3 || hex_value(text.data[i + 1]) < 0 || hex_value(text.data[i + 2]) < 0)
            return false;
        i += 2;
    }
    return true;
}

/* Takes "scheme:" from the front, if it is there. */
static bool cut_scheme(struct span *rest, struct url *url, struct error *err)
{
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->data[i];
        if (c == ':' && i == 0)
            return refuse(err, "the scheme before \":\" is missing");
        if (c == ':') {
            url->scheme = span_first(*rest, i);
            *rest = span_skip(*rest, i + 1);
            return true;
        }
        if (!is_letter(c) && (i == 0 || (!is_digit(c) && strchr("+-.", c) == NULL)))
            return true;
    }
    return true;
}

static bool check_userinfo(struct span text, struct error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool is_plain = (unsigned char)c < 0x80 && (is_unreserved(c) || is_sub_delimiter(c));
        if (!is_plain && c != ':' && c != '@' && c != '%')
            return refuse(err, "a character that user information may not have");
    }
    return escapes_are_valid(text) || refuse(err, "a bad % escape in the user information");
}

/* What else people write into names and others let pass; no resolver knows such a name. */
static bool is_host_char(char c)
{
    return is_unreserved(c) || is_sub_delimiter(c) || (c != '\0' && strchr(":]<>\"", c) != NULL);
}

/* Escapes in a name may only spell bytes beyond ASCII: what else would be one host in two
 * spellings. */
static bool check_name(struct span host, struct error *err)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        if (c == '%') {
            if (host.len - i < 3 || hex_value(host.data[i + 1]) < 8 ||
                hex_value(host.data[i + 2]) < 0)
                return refuse(err, "a bad % escape in the host");
            i += 2;
        } else if (!is_host_char(c)) {
            return error_set(err, ERROR_INVALID, 0, "a host may not have \"%c\"", c);
        }
    }
    return true;
}

/* A zone is any text: its escapes spell blanks, "%" and what may stand in a host anyway. */
static bool check_zone(struct span zone, struct error *err)
{
    for (size_t i = 0; i < zone.len; i++) {
        char c = zone.data[i];
        if (c == '%') {
            if (zone.len - i < 3 || hex_value(zone.data[i + 1]) < 0 ||
                hex_value(zone.data[i + 2]) < 0)
                return refuse(err, "a bad zone in the brackets");
            c = (char)(hex_value(zone.data[i + 1]) * 16 + hex_value(zone.data[i + 2]));
            i += 2;
            if (c == ' ' || c == '%' || ((unsigned char)c < 0x80 && is_host_char(c)))
                continue;
            return refuse(err, "a bad zone in the brackets");
        }
        if (!is_host_char(c))
            return refuse(err, "a bad zone in the brackets");
    }
    return true;
}

/* An IPv6 address; a zone behind "%25" (RFC 6874). */
static bool check_literal(struct span host, struct error *err)
{
    struct span address = span_first(host, span_find(host, '%'));
    struct span zone = span_skip(host, address.len);
    struct ip_address ip;
    if (span_find(address, ':') == address.len || !ip_parse(address, 0, &ip))
        return refuse(err, "no IPv6 address in the brackets");
    if (zone.len == 0)
        return true;
    if (!span_starts(zone, SPAN("%25")) || zone.len == 3)
        return refuse(err, "a bad zone in the brackets");
    return check_zone(span_skip(zone, 3), err);
}

static bool cut_port(struct span rest, struct url *url, struct error *err)
{
    if (rest.len == 0)
        return true;
    if (rest.data[0] != ':')
        return refuse(err, "something other than a port follows the host");
    url->has_port = true;
    url->port = span_skip(rest, 1);
    for (size_t i = 0; i < url->port.len; i++)
        if (!is_digit(url->port.data[i]))
            return error_set(err, ERROR_INVALID, 0, "the port \"%.*s\" is not a number",
                             SPAN_ARG(url->port));
    return true;
}

static bool parse_authority(struct span text, struct url *url, struct error *err)
{
    size_t at = text.len;
    while (at > 0 && text.data[at - 1] != '@')
        at--;
    if (at > 0) {
        url->has_userinfo = true;
        url->userinfo = span_first(text, at - 1);
        text = span_skip(text, at);
        if (!check_userinfo(url->userinfo, err))
            return false;
    }
    if (text.len > 0 && text.data[0] == '[') {
        size_t end = span_find(text, ']');
        if (end == text.len)
            return refuse(err, "the \"]\" behind the address is missing");
        url->host_is_literal = true;
        url->host = span_skip(span_first(text, end), 1);
        return cut_port(span_skip(text, end + 1), url, err) && check_literal(url->host, err);
    }
    size_t colon = span_find(text, ':');
    /* Of http a second colon is a mistake; elsewhere it is taken for a part of the host. */
    bool is_web = url_has_scheme(url, SPAN("http")) || url_has_scheme(url, SPAN("https"));
    for (size_t i = colon + 1; !is_web && i < text.len; i++)
        colon = text.data[i] == ':' ? i : colon;
    url->host = span_first(text, colon);
    return cut_port(span_skip(text, url->host.len), url, err) && check_name(url->host, err);
}

bool url_parse(struct span text, struct url *url, struct error *err)
{
    *url = (struct url){0};
    if (has_control(text))
        return refuse(err, "a control character");
    struct span rest = span_first(text, span_find(text, '#'));
    url->fragment = span_skip(text, rest.len + 1);
    if (!cut_scheme(&rest, url, err))
        return false;
    struct span whole = rest;
    rest = span_first(whole, span_find(whole, '?'));
    url->has_query = rest.len < whole.len;
    url->query = span_skip(whole, rest.len + 1);
    if (span_starts(rest, SPAN("//"))) {
        url->has_authority = true;
        struct span authority = span_skip(rest, 2);
        authority = span_first(authority, span_find(authority, '/'));
        if (!parse_authority(authority, url, err))
            return false;
        rest = span_skip(rest, 2 + authority.len);
    } else if (url->scheme.len == 0) {
        struct span segment = span_first(rest, span_find(rest, '/'));
        if (span_find(segment, ':') < segment.len)
            return refuse(err, "a colon in the first part, but no scheme such as http://");
    }
    url->path = rest;
    /* Behind a scheme alone stands a text of which only that scheme knows what it means. */
    bool is_opaque = url->scheme.len > 0 && !url->has_authority && !span_starts(rest, SPAN("/"));
    if (!is_opaque && !escapes_are_valid(url->path))
        return refuse(err, "a bad % escape in the path");
    if (!escapes_are_valid(url->fragment))
        return refuse(err, "a bad % escape behind \"#\"");
    return true;
}

bool url_has_scheme(const struct url *url, struct span scheme)
{
    return span_equal_nocase(url->scheme, scheme);
}

bool url_port(const struct url *url, uint16_t fallback, uint16_t *port)
{
    uint64_t number = fallback;
    if (url->port.len > 0 && !span_to_u64(url->port, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

bool url_decode_host(const struct url *url, struct buf *out)
{
    return percent_decode(url->host, out);
}
