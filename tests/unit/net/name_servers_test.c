#include "culvert/net/name_servers.h"

#include "harness.h"

/* The servers, with a blank between two. */
static const char *read(const char *text, char *out, size_t size)
{
    struct ip_address servers[NAME_SERVERS_MAX];
    size_t count = name_servers_parse(span_of(text), servers);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        char one[IP_TEXT_SIZE];
        ip_format(&servers[i], one);
        len += (size_t)snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "", one);
    }
    return out;
}

TEST(servers_are_read_as_the_systems_resolver_reads_them)
{
    static const struct {
        const char *text, *servers, *why;
    } cases[] = {
        {"nameserver 10.0.0.53\n", "10.0.0.53:53", "one"},
        {"nameserver 10.0.0.53", "10.0.0.53:53", "no newline at the end"},
        {"# a comment\nsearch example.com\nnameserver\t10.0.0.53\noptions edns0\n", "10.0.0.53:53",
         "among other lines"},
        {"nameserver 10.0.0.2\nnameserver 2001:db8::53\n", "10.0.0.2:53 [2001:db8::53]:53",
         "in their order, of both families"},
        {"nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
         "10.0.0.1:53 10.0.0.2:53 10.0.0.3:53", "three at most"},
        {"nameserver 10.0.0.53 # the router\r\n", "10.0.0.53:53", "a comment behind it"},
        {"nameserver 10.0.0.53;old\n", "10.0.0.53:53", "another kind of comment"},
        {"nameserver   10.0.0.53\t \n", "10.0.0.53:53", "blanks"},
        {"#nameserver 10.0.0.1\n;nameserver 10.0.0.2\nnameserver 10.0.0.3\n", "10.0.0.3:53",
         "what is a comment"},
        {" nameserver 10.0.0.1\nnameservers 10.0.0.2\nNAMESERVER 10.0.0.3\n", "127.0.0.1:53",
         "no such keyword"},
        {"nameserver dns.example\nnameserver\nnameserver 10.0.0.1:53\nnameserver 10.0.0.9\n",
         "10.0.0.9:53", "no addresses"},
        {"nameserver fe80::1%lo\n", "[fe80::1%lo]:53", "one beside us, with its zone"},
        {"", "127.0.0.1:53", "nothing"},
        {"\n\n\n", "127.0.0.1:53", "lines of nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[256];
        CHECK_CASE(strcmp(read(cases[i].text, got, sizeof got), cases[i].servers) == 0, "%s: %s",
                   cases[i].why, got);
    }
}
