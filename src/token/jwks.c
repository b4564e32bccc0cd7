/* A counted array of keys with their names. */
#include "culvert/token/jwks.h"

#include "culvert/base/doc.h"
#include "culvert/base/encode.h"
#include "culvert/base/refs.h"
#include "culvert/token/rsa_key.h"

#include <stdlib.h>

struct named_key {
    char *name; /* "": none */
    struct rsa_key *key;
};

struct jwks {
    struct refs refs;
    size_t count;
    struct named_key keys[JWKS_KEYS_MAX];
};

/* ---- reading ---- */

/* An absent member says nothing against the key. */
static bool says(const struct doc *jwk, const char *member, struct span wanted)
{
    const struct doc *value = doc_get(jwk, member);
    struct span text;
    return doc_kind(value) == DOC_NULL || (doc_as_text(value, &text) && span_equal(text, wanted));
}

static bool is_for_us(const struct doc *jwk)
{
    return doc_get(jwk, "kty") && says(jwk, "kty", SPAN("RSA")) && says(jwk, "use", SPAN("sig")) &&
           says(jwk, "alg", SPAN("RS256"));
}

static bool read_number(const struct doc *jwk, const char *member, struct buf *out)
{
    struct span text;
    return doc_as_text(doc_get(jwk, member), &text) && base64_decode(BASE64_URL_RAW, text, out);
}

/* NULL with kind SYSTEM: memory; else it is no key of use. */
static struct rsa_key *read_key(const struct doc *jwk, struct error *err)
{
    struct rsa_key *key = NULL;
    /* One byte more, for the sign that some issuers write, but no longer numbers. */
    struct buf modulus = BUF_LIMIT(RSA_KEY_BITS_MAX / 8 + 1);
    struct buf exponent = BUF_LIMIT(RSA_KEY_EXPONENT_BYTES + 1);
    (void)error_set(err, ERROR_INVALID, 0, "a key without its numbers");
    if (!buf_room(&modulus, RSA_KEY_BITS_MAX / 8 + 1) ||
        !buf_room(&exponent, RSA_KEY_EXPONENT_BYTES + 1))
        (void)error_memory(err);
    else if (read_number(jwk, "n", &modulus) && read_number(jwk, "e", &exponent))
        key = rsa_key_new(buf_span(&modulus), buf_span(&exponent), err);
    buf_release(&modulus);
    buf_release(&exponent);
    return key;
}

/* Adds it if it is of use. False: memory, or there are too many. */
static bool add(struct jwks *jwks, const struct doc *jwk, struct error *err)
{
    struct error why = {0};
    struct span name = SPAN("");
    const struct doc *key_id = doc_get(jwk, "kid");
    if (!is_for_us(jwk) || (doc_kind(key_id) != DOC_NULL && !doc_as_text(key_id, &name)))
        return true;
    if (jwks->count == JWKS_KEYS_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d keys", JWKS_KEYS_MAX);
    struct rsa_key *key = read_key(jwk, &why);
    if (!key)
        return why.kind != ERROR_SYSTEM || error_memory(err);
    struct named_key *place = &jwks->keys[jwks->count++];
    *place = (struct named_key){span_dup(name), key};
    return place->name || error_memory(err);
}

static bool read_set(struct jwks *jwks, const struct doc *root, struct error *err)
{
    const struct doc *keys = doc_get(root, "keys");
    if (doc_kind(keys) != DOC_ARRAY)
        return error_set(err, ERROR_INVALID, 0, "no list of keys");
    for (size_t i = 0; i < doc_count(keys); i++)
        if (!add(jwks, doc_at(keys, i), err))
            return false;
    return jwks->count > 0 || error_set(err, ERROR_INVALID, 0, "no RSA key for signatures");
}

struct jwks *jwks_parse(struct span text, struct error *err)
{
    if (text.len > JWKS_BYTES_MAX) {
        (void)error_set(err, ERROR_LIMIT, 0, "a key set of more than %d bytes", JWKS_BYTES_MAX);
        return NULL;
    }
    struct jwks *jwks = calloc(1, sizeof *jwks);
    if (!jwks) {
        (void)error_memory(err);
        return NULL;
    }
    refs_init(&jwks->refs);
    struct doc *root = doc_parse(text, err);
    bool ok = root && read_set(jwks, root, err);
    doc_free(root);
    if (ok)
        return jwks;
    jwks_unref(jwks);
    return NULL;
}

/* ---- life ---- */

struct jwks *jwks_ref(struct jwks *jwks)
{
    if (jwks)
        refs_take(&jwks->refs);
    return jwks;
}

void jwks_unref(struct jwks *jwks)
{
    if (!jwks || !refs_drop(&jwks->refs))
        return;
    for (size_t i = 0; i < jwks->count; i++) {
        free(jwks->keys[i].name);
        rsa_key_free(jwks->keys[i].key);
    }
    free(jwks);
}

size_t jwks_count(const struct jwks *jwks)
{
    return jwks->count;
}

/* ---- judging ---- */

enum jwks_finding jwks_judge(const struct jwks *jwks, const struct jwt *jwt)
{
    enum jwks_finding finding = jwt->has_key_id ? JWKS_NO_KEY : JWKS_NOT_SIGNED;
    if (!span_equal(jwt->algorithm, SPAN("RS256")))
        return JWKS_NOT_SIGNED;
    for (size_t i = 0; i < jwks->count; i++) {
        const struct named_key *named = &jwks->keys[i];
        if (jwt->has_key_id && !span_equal(span_of(named->name), jwt->key_id))
            continue;
        if (rsa_key_verifies(named->key, jwt->signed_text, jwt->signature))
            return JWKS_SIGNED;
        finding = JWKS_NOT_SIGNED;
    }
    return finding;
}
