/* A connection's bytes under TLS.
 *
 * A read may need writability and the other way round only while shaking hands: OpenSSL is told
 * never to renegotiate, and what a read makes it say (the answer to a TLS 1.3 key update, an alert)
 * waits in memory to be written. Within a message behind the handshake (a session ticket that fills
 * several records) nothing can be sealed: what waits leaves after the read that brings the rest of
 * it. */
#include "conn_tls.h"
#include "tls_identity.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum {
    RECORD_BULK = OUT_BLOCK, /* the most that a record holds (RFC 8446 5.1) */
    RECORD_SMALL = 4 * 1024, /* three segments */
    RECORD_FRAME = 256,      /* what sealing adds at most (RFC 8446 5.2) */
    BURST_SMALL = 64 * 1024, /* so much after a pause goes in small records */
    BURST_PAUSE_MS = 1000,
};

/* What a call into OpenSSL came to. */
enum tls_result { TLS_OK, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_ENDED, TLS_FAILED };

static enum tls_result tls_result(struct conn *conn, int code, const char *doing)
{
    int result = SSL_get_error(conn->tls->ssl, code);
    struct error why;
    if (conn->tls->guard.cut != CONN_CUT_NONE) {
        conn->cut = conn->tls->guard.cut;
        ERR_clear_error();
        (void)tls_guard_error(&conn->tls->guard, &why);
        conn_blame(conn, &why);
        return TLS_FAILED;
    }
    if (result == SSL_ERROR_WANT_READ)
        return TLS_WANTS_READ;
    if (result == SSL_ERROR_WANT_WRITE)
        return TLS_WANTS_WRITE;
    if (result == SSL_ERROR_ZERO_RETURN)
        return TLS_ENDED;
    int cause = errno;
    if (result == SSL_ERROR_SYSCALL && cause != 0 && ERR_peek_error() == 0) {
        error_errno(&why, "%s", doing);
        why.kind = ERROR_NETWORK;
    } else {
        (void)tls_session_error(conn->tls->ssl, &why);
        error_wrap(&why, "%s", doing);
    }
    conn_blame(conn, &why);
    return TLS_FAILED;
}

/* After a pause the peer's first bytes come in records that fit a few segments, so that it can use
 * them as they arrive; in bulk a record is as large as it may be. */
static size_t record_size(struct conn *conn)
{
    uint64_t now = loop_now_ms(conn->loop);
    if (now - conn->tls->sealed_ms >= BURST_PAUSE_MS)
        conn->tls->burst = 0;
    conn->tls->sealed_ms = now;
    return conn->tls->burst < BURST_SMALL ? RECORD_SMALL : RECORD_BULK;
}

/* Seals what is queued, until the buffer of this turn has no room for another record. */
static enum tls_result seal(struct conn *conn)
{
    while (conn->out.len > 0 && conn_bio_room(&conn->tls->bio) >= RECORD_BULK + RECORD_FRAME) {
        struct span record = span_first(outqueue_peek(&conn->out), record_size(conn));
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_write_ex(conn->tls->ssl, record.data, record.len, &n);
        if (code != 1)
            return tls_result(conn, code, "write");
        outqueue_drop(&conn->out, conn->loop, n);
        conn->tls->burst += n;
    }
    return TLS_OK;
}

/* Sends sealed bytes; what the kernel does not take waits. False: so it is, or the peer closed its
 * ears. */
static bool send_sealed(struct conn *conn, struct span sealed)
{
    while (sealed.len > 0) {
        struct iovec vector = {(void *)(uintptr_t)sealed.data, sealed.len};
        size_t n = conn_send(conn, &vector, 1);
        if (n == 0)
            break;
        sealed = span_skip(sealed, n);
    }
    if (sealed.len == 0)
        return true;
    if (conn->blocked && !outqueue_put(&conn->tls->bio.rest, conn->loop, sealed.data, sealed.len)) {
        struct error why;
        error_memory(&why);
        conn_lose(conn, &why);
    }
    return false;
}

void conn_tls_write(struct conn *conn)
{
    enum tls_result result = TLS_OK;
    if (!conn_send_queue(conn, &conn->tls->bio.rest))
        return;
    while (conn->out.len > 0 && result == TLS_OK) {
        conn_bio_begin_writing(&conn->tls->bio, loop_records(conn->loop), LOOP_RECORDS);
        result = seal(conn);
        if (!send_sealed(conn, conn_bio_end_writing(&conn->tls->bio)))
            return;
    }
    if (result == TLS_FAILED || result == TLS_ENDED)
        conn_write_failed(conn);
}

