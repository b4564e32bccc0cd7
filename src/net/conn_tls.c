/* A connection's bytes under TLS.
 *
 * A read may need writability and the other way round only while shaking hands: OpenSSL is told
 * never to renegotiate, and TLS 1.3 key updates are answered with the next write. */
#include "conn_tls.h"
#include "tls_identity.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

/* What a call into OpenSSL came to. */
enum tls_result { TLS_OK, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_ENDED, TLS_FAILED };

static enum tls_result tls_result(struct conn *conn, int code, const char *doing)
{
    int why = SSL_get_error(conn->ssl, code);
    if (conn->guard.cut != CONN_CUT_NONE) {
        conn->cut = conn->guard.cut;
        ERR_clear_error();
        (void)tls_guard_error(&conn->guard, &conn->why);
        return TLS_FAILED;
    }
    if (why == SSL_ERROR_WANT_READ)
        return TLS_WANTS_READ;
    if (why == SSL_ERROR_WANT_WRITE)
        return TLS_WANTS_WRITE;
    if (why == SSL_ERROR_ZERO_RETURN)
        return TLS_ENDED;
    int cause = errno;
    if (why == SSL_ERROR_SYSCALL && cause != 0 && ERR_peek_error() == 0) {
        error_errno(&conn->why, "%s", doing);
        conn->why.kind = ERROR_NETWORK;
    } else {
        (void)tls_session_error(conn->ssl, &conn->why);
        error_wrap(&conn->why, "%s", doing);
    }
    return TLS_FAILED;
}

void conn_tls_write(struct conn *conn)
{
    while (conn->out.len > 0) {
        struct span record = outqueue_peek(&conn->out);
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_write_ex(conn->ssl, record.data, record.len, &n);
        if (code == 1) {
            conn_output_left(conn, n);
            continue;
        }
        enum tls_result result = tls_result(conn, code, "write");
        if (result == TLS_WANTS_WRITE)
            conn->blocked = true;
        else if (result != TLS_WANTS_READ)
            conn_write_failed(conn);
        return;
    }
}

bool conn_tls_read(struct conn *conn)
{
    unsigned char *to = loop_scratch(conn->loop);
    size_t len = 0;
    enum tls_result result = TLS_OK;
    while (len < LOOP_SCRATCH && result == TLS_OK) {
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_read_ex(conn->ssl, to + len, LOOP_SCRATCH - len, &n);
        if (code == 1)
            tls_guard_data(&conn->guard, n);
        else
            result = tls_result(conn, code, "read");
        len += n;
    }
    conn->tls_readable = result == TLS_OK;
    if (len > 0 || result == TLS_ENDED)
        conn_give(conn, to, len);
    if (conn->state == CONN_CLOSED)
        return false;
    if (result == TLS_ENDED)
        conn_tell_end(conn);
    else if (result == TLS_FAILED)
        conn_lose_later(conn);
    return result == TLS_OK;
}

bool conn_tls_end(struct conn *conn)
{
    ERR_clear_error();
    int code = SSL_shutdown(conn->ssl);
    bool waits = code < 0 && SSL_get_error(conn->ssl, code) == SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
    return !waits;
}

/* ---- the handshake ---- */

void conn_tls_shake_hands(struct conn *conn)
{
    ERR_clear_error();
    errno = 0;
    int code = SSL_do_handshake(conn->ssl);
    if (code == 1) {
        conn->state = CONN_OPEN;
        tls_guard_open(&conn->guard);
        conn->needs_tls_write = false;
        conn->tls_readable = true;
        timer_stop(&conn->timer);
        task_post(&conn->deliver);
        task_post(&conn->flush); /* what was put, or the end of it */
        conn_rewatch(conn);
        conn->events->on_open(conn->arg);
        return;
    }
    enum tls_result result = tls_result(conn, code, "TLS handshake");
    conn->needs_tls_write = result == TLS_WANTS_WRITE;
    if (result == TLS_FAILED || result == TLS_ENDED) {
        if (result == TLS_ENDED)
            error_set(&conn->why, ERROR_NETWORK, 0, "TLS handshake: the peer closed");
        conn_lose_later(conn);
        return;
    }
    conn_rewatch(conn);
}

bool conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name,
                    uint64_t timeout_ms, struct error *err)
{
    assert(conn->state == CONN_OPEN && !conn->ssl && conn->out.len == 0);
    conn->ssl = tls_session_new(context, server_name, err);
    if (!conn->ssl)
        return false;
    BIO *bio = conn_bio_new(&conn->bio, loop_sockets(conn->loop), conn->fd);
    if (!bio)
        return error_memory(err);
    SSL_set_bio(conn->ssl, bio, bio);
    if (SSL_is_server(conn->ssl)) {
        conn->bio.cut = &conn->guard.cut;
        tls_guard_watch(&conn->guard, conn->ssl);
    }
    if (timeout_ms > 0 && !timer_start(&conn->timer, timeout_ms))
        return error_memory(err);
    conn->state = CONN_OPENING;
    conn->needs_tls_write = !SSL_is_server(conn->ssl);
    conn_rewatch(conn);
    return true;
}

bool conn_serves_name(const struct conn *conn, struct span name)
{
    char text[TLS_NAME_MAX + 1];
    if (!conn->ssl)
        return true;
    const char *asked = SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name);
    if (asked && tls_name_normalise(asked, text) && span_equal(name, span_of(text)))
        return true; /* the certificate was chosen for it */
    if (name.len > TLS_NAME_MAX)
        return false;
    span_copy(name, text, sizeof text);
    return tls_certificate_covers(SSL_get_certificate(conn->ssl), text);
}
