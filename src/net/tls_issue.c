/* Makes keys and signs certificates. What is in a leaf stands in fill_leaf, in a CA in fill_issuer.
 */
#include "culvert/net/tls_issue.h"

#include "culvert/base/random.h"
#include "tls_identity.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct tls_issuer {
    X509 *certificate;
    EVP_PKEY *key;
};

enum {
    SECONDS_PER_DAY = 24 * 60 * 60,
    SERIAL_BYTES = 16,   /* RFC 5280 4.1.2.2: positive, at most 20 bytes */
    COMMON_NAME_MAX = 64 /* RFC 5280 appendix A.1: ub-common-name */
};

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    random_bytes(bytes, sizeof bytes);
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40); /* positive and of full length */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool set_validity(X509 *certificate, int64_t unix_ms, int days)
{
    time_t now = (time_t)(unix_ms / 1000);
    return ASN1_TIME_set(X509_getm_notBefore(certificate), now - TLS_BACKDATE_SECONDS) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), now + (time_t)days * SECONDS_PER_DAY);
}

static bool set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Culvert", -1,
                                   -1, 0) != 1)
        return false;
    return strlen(common_name) > COMMON_NAME_MAX ||
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                      (const unsigned char *)common_name, -1, -1, 0) == 1;
}

struct extension {
    int nid;
    const char *value; /* in OpenSSL's notation; never made from input */
};

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions,
                           size_t count)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (size_t i = 0; i < count; i++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);
        bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!ok)
            return false;
    }
    return true;
}

static EVP_PKEY *new_key(struct error *err)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    if (!key)
        (void)tls_library_error(err, ERROR_SYSTEM, "making a key");
    return key;
}

/* A certificate with everything but extensions and signature. */
static X509 *blank(const char *common_name, int64_t unix_ms, int days, EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) && set_validity(certificate, unix_ms, days) &&
        set_subject(certificate, common_name) && X509_set_pubkey(certificate, key) == 1)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static bool fill_issuer(X509 *certificate, EVP_PKEY *key)
{
    static const struct extension extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    return X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
           add_extensions(certificate, certificate, extensions, ARRAY_LEN(extensions)) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Takes both over in every case. */
static struct tls_issuer *issuer_new(X509 *certificate, EVP_PKEY *key, struct error *err)
{
    struct tls_issuer *issuer = calloc(1, sizeof *issuer);
    if (!issuer) {
        X509_free(certificate);
        EVP_PKEY_free(key);
        (void)error_memory(err);
        return NULL;
    }
    issuer->certificate = certificate;
    issuer->key = key;
    return issuer;
}

struct tls_issuer *tls_issuer_make(const char *common_name, struct span key_pem, int64_t unix_ms,
                                   struct error *err)
{
    unsigned char tail[4];
    char name[COMMON_NAME_MAX + 1];

    ERR_clear_error();
    random_bytes(tail, sizeof tail);
    (void)snprintf(name, sizeof name, "%.48s %02x%02x%02x%02x", common_name, tail[0], tail[1],
                   tail[2], tail[3]);
    EVP_PKEY *key = key_pem.len > 0 ? tls_pem_key(key_pem, err) : new_key(err);
    if (!key)
        return NULL;
    X509 *certificate = blank(name, unix_ms, TLS_ISSUER_DAYS, key);
    if (certificate && fill_issuer(certificate, key))
        return issuer_new(certificate, key, err);
    (void)tls_library_error(err, ERROR_SYSTEM, "making a CA certificate");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return NULL;
}

static bool keep_first(void *arg, X509 *certificate, struct error *err)
{
    X509 **kept = arg;
    if (*kept) {
        X509_free(certificate);
        return error_set(err, ERROR_INVALID, 0, "more than one certificate");
    }
    *kept = certificate;
    return true;
}

struct tls_issuer *tls_issuer_parse(struct span certificate_pem, struct span key_pem,
                                    struct error *err)
{
    X509 *certificate = NULL;
    EVP_PKEY *key = NULL;
    struct tls_issuer *issuer = NULL;

    if (tls_pem_certificates(certificate_pem, keep_first, &certificate, err) == 0)
        goto out;
    key = tls_pem_key(key_pem, err);
    if (!key)
        goto out;
    if (X509_check_ca(certificate) != 1) {
        (void)error_set(err, ERROR_INVALID, 0, "the certificate is not one of a CA");
        goto out;
    }
    if (X509_check_private_key(certificate, key) != 1) {
        (void)error_set(err, ERROR_INVALID, 0, "the private key does not belong to the CA");
        goto out;
    }
    issuer = issuer_new(certificate, key, err);
    certificate = NULL;
    key = NULL;

out:
    ERR_clear_error();
    X509_free(certificate);
    EVP_PKEY_free(key);
    return issuer;
}

void tls_issuer_free(struct tls_issuer *issuer)
{
    if (!issuer)
        return;
    X509_free(issuer->certificate);
    EVP_PKEY_free(issuer->key);
    free(issuer);
}

static GENERAL_NAME *address_name(const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *bytes = a2i_IPADDRESS(text);
    if (name && bytes) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, bytes);
        return name;
    }
    GENERAL_NAME_free(name);
    ASN1_OCTET_STRING_free(bytes);
    return NULL;
}

