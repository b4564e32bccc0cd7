/* Looks at the head of each record that comes in. What a record holds is not known then, so each is
 * held against the peer until it has brought data. */
#include "tls_guard.h"

#include <openssl/ssl.h>

enum { RECORD_HEAD = 5 };

static void judge(struct tls_guard *guard, unsigned char type, size_t len, bool is_tls13)
{
    if (guard->cut != CONN_CUT_NONE)
        return;
    if (!guard->is_open) {
        guard->handshake_bytes += RECORD_HEAD + len;
        if (guard->handshake_bytes > TLS_HELLO_MAX)
            guard->cut = CONN_CUT_HELLO;
        return;
    }
    /* TLS 1.3 hides the type of all records behind the handshake. */
    if (type == SSL3_RT_HANDSHAKE && !is_tls13)
        guard->cut = CONN_CUT_RENEGOTIATION;
    else if (guard->idle_records++ == TLS_MESSAGES_MAX)
        guard->cut = CONN_CUT_MESSAGES;
}

static void on_message(int written, int version, int type, const void *bytes, size_t len,
                       SSL *session, void *arg)
{
    const unsigned char *head = bytes;
    (void)version;
    if (written || type != SSL3_RT_HEADER || len < RECORD_HEAD)
        return;
    judge(arg, head[0], (size_t)head[3] << 8 | head[4], SSL_version(session) == TLS1_3_VERSION);
}

void tls_guard_watch(struct tls_guard *guard, struct ssl_st *session)
{
    SSL_set_msg_callback(session, on_message);
    SSL_set_msg_callback_arg(session, guard);
}

void tls_guard_open(struct tls_guard *guard)
{
    guard->is_open = true;
}

static void allow(struct tls_guard *guard)
{
    if (guard->idle_records > 0)
        guard->idle_records--;
}

void tls_guard_data(struct tls_guard *guard, size_t len)
{
    allow(guard); /* it was no idle one */
    guard->data_bytes += len;
    if (guard->data_bytes < TLS_MESSAGE_BYTES)
        return;
    guard->data_bytes = 0;
    allow(guard);
}

bool tls_guard_error(const struct tls_guard *guard, struct error *err)
{
    static const char *const texts[CONN_CUTS] = {
        [CONN_CUT_HELLO] = "the peer's TLS handshake has too many bytes",
        [CONN_CUT_RENEGOTIATION] = "the peer wants to renegotiate TLS",
        [CONN_CUT_MESSAGES] = "the peer sends too many TLS records without data",
    };
    const char *text = texts[guard->cut];
    return error_set(err, ERROR_LIMIT, 0, "%s", text ? text : "a limit of TLS");
}
