/* URLs written anew: the scheme in lower case, escapes where they are needed and nowhere else. Of
 * the query, which nobody reads, nothing is changed. */
#include "service_text.h"

#include "culvert/base/encode.h"

enum { PART_MAX = 4096 };

/* Beside letters and digits. */
static const char host_chars[] = "-._~!$&'()*+,;=:[]<>\"";
static const char user_chars[] = "-._~$&+,;=";
static const char fragment_chars[] = "-._~$&+,/:;=?@!()*";
static const char fragment_marks[] = "'[]%"; /* stay when nothing else has to be escaped */

static bool is_one_of(char c, const char *chars)
{
    bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_word || (c != '\0' && strchr(chars, c) != NULL);
}

static bool put_escaped(struct buf *out, struct span text, const char *chars)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.len; i++) {
        char c = text.data[i];
        ok = is_one_of(c, chars) ? buf_put_char(out, c)
                                 : buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
    return ok;
}

/* Undoes the escapes of one part and writes it anew. */
static bool put_part(struct buf *out, struct span text, const char *chars)
{
    struct buf plain = BUF_LIMIT(PART_MAX);
    bool ok = percent_decode(text, &plain) && put_escaped(out, buf_span(&plain), chars);
    buf_release(&plain);
    return ok;
}

static bool put_scheme(struct buf *out, const struct url *url)
{
    bool ok = true;
    for (size_t i = 0; ok && i < url->scheme.len; i++) {
        char c = url->scheme.data[i];
        ok = buf_put_char(out, (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
    return ok && buf_put_span(out, SPAN("://"));
}

static bool put_user(struct buf *out, struct span user)
{
    struct span name = span_first(user, span_find(user, ':'));
    bool ok = put_part(out, name, user_chars);
    if (name.len < user.len)
        ok = ok && buf_put_char(out, ':') &&
             put_part(out, span_skip(user, name.len + 1), user_chars);
    return ok && buf_put_char(out, '@');
}

static bool put_fragment(struct buf *out, struct span fragment)
{
    bool stays = true;
    for (size_t i = 0; stays && i < fragment.len; i++)
        stays = is_one_of(fragment.data[i], fragment_chars) ||
                is_one_of(fragment.data[i], fragment_marks);
    if (fragment.len == 0)
        return true;
    return buf_put_char(out, '#') &&
           (stays ? buf_put_span(out, fragment) : put_part(out, fragment, fragment_chars));
}

/* ":" and the port as they stand behind the host; the port may be missing. */
static struct span port_of(const struct url *url)
{
    return url->has_port ? span_make(url->port.data - 1, url->port.len + 1) : SPAN("");
}

bool service_text_http(const struct url *url, struct buf *out)
{
    bool ok = put_scheme(out, url);
    if (url->has_userinfo)
        ok = ok && put_user(out, url->userinfo);
    ok = ok && (!url->host_is_literal || buf_put_char(out, '[')) &&
         put_part(out, url->host, host_chars) && (!url->host_is_literal || buf_put_char(out, ']'));
    ok = ok && buf_put_span(out, port_of(url)) && buf_put_span(out, url->path);
    if (url->has_query)
        ok = ok && buf_put_char(out, '?') && buf_put_span(out, url->query);
    return ok && put_fragment(out, url->fragment);
}

bool service_text_bytes(const struct url *url, uint16_t port, struct buf *out)
{
    bool adds_port = url->port.len == 0 && port != 0;
    bool has_brackets =
        url->host_is_literal || (adds_port && span_find(url->host, ':') < url->host.len);
    bool ok = put_scheme(out, url) && (!has_brackets || buf_put_char(out, '[')) &&
              url_decode_host(url, out) && (!has_brackets || buf_put_char(out, ']'));
    if (adds_port)
        return ok && buf_printf(out, ":%u", port);
    return ok && buf_put_span(out, port_of(url));
}
