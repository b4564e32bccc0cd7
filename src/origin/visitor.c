/* One field, and nothing that is not an address. */
#include "culvert/origin/visitor.h"

void visitor_find(const struct headers *fields, struct ip_address *address)
{
    static const struct span name = SPAN_INIT("Cf-Connecting-Ip");
    struct span text;
    *address = (struct ip_address){.len = 0};
    if (headers_count_of(fields, name) != 1 || !headers_find(fields, name, &text) ||
        !ip_parse(text, 0, address))
        *address = (struct ip_address){.len = 0};
}

char *visitor_key(const struct headers *fields, const char *server_name)
{
    struct ip_address address;
    char text[IP_TEXT_SIZE] = "";
    visitor_find(fields, &address);
    if (address.len > 0)
        ip_format_bare(&address, text);
    size_t size = strlen(server_name) + 1 + strlen(text) + 1;
    char *key = malloc(size);
    if (key)
        (void)snprintf(key, size, "%s %s", server_name, text);
    return key;
}
