/* A failed session in the words of an operator. */
#include "culvert/net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

/* The certificate was looked at and refused. */
static bool verify_error(SSL *session, struct error *err)
{
    long result = SSL_get_verify_result(session);
    const char *reason = X509_verify_cert_error_string(result);
    X509_VERIFY_PARAM *param = SSL_get0_param(session);

    if (result == X509_V_ERR_HOSTNAME_MISMATCH) {
        const char *name = X509_VERIFY_PARAM_get0_host(param, 0);
        return error_set(err, ERROR_PROTOCOL, (int)result,
                         "certificate of the peer: hostname mismatch, it is not for %s",
                         name ? name : "the name that was asked for");
    }
    if (result == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        char *address = X509_VERIFY_PARAM_get1_ip_asc(param);
        (void)error_set(err, ERROR_PROTOCOL, (int)result,
                        "certificate of the peer: IP address mismatch, it is not for %s",
                        address ? address : "the address that was asked for");
        OPENSSL_free(address);
        return false;
    }
    return error_set(err, ERROR_PROTOCOL, (int)result, "certificate of the peer: %s", reason);
}

/* The library said nothing: the transport failed, or just ended. */
static bool transport_error(int cause, struct error *err)
{
    switch (cause) {
    case ECONNRESET:
    case ECONNABORTED:
    case ECONNREFUSED:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
        errno = cause;
        (void)error_errno(err, "TLS");
        if (err)
            err->kind = ERROR_NETWORK;
        return false;
    default: /* left over from another call */
        return error_set(err, ERROR_NETWORK, 0, "TLS: the peer closed the connection");
    }
}

static bool library_error(unsigned long code, struct error *err)
{
    int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET)
        return error_set(err, ERROR_PROTOCOL, reason - SSL_AD_REASON_OFFSET,
                         "TLS: the peer refused with the alert \"%s\"",
                         SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? reason : 0) {
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
        return error_set(err, ERROR_NETWORK, 0, "TLS: the peer closed the connection");
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        return error_set(err, ERROR_PROTOCOL, reason, "TLS: the peer does not speak TLS");
    default:
        break;
    }
    const char *text = ERR_reason_error_string(code);
    return error_set(err, ERROR_PROTOCOL, reason, "TLS: %s", text ? text : "unknown failure");
}

bool tls_session_error(struct ssl_st *session, struct error *err)
{
    int cause = errno;
    /* The first entry is the fact and later ones what it led to; a refused certificate is last. */
    unsigned long code = ERR_peek_error();
    unsigned long last = ERR_peek_last_error();
    ERR_clear_error();

    if (ERR_GET_LIB(last) == ERR_LIB_SSL &&
        ERR_GET_REASON(last) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
        SSL_get_verify_result(session) != X509_V_OK)
        return verify_error(session, err);
    return code ? library_error(code, err) : transport_error(cause, err);
}
