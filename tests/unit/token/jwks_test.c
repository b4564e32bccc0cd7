#include "culvert/token/jwks.h"

#include "harness.h"
#include "support/scarce_memory.h"
#include "support/token_mint.h"

static struct jwks *set_of(const char *const *keys)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    token_mint_set(keys, &text);
    struct jwks *jwks = jwks_parse(buf_span(&text), NULL);
    buf_release(&text);
    return jwks;
}

static struct jwt *token_of(const char *header, const char *key)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    token_mint(span_of(header), SPAN("{\"iss\":\"i\"}"), key, &text);
    struct jwt *jwt = jwt_parse(buf_span(&text), NULL);
    buf_release(&text);
    return jwt;
}

TEST(a_signature_is_found_good_by_the_key_that_the_token_names_only)
{
    static const struct {
        const char *header, *key;
        enum jwks_finding finding;
    } cases[] = {
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "k1", JWKS_SIGNED},
        {"{\"alg\":\"RS256\",\"kid\":\"k2\"}", "k2", JWKS_SIGNED},
        {"{\"alg\":\"RS256\"}", "k1", JWKS_SIGNED},
        {"{\"alg\":\"RS256\"}", "k2", JWKS_SIGNED},
        {"{\"alg\":\"RS256\"}", "k3", JWKS_NOT_SIGNED},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", "k2", JWKS_NOT_SIGNED},
        {"{\"alg\":\"RS256\",\"kid\":\"k3\"}", "k3", JWKS_NO_KEY},
        {"{\"alg\":\"RS256\",\"kid\":\"\"}", "k1", JWKS_NO_KEY},
        {"{\"alg\":\"RS256\",\"kid\":\"K1\"}", "k1", JWKS_NO_KEY},
        {"{\"alg\":\"RS512\",\"kid\":\"k1\"}", "k1", JWKS_NOT_SIGNED},
        {"{\"alg\":\"rs256\",\"kid\":\"k1\"}", "k1", JWKS_NOT_SIGNED},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", "k1", JWKS_NOT_SIGNED},
        {"{\"alg\":\"none\",\"kid\":\"k1\"}", NULL, JWKS_NOT_SIGNED},
        {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", NULL, JWKS_NOT_SIGNED},
    };
    struct jwks *jwks = set_of((const char *const[]){"k1", "k2", NULL});
    REQUIRE(jwks && jwks_count(jwks) == 2);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jwt *jwt = token_of(cases[i].header, cases[i].key);
        CHECK_CASE(jwt && jwks_judge(jwks, jwt) == cases[i].finding, "%s by %s", cases[i].header,
                   cases[i].key);
        jwt_free(jwt);
    }
    jwks_unref(jwks);
}

TEST(one_changed_byte_makes_a_signature_bad)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct jwks *jwks = set_of((const char *const[]){"k1", NULL});
    token_mint_usual(SPAN("{\"aud\":\"aaa\"}"), "k1", &text);
    struct jwt *jwt = jwt_parse(buf_span(&text), NULL);
    REQUIRE(jwks && jwt);
    CHECK(jwks_judge(jwks, jwt) == JWKS_SIGNED);
    jwt->text.data[jwt->signed_text.len - 3] ^= 1;
    CHECK(jwks_judge(jwks, jwt) == JWKS_NOT_SIGNED);
    jwt->text.data[jwt->signed_text.len - 3] ^= 1;
    jwt->signature.len--;
    CHECK(jwks_judge(jwks, jwt) == JWKS_NOT_SIGNED);
    jwt_free(jwt);
    jwks_unref(jwks);
    buf_release(&text);
}

