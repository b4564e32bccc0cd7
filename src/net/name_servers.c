/* Line by line, as the system's resolver reads it. */
#include "culvert/net/name_servers.h"

enum { DNS_PORT = 53 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The first word of `rest`, which ends at a blank or a comment; what follows stays in `rest`. */
static struct span take_word(struct span *rest)
{
    size_t begin = 0;
    while (begin < rest->len && is_blank(rest->data[begin]))
        begin++;
    size_t end = begin;
    while (end < rest->len && !is_blank(rest->data[end]) && rest->data[end] != '#' &&
           rest->data[end] != ';')
        end++;
    struct span word = span_make(rest->data + begin, end - begin);
    *rest = span_skip(*rest, end);
    return word;
}

/* A keyword begins its line. */
static bool read_line(struct span line, struct ip_address *server)
{
    if (line.len == 0 || is_blank(line.data[0]) ||
        !span_equal(take_word(&line), SPAN("nameserver")))
        return false;
    return ip_parse(take_word(&line), DNS_PORT, server);
}

size_t name_servers_parse(struct span text, struct ip_address servers[NAME_SERVERS_MAX])
{
    struct span line;
    size_t count = 0;
    while (count < NAME_SERVERS_MAX && span_cut(&text, '\n', &line))
        if (read_line(line, &servers[count]))
            count++;
    if (count == 0 && ip_parse(SPAN("127.0.0.1"), DNS_PORT, &servers[0]))
        count = 1;
    return count;
}
