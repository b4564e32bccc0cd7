/* Greeting: version, count, methods. Request: version, command, 0, address type, address, port. The
 * reply has the form of the request. */
#include "culvert/origin/socks.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

enum { VERSION = 5, METHOD_NONE = 0, COMMAND_CONNECT = 1, HEAD = 4, PORT = 2 };
enum { TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };

/* Bytes of the address in the request, its length byte included; 0: a type that nobody knows. */
static size_t address_size(const struct socks_server *server)
{
    switch (server->kept[3]) {
    case TYPE_V4:
        return sizeof(struct in_addr);
    case TYPE_V6:
        return sizeof(struct in6_addr);
    case TYPE_NAME:
        return server->len > HEAD ? 1 + (size_t)server->kept[HEAD] : 1;
    default:
        return 0;
    }
}

/* How long the message in hand is, as far as that is known. */
static size_t message_size(const struct socks_server *server)
{
    if (!server->greeted)
        return server->len < 2 ? 2 : 2 + (size_t)server->kept[1];
    if (server->len < HEAD)
        return HEAD;
    size_t address = address_size(server);
    bool is_known = server->kept[3] != TYPE_NAME || server->len > HEAD;
    return HEAD + address + (is_known ? PORT : 0);
}

size_t socks_wants(const struct socks_server *server)
{
    return message_size(server) - server->len;
}

static enum socks_step take_greeting(struct socks_server *server)
{
    bool offered = memchr(server->kept + 2, METHOD_NONE, server->kept[1]) != NULL;
    server->greeted = true;
    server->len = 0;
    return offered ? SOCKS_GREETING : SOCKS_NO_METHOD;
}

static enum socks_step judge(struct socks_server *server)
{
    if (server->kept[0] != VERSION)
        return SOCKS_BAD;
    if (!server->greeted)
        return server->len >= 2 && socks_wants(server) == 0 ? take_greeting(server) : SOCKS_MORE;
    if (server->len < HEAD)
        return SOCKS_MORE;
    bool names_nobody =
        server->kept[3] == TYPE_NAME && server->len > HEAD && server->kept[HEAD] == 0;
    if (address_size(server) == 0 || names_nobody)
        return SOCKS_BAD;
    if (socks_wants(server) > 0)
        return SOCKS_MORE;
    return server->kept[1] == COMMAND_CONNECT ? SOCKS_CONNECT : SOCKS_OTHER;
}

enum socks_step socks_feed(struct socks_server *server, const void *data, size_t len)
{
    assert(len > 0 && len <= socks_wants(server));
    memcpy(server->kept + server->len, data, len);
    server->len += len;
    return judge(server);
}

bool socks_asked(const struct socks_server *server, char host[SOCKS_NAME_MAX + 1], uint16_t *port)
{
    const unsigned char *address = server->kept + HEAD;
    const unsigned char *end = server->kept + server->len - PORT;
    *port = (uint16_t)(end[0] << 8 | end[1]);
    if (server->kept[3] == TYPE_V4)
        return inet_ntop(AF_INET, address, host, SOCKS_NAME_MAX) != NULL;
    if (server->kept[3] == TYPE_V6)
        return inet_ntop(AF_INET6, address, host, SOCKS_NAME_MAX) != NULL;
    struct span name = span_make(address + 1, *address);
    span_copy(name, host, SOCKS_NAME_MAX + 1);
    return span_find(name, '\0') == name.len;
}

struct span socks_greet(enum socks_step step)
{
    return step == SOCKS_GREETING ? SPAN("\x05\x00") : SPAN("\x05\xff");
}

size_t socks_reply(unsigned char out[SOCKS_REQUEST_MAX], enum socks_reply reply,
                   const struct ip_address *bound)
{
    bool is_v6 = bound && bound->len > 0 && bound->any.sa_family == AF_INET6;
    bool is_v4 = bound && bound->len > 0 && bound->any.sa_family == AF_INET;
    size_t size = is_v6 ? sizeof bound->v6.sin6_addr : sizeof bound->v4.sin_addr;
    uint16_t port = is_v4 || is_v6 ? ip_port(bound) : 0;
    out[0] = VERSION;
    out[1] = (unsigned char)reply;
    out[2] = 0;
    out[3] = is_v6 ? TYPE_V6 : TYPE_V4;
    memset(out + HEAD, 0, size);
    if (is_v6)
        memcpy(out + HEAD, &bound->v6.sin6_addr, size);
    else if (is_v4)
        memcpy(out + HEAD, &bound->v4.sin_addr, size);
    out[HEAD + size] = (unsigned char)(port >> 8);
    out[HEAD + size + 1] = (unsigned char)port;
    return HEAD + size + PORT;
}

size_t socks_reply_asked(const struct socks_server *server, unsigned char out[SOCKS_REQUEST_MAX],
                         enum socks_reply reply)
{
    memcpy(out, server->kept, server->len);
    out[1] = (unsigned char)reply;
    out[2] = 0;
    return server->len;
}