TEST(keys_of_other_kinds_are_left_out)
{
    struct buf good = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct buf weak = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    token_mint_jwk("k1", "k1", &good);
    token_mint_jwk("short", "short", &weak);
    CHECK(buf_printf(&text,
                     "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"},"
                     "{\"kty\":\"new\"},{},5,null,"
                     "{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
                     "{\"kty\":\"RSA\",\"alg\":\"PS256\",\"n\":\"AQAB\",\"e\":\"AQAB\"},"
                     "{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"},{\"kty\":\"RSA\"},"
                     "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"},%s,%s]}",
                     buf_text(&weak), buf_text(&good)));
    struct error err = {0};
    struct jwks *jwks = jwks_parse(buf_span(&text), &err);
    CHECK_CASE(jwks && jwks_count(jwks) == 1, "%s", err.text);
    jwks_unref(jwks);
    buf_release(&good);
    buf_release(&weak);
    buf_release(&text);
}

TEST(exponents_that_are_no_use_make_no_key)
{
    static const char *const exponents[] = {"AA", "AQ", "Ag", "AQAA", "AQAAAAAB", ""};
    struct buf jwk = BUF_LIMIT(TOKEN_TEXT_MAX);
    token_mint_jwk("k1", "k1", &jwk);
    char *at = strstr(jwk.data, "AQAB");
    REQUIRE(at != NULL);
    for (size_t i = 0; i < ARRAY_LEN(exponents); i++) {
        struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
        struct error err = {0};
        CHECK(buf_printf(&text, "{\"keys\":[%.*s%s\"}]}", (int)(at - jwk.data), jwk.data,
                         exponents[i]));
        CHECK_CASE(!jwks_parse(buf_span(&text), &err) && err.kind == ERROR_INVALID, "%s: %s",
                   exponents[i], err.text);
        buf_release(&text);
    }
    buf_release(&jwk);
}

TEST(what_is_no_set_of_keys_is_refused)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "JSON"},
        {"<html>", "JSON"},
        {"[]", "no list of keys"},
        {"{}", "no list of keys"},
        {"{\"keys\":{}}", "no list of keys"},
        {"{\"keys\":[]}", "no RSA key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        CHECK_CASE(!jwks_parse(span_of(cases[i].text), &err) && strstr(err.text, cases[i].why),
                   "%s: %s", cases[i].text, err.text);
    }
}

TEST(a_set_has_no_more_keys_than_can_be_tried)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct buf jwk = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct error err = {0};
    token_mint_jwk("k1", "k1", &jwk);
    CHECK(buf_put_span(&text, SPAN("{\"keys\":[")));
    for (int i = 0; i < JWKS_KEYS_MAX; i++)
        CHECK(buf_printf(&text, "%s,", buf_text(&jwk)));
    size_t most = text.len - 1;
    text.data[most] = ']';
    CHECK(buf_put_char(&text, '}'));
    struct jwks *jwks = jwks_parse(buf_span(&text), &err);
    CHECK_CASE(jwks && jwks_count(jwks) == JWKS_KEYS_MAX, "%s", err.text);
    jwks_unref(jwks);
    text.data[most] = ',';
    text.len = most + 1;
    CHECK(buf_printf(&text, "%s]}", buf_text(&jwk)));
    CHECK(!jwks_parse(buf_span(&text), &err) && err.kind == ERROR_LIMIT);
    static char long_text[JWKS_BYTES_MAX + 1];
    CHECK(!jwks_parse(span_make(long_text, sizeof long_text), &err) && err.kind == ERROR_LIMIT);
    buf_release(&jwk);
    buf_release(&text);
}

TEST(a_set_that_does_not_fit_into_memory_is_not_called_wrong)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    bool failed = true;
    size_t n = 0;
    token_mint_set((const char *const[]){"k1", "k2", NULL}, &text);
    for (; failed && n < 1000; n++) {
        struct error err = {0};
        scarce_memory_begin(n);
        struct jwks *jwks = jwks_parse(buf_span(&text), &err);
        failed = scarce_memory_end();
        CHECK_CASE(jwks ? jwks_count(jwks) == 2 : err.kind == ERROR_SYSTEM, "allocation %zu: %s", n,
                   err.text);
        CHECK(jwks || failed);
        jwks_unref(jwks);
    }
    CHECK(n > 5 && n < 1000);
    buf_release(&text);
}