static GENERAL_NAME *host_name(const char *text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    if (name && value && ASN1_STRING_set(value, text, -1) == 1) {
        GENERAL_NAME_set0_value(name, GEN_DNS, value);
        return name;
    }
    GENERAL_NAME_free(name);
    ASN1_IA5STRING_free(value);
    return NULL;
}

/* Exact names in normal form and addresses only. */
static bool check_name(const char *text, struct error *err)
{
    char normal[TLS_NAME_MAX + 1];
    if (tls_name_is_address(text) ||
        (tls_name_normalise(text, normal) && strcmp(normal, text) == 0))
        return true;
    return error_set(err, ERROR_INVALID, 0, "\"%.100s\" is no name for a certificate", text);
}

static bool add_name(GENERAL_NAMES *names, const char *text, struct error *err)
{
    GENERAL_NAME *name = tls_name_is_address(text) ? address_name(text) : host_name(text);
    if (name && sk_GENERAL_NAME_push(names, name) > 0)
        return true;
    GENERAL_NAME_free(name);
    return error_memory(err);
}

static bool add_names(X509 *certificate, const char *const *texts, size_t count, struct error *err)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names || error_memory(err);
    for (size_t i = 0; ok && i < count; i++)
        ok = add_name(names, texts[i], err);
    if (ok &&
        X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
        ok = tls_library_error(err, ERROR_SYSTEM, "names of a certificate");
    GENERAL_NAMES_free(names);
    return ok;
}

static bool fill_leaf(const struct tls_issuer *issuer, X509 *leaf, struct error *err)
{
    static const struct extension extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    const ASN1_TIME *last = X509_get0_notAfter(issuer->certificate);
    if (ASN1_TIME_compare(X509_get0_notAfter(leaf), last) > 0 &&
        X509_set1_notAfter(leaf, last) != 1)
        return tls_library_error(err, ERROR_SYSTEM, "issuing a certificate");
    if (X509_set_issuer_name(leaf, X509_get_subject_name(issuer->certificate)) == 1 &&
        add_extensions(leaf, issuer->certificate, extensions, ARRAY_LEN(extensions)) &&
        X509_sign(leaf, issuer->key, EVP_sha256()) > 0)
        return true;
    return tls_library_error(err, ERROR_SYSTEM, "issuing a certificate");
}

struct tls_identity *tls_issue(const struct tls_issuer *issuer, const char *const *names,
                               size_t count, int64_t unix_ms, struct error *err)
{
    ERR_clear_error();
    if (count == 0 || count > TLS_LEAF_NAMES_MAX) {
        (void)error_set(err, ERROR_INVALID, 0, "a certificate has 1 to %d names",
                        TLS_LEAF_NAMES_MAX);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (!check_name(names[i], err))
            return NULL;
    EVP_PKEY *key = new_key(err);
    if (!key)
        return NULL;
    X509 *leaf = blank(names[0], unix_ms, TLS_LEAF_DAYS, key);
    if (!leaf)
        (void)tls_library_error(err, ERROR_SYSTEM, "making a certificate");
    else if (add_names(leaf, names, count, err) && fill_leaf(issuer, leaf, err))
        return tls_identity_make(leaf, key, err);
    X509_free(leaf);
    EVP_PKEY_free(key);
    return NULL;
}

int64_t tls_issuer_until(const struct tls_issuer *issuer)
{
    return tls_time_ms(X509_get0_notAfter(issuer->certificate));
}

bool tls_issuer_certificate(const struct tls_issuer *issuer, struct buf *out, struct error *err)
{
    return tls_pem_put_certificate(issuer->certificate, out, err);
}

bool tls_issuer_key(const struct tls_issuer *issuer, struct buf *out, struct error *err)
{
    return tls_pem_put_key(issuer->key, out, err);
}
