/* Three parts between two dots; the first two are JSON. Nothing of a token gets into a sentence:
 * it is a secret as long as it is valid. */
#include "culvert/token/jwt.h"

#include "culvert/base/doc.h"
#include "culvert/base/encode.h"

#include <stdlib.h>

/* The end of the year 9999; what is beyond is no time. */
static const double seconds_max = 253402300799.0;

struct parts {
    struct span header, claims, signature;
};

static bool cut(struct span text, struct parts *parts, struct error *err)
{
    struct span rest = text;
    struct span more;
    if (span_cut(&rest, '.', &parts->header) && span_cut(&rest, '.', &parts->claims) &&
        span_cut(&rest, '.', &parts->signature) && !span_cut(&rest, '.', &more) &&
        parts->header.len > 0 && parts->claims.len > 0)
        return true;
    return error_set(err, ERROR_INVALID, 0, "not three parts");
}

/* Appends the decoded part and gives its place, which holds until the next one. */
static bool decode(struct buf *bytes, struct span part, struct span *decoded, struct error *err)
{
    size_t before = bytes->len;
    if (!base64_decode(BASE64_URL_RAW, part, bytes))
        return error_set(err, ERROR_INVALID, 0, "a part that is not base64url");
    *decoded = span_skip(buf_span(bytes), before);
    return true;
}

/* The reader's own sentence would tell a place, and with it nothing of use. */
static struct doc *read_object(struct buf *bytes, struct span part, struct error *err)
{
    struct span text = SPAN_NONE;
    struct error why = {0};
    if (!decode(bytes, part, &text, err))
        return NULL;
    struct doc *object = doc_parse(text, &why);
    if (object && doc_kind(object) == DOC_OBJECT)
        return object;
    doc_wipe(object);
    if (why.kind == ERROR_SYSTEM)
        (void)error_memory(err);
    else
        (void)error_set(err, ERROR_INVALID, 0, "a part that is not a JSON object");
    return NULL;
}

/* ---- the header ---- */

static bool read_header(struct jwt *jwt, struct error *err)
{
    const struct doc *key_id = doc_get(jwt->header, "kid");
    if (!doc_as_text(doc_get(jwt->header, "alg"), &jwt->algorithm))
        return error_set(err, ERROR_INVALID, 0, "\"alg\" is not a text");
    jwt->has_key_id = doc_kind(key_id) != DOC_NULL;
    if (jwt->has_key_id && !doc_as_text(key_id, &jwt->key_id))
        return error_set(err, ERROR_INVALID, 0, "\"kid\" is not a text");
    /* Extensions that must be understood (RFC 7515 4.1.11): we know none. */
    if (doc_get(jwt->header, "crit"))
        return error_set(err, ERROR_INVALID, 0, "\"crit\" asks for what is unknown");
    return true;
}

/* ---- the claims ---- */

/* A number, or a number as a text: some issuers write it so. */
static bool read_seconds(const struct doc *value, double *seconds, struct error *err)
{
    struct span text;
    if (doc_as_real(value, seconds))
        return true;
    struct doc *number = doc_as_text(value, &text) ? doc_parse(text, err) : NULL;
    bool ok = number && doc_as_real(number, seconds);
    doc_free(number);
    return ok;
}

static bool read_time(const struct doc *claims, const char *key, bool *present, int64_t *unix_ms,
                      struct error *err)
{
    const struct doc *value = doc_get(claims, key);
    struct error why = {0};
    double seconds;
    *present = doc_kind(value) != DOC_NULL;
    if (!*present)
        return true;
    if (!read_seconds(value, &seconds, &why) || seconds < 0 || seconds > seconds_max)
        return why.kind == ERROR_SYSTEM
                   ? error_memory(err)
                   : error_set(err, ERROR_INVALID, 0, "\"%s\" is not a time", key);
    *unix_ms = (int64_t)(seconds * 1000);
    return true;
}

static bool check_audience(const struct doc *audience)
{
    struct span text;
    enum doc_kind kind = doc_kind(audience);
    if (kind != DOC_ARRAY)
        return kind == DOC_NULL || kind == DOC_TEXT;
    for (size_t i = 0; i < doc_count(audience); i++)
        if (!doc_as_text(doc_at(audience, i), &text))
            return false;
    return true;
}

static bool read_claims(struct jwt *jwt, struct error *err)
{
    if (!doc_read_text(jwt->claims, "iss", &jwt->issuer, err))
        return false;
    if (!read_time(jwt->claims, "exp", &jwt->has_expiry, &jwt->expires_ms, err) ||
        !read_time(jwt->claims, "nbf", &jwt->has_not_before, &jwt->not_before_ms, err))
        return false;
    if (!check_audience(doc_get(jwt->claims, "aud")))
        return error_set(err, ERROR_INVALID, 0, "\"aud\" is neither a text nor a list of texts");
    return true;
}

/* ---- the whole ---- */

static bool read_all(struct jwt *jwt, struct error *err)
{
    struct parts parts = {0};
    struct span text = buf_span(&jwt->text);
    if (!cut(text, &parts, err))
        return false;
    jwt->signed_text = span_first(text, parts.header.len + 1 + parts.claims.len);
    jwt->header = read_object(&jwt->bytes, parts.header, err);
    if (!jwt->header || !read_header(jwt, err))
        return false;
    jwt->claims = read_object(&jwt->bytes, parts.claims, err);
    return jwt->claims && read_claims(jwt, err) &&
           decode(&jwt->bytes, parts.signature, &jwt->signature, err);
}

struct jwt *jwt_parse(struct span text, struct error *err)
{
    if (text.len > JWT_BYTES_MAX) {
        (void)error_set(err, ERROR_LIMIT, 0, "longer than %d bytes", JWT_BYTES_MAX);
        return NULL;
    }
    struct jwt *jwt = calloc(1, sizeof *jwt);
    if (!jwt) {
        (void)error_memory(err);
        return NULL;
    }
    jwt->text.limit = jwt->bytes.limit = JWT_BYTES_MAX;
    /* Room for all parts at once: spans into it must stay, and a later lack would look as if the
     * token were wrong. */
    bool ok =
        (buf_put_span(&jwt->text, text) && buf_room(&jwt->bytes, text.len)) || error_memory(err);
    if (ok && read_all(jwt, err))
        return jwt;
    jwt_free(jwt);
    return NULL;
}

void jwt_free(struct jwt *jwt)
{
    if (!jwt)
        return;
    doc_wipe(jwt->header);
    doc_wipe(jwt->claims);
    buf_wipe(&jwt->text);
    buf_wipe(&jwt->bytes);
    free(jwt);
}

bool jwt_is_for(const struct jwt *jwt, struct span audience)
{
    const struct doc *claim = doc_get(jwt->claims, "aud");
    struct span text;
    if (doc_as_text(claim, &text))
        return span_equal(text, audience);
    for (size_t i = 0; i < doc_count(claim); i++)
        if (doc_as_text(doc_at(claim, i), &text) && span_equal(text, audience))
            return true;
    return false;
}
