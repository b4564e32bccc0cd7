/* SOCKS5 in front of the bytes: what its client says, and what it is told. */
#include "byte_internal.h"

#include <errno.h>
#include <stdlib.h>

static void drop_socks(struct byte_outbound *call)
{
    free(call->socks);
    call->socks = NULL;
}

static bool say(struct byte_outbound *call, const void *bytes, size_t len)
{
    struct error why;
    if (ws_link_put(call->link, bytes, len) == len)
        return true;
    error_set(&why, ERROR_LIMIT, 0, "no room for an answer in SOCKS5");
    byte_fail(call, &why);
    return false;
}

/* `why`: the client is not connected to what it asked for; that is told to our side, too. */
static void refuse(struct byte_outbound *call, enum socks_reply code, const struct error *why)
{
    unsigned char out[SOCKS_REQUEST_MAX];
    size_t len = code == SOCKS_DENIED ? socks_reply_asked(call->socks, out, code)
                                      : socks_reply(out, code, NULL);
    if (say(call, out, len))
        byte_finish_failed(call, why, WS_CODE_NORMAL);
}

/* The connection that was asked for is there: bytes from here on. */
void byte_socks_join(struct byte_outbound *call)
{
    unsigned char out[SOCKS_REQUEST_MAX];
    struct ip_address bound;
    conn_local_address(call->conn, &bound);
    if (!say(call, out, socks_reply(out, SOCKS_SUCCEEDED, &bound)))
        return;
    drop_socks(call);
    byte_enter(call, BYTE_JOINED);
    gate_release(conn_gate(call->conn), HOLD_OPENING);
    ws_link_run(call->link);
}

static void connect_as_asked(struct byte_outbound *call)
{
    char host[SOCKS_NAME_MAX + 1];
    uint16_t port;
    struct error why;
    timer_stop(&call->quiet); /* it greeted in time */
    bool is_name = socks_asked(call->socks, host, &port);
    if (call->conn) { /* to the service's own place, whatever was asked */
        byte_socks_join(call);
        return;
    }
    byte_enter(call, BYTE_DIALING_ASKED);
    if (!is_name || host[0] == '\0') {
        error_set(&why, ERROR_INVALID, 0, "the destination that SOCKS5 names is no host");
        refuse(call, SOCKS_DENIED, &why);
    } else if (!byte_dial(call, host, port, NULL, &why)) {
        refuse(call, SOCKS_DENIED, &why);
    }
}

void byte_socks_take(struct byte_outbound *call, const void *data, size_t len)
{
    enum socks_step step = socks_feed(call->socks, data, len);
    struct span greeting = socks_greet(step);
    unsigned char out[SOCKS_REQUEST_MAX];
    switch (step) {
    case SOCKS_MORE:
        break;
    case SOCKS_GREETING:
        (void)say(call, greeting.data, greeting.len);
        break;
    case SOCKS_NO_METHOD:
        if (say(call, greeting.data, greeting.len))
            byte_finish(call, WS_CODE_NORMAL);
        break;
    case SOCKS_CONNECT:
        connect_as_asked(call);
        break;
    case SOCKS_OTHER:
        if (say(call, out, socks_reply(out, SOCKS_NO_COMMAND, NULL)))
            byte_finish(call, WS_CODE_NORMAL);
        break;
    case SOCKS_BAD:
        byte_finish(call, WS_CODE_NORMAL);
        break;
    }
}

/* Which failure of a dial is told how (RFC 1928 chapter 6). */
void byte_socks_fail(struct byte_outbound *call, const struct error *why)
{
    bool unknown = why->cause == DIAL_UNRESOLVED || why->kind == ERROR_DENIED;
    enum socks_reply code = SOCKS_HOST_UNREACHABLE;
    if (unknown)
        code = SOCKS_DENIED;
    else if (why->cause == ECONNREFUSED)
        code = SOCKS_REFUSED;
    else if (why->cause == ENETUNREACH)
        code = SOCKS_NETWORK_UNREACHABLE;
    refuse(call, code, why);
}