bool conn_tls_read(struct conn *conn)
{
    unsigned char *to = loop_records(conn->loop);
    size_t len = 0;
    enum tls_result result = TLS_OK;
    size_t size = conn_read_size(conn);
    if (!conn_wants_bytes(conn))
        return false; /* its consumer has no room now */
    conn_bio_begin_reading(&conn->tls->bio, loop_scratch(conn->loop), size);
    while (result == TLS_OK) {
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_read_ex(conn->tls->ssl, to + len, LOOP_RECORDS - len, &n);
        if (code == 1)
            tls_guard_data(&conn->tls->guard, n);
        else
            result = tls_result(conn, code, "read");
        len += n;
    }
    bool more = conn_bio_end_reading(&conn->tls->bio);
    conn->tls_readable = false;
    /* An alert, the answer to a key update, or what could not be sealed within a message that came
     * in several records (see above). */
    if (conn_waiting(conn) > 0 && !conn->blocked)
        task_post(&conn->flush);
    if (len > 0 || result == TLS_ENDED)
        conn_give(conn, to, len);
    if (conn->state == CONN_CLOSED)
        return false;
    if (result == TLS_ENDED)
        conn_tell_end(conn);
    else if (result == TLS_FAILED)
        conn_lose_later(conn);
    return more && result == TLS_WANTS_READ;
}

bool conn_tls_end(struct conn *conn)
{
    ERR_clear_error();
    int code = SSL_shutdown(conn->tls->ssl);
    bool waits = code < 0 && SSL_get_error(conn->tls->ssl, code) == SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
    return !waits;
}

/* ---- the handshake ---- */

void conn_tls_shake_hands(struct conn *conn)
{
    ERR_clear_error();
    errno = 0;
    int code = SSL_do_handshake(conn->tls->ssl);
    if (code == 1) {
        conn->state = CONN_OPEN;
        tls_guard_open(&conn->tls->guard);
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
        struct error why;
        error_set(&why, ERROR_NETWORK, 0, "TLS handshake: the peer closed");
        if (result == TLS_ENDED)
            conn_blame(conn, &why);
        conn_lose_later(conn);
        return;
    }
    conn_rewatch(conn);
}

void conn_tls_free(struct conn_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    conn_bio_release(&tls->bio);
    free(tls);
}

static struct conn_tls *conn_tls_new(const struct conn *conn, struct tls_context *context,
                                     const char *server_name, struct error *err)
{
    struct conn_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        error_memory(err);
        return NULL;
    }
    tls->ssl = tls_session_new(context, server_name, err);
    BIO *bio = tls->ssl ? conn_bio_new(&tls->bio, loop_sockets(conn->loop), conn->fd) : NULL;
    if (!bio) {
        if (tls->ssl)
            error_memory(err);
        conn_tls_free(tls);
        return NULL;
    }
    SSL_set_bio(tls->ssl, bio, bio);
    if (SSL_is_server(tls->ssl)) {
        tls->bio.cut = &tls->guard.cut;
        tls_guard_watch(&tls->guard, tls->ssl);
    }
    return tls;
}

bool conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name,
                    uint64_t timeout_ms, struct error *err)
{
    assert(conn->state == CONN_OPEN && !conn->tls && conn->out.len == 0);
    if (conn->pending.len > 0) /* behind the handshake nobody could tell them from the peer's */
        return error_set(err, ERROR_PROTOCOL, 0, "bytes came in clear before TLS began");
    struct conn_tls *tls = conn_tls_new(conn, context, server_name, err);
    if (!tls)
        return false;
    conn->tls = tls;
    if (timeout_ms > 0 && !timer_start(&conn->timer, timeout_ms))
        return error_memory(err);
    conn->state = CONN_OPENING;
    conn->needs_tls_write = !SSL_is_server(tls->ssl);
    conn_rewatch(conn);
    return true;
}

bool conn_serves_name(const struct conn *conn, struct span name)
{
    char text[TLS_NAME_MAX + 1];
    if (!conn->tls)
        return true;
    const char *asked = SSL_get_servername(conn->tls->ssl, TLSEXT_NAMETYPE_host_name);
    if (!asked)
        return true;
    if (tls_name_normalise(asked, text) && span_equal(name, span_of(text)))
        return true; /* the certificate was chosen for it */
    if (name.len > TLS_NAME_MAX)
        return false;
    span_copy(name, text, sizeof text);
    return tls_certificate_covers(SSL_get_certificate(conn->tls->ssl), text);
}
