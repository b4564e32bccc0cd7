#include "culvert/token/jwt.h"

#include "culvert/base/encode.h"
#include "harness.h"
#include "support/scarce_memory.h"
#include "support/token_mint.h"

#define RS256 "{\"alg\":\"RS256\",\"kid\":\"k1\"}"

/* The token of two JSON texts with an empty signature. */
static struct jwt *parse(const char *header, const char *claims, struct error *err)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    token_mint(span_of(header), span_of(claims), NULL, &text);
    struct jwt *jwt = jwt_parse(buf_span(&text), err);
    buf_release(&text);
    return jwt;
}

TEST(a_token_is_taken_apart)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct error err = {0};
    token_mint(SPAN(RS256), SPAN("{\"iss\":\"https://i\",\"aud\":[\"a\",\"b\"],\"exp\":100}"), "k1",
               &text);
    struct jwt *jwt = jwt_parse(buf_span(&text), &err);
    REQUIRE(jwt != NULL);
    CHECK_SPAN(jwt->algorithm, SPAN("RS256"));
    CHECK(jwt->has_key_id);
    CHECK_SPAN(jwt->key_id, SPAN("k1"));
    CHECK_SPAN(jwt->issuer, SPAN("https://i"));
    CHECK(jwt->has_expiry && jwt->expires_ms == 100 * 1000);
    CHECK(!jwt->has_not_before);
    CHECK_SIZE(jwt->signature.len, 256);
    size_t dot = jwt->signed_text.len;
    CHECK(dot < text.len && text.data[dot] == '.');
    CHECK_SPAN(jwt->signed_text, span_first(buf_span(&text), dot));
    CHECK(jwt_is_for(jwt, SPAN("a")) && jwt_is_for(jwt, SPAN("b")));
    CHECK(!jwt_is_for(jwt, SPAN("A")) && !jwt_is_for(jwt, SPAN("")));
    jwt_free(jwt);
    buf_release(&text);
}

TEST(what_is_absent_is_said_to_be)
{
    struct jwt *jwt = parse("{\"alg\":\"none\"}", "{}", NULL);
    REQUIRE(jwt != NULL);
    CHECK(!jwt->has_key_id && !jwt->has_expiry && !jwt->has_not_before);
    CHECK_SPAN(jwt->issuer, SPAN(""));
    CHECK_SIZE(jwt->signature.len, 0);
    CHECK(!jwt_is_for(jwt, SPAN("")) && !jwt_is_for(jwt, SPAN("a")));
    jwt_free(jwt);
}

TEST(an_audience_may_be_one_text)
{
    struct jwt *jwt = parse(RS256, "{\"aud\":\"a\"}", NULL);
    REQUIRE(jwt != NULL);
    CHECK(jwt_is_for(jwt, SPAN("a")));
    CHECK(!jwt_is_for(jwt, SPAN("b")) && !jwt_is_for(jwt, SPAN("")));
    jwt_free(jwt);
}

TEST(times_are_numbers_fractions_or_numbers_as_texts)
{
    static const struct {
        const char *time;
        int64_t unix_ms;
    } cases[] = {
        {"0", 0},
        {"1700000000", 1700000000000},
        {"1700000000.5", 1700000000500},
        {"1.7e9", 1700000000000},
        {"\"1700000000\"", 1700000000000},
        {"\"1700000000.5\"", 1700000000500},
        {"253402300799", 253402300799000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char claims[64];
        (void)snprintf(claims, sizeof claims, "{\"exp\":%s,\"nbf\":%s}", cases[i].time,
                       cases[i].time);
        struct jwt *jwt = parse(RS256, claims, NULL);
        CHECK_CASE(jwt && jwt->has_expiry && jwt->expires_ms == cases[i].unix_ms &&
                       jwt->has_not_before && jwt->not_before_ms == cases[i].unix_ms,
                   "%s", cases[i].time);
        jwt_free(jwt);
    }
}

TEST(what_is_no_token_is_refused)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "not three parts"},
        {"abc", "not three parts"},
        {"a.b", "not three parts"},
        {"..", "not three parts"},
        {"e30..", "not three parts"},
        {".e30.", "not three parts"},
        {"e30.e30.e30.", "not three parts"},
        {"!.!.!", "not base64url"},
        {"e30=.e30.", "not base64url"},
        {"eyJhbGciOiJSUzI1NiJ9.e3 0.", "not base64url"},
        {"eyJhbGciOiJSUzI1NiJ9.e30.!", "not base64url"},
        {"eyJhbGciOiJSUzI1NiJ9.e30.A", "not base64url"},
        {"eyJhbGciOiJSUzI1NiJ9.e30.AB", "not base64url"}, /* stray bits */
        {"W10.e30.", "not a JSON object"},
        {"eyJhbGciOiJSUzI1NiJ9.W10.", "not a JSON object"},
        {"eyJhbGciOiJSUzI1NiJ9.AAAA.", "not a JSON object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct jwt *jwt = jwt_parse(span_of(cases[i].text), &err);
        CHECK_CASE(!jwt && err.kind == ERROR_INVALID && strstr(err.text, cases[i].why), "%s: %s",
                   cases[i].text, err.text);
        jwt_free(jwt);
    }
}

TEST(what_is_of_another_type_is_refused)
{
    static const struct {
        const char *header, *claims, *why;
    } cases[] = {
        {"{}", "{}", "\"alg\""},
        {"{\"alg\":null}", "{}", "\"alg\""},
        {"{\"alg\":[\"RS256\"]}", "{}", "\"alg\""},
        {"{\"alg\":\"RS256\",\"kid\":1}", "{}", "\"kid\""},
        {"{\"alg\":\"RS256\",\"crit\":[\"x\"]}", "{}", "\"crit\""},
        {"{\"alg\":\"RS256\",\"alg\":\"none\"}", "{}", "not a JSON object"},
        {RS256, "{\"iss\":1}", "\"iss\""},
        {RS256, "{\"aud\":1}", "\"aud\""},
        {RS256, "{\"aud\":{\"a\":1}}", "\"aud\""},
        {RS256, "{\"aud\":[\"a\",1]}", "\"aud\""},
        {RS256, "{\"exp\":true}", "\"exp\""},
        {RS256, "{\"exp\":\"\"}", "\"exp\""},
        {RS256, "{\"exp\":\"soon\"}", "\"exp\""},
        {RS256, "{\"exp\":\"\\\"5\\\"\"}", "\"exp\""},
        {RS256, "{\"exp\":-1}", "\"exp\""},
        {RS256, "{\"exp\":1e300}", "\"exp\""},
        {RS256, "{\"exp\":253402300800}", "\"exp\""},
        {RS256, "{\"nbf\":[]}", "\"nbf\""},
        {RS256, "{\"aud\":\"a\",\"aud\":\"b\"}", "not a JSON object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct jwt *jwt = parse(cases[i].header, cases[i].claims, &err);
        CHECK_CASE(!jwt && err.kind == ERROR_INVALID && strstr(err.text, cases[i].why), "%s %s: %s",
                   cases[i].header, cases[i].claims, err.text);
        jwt_free(jwt);
    }
}

TEST(a_token_that_is_too_long_is_not_looked_at)
{
    static char text[JWT_BYTES_MAX + 1];
    struct error err = {0};
    memset(text, 'a', sizeof text);
    CHECK(!jwt_parse(span_make(text, sizeof text), &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK(!jwt_parse(span_make(text, sizeof text - 1), &err));
    CHECK(err.kind == ERROR_INVALID);
}

TEST(a_token_that_does_not_fit_into_memory_is_not_called_wrong)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    bool failed = true;
    size_t n = 0;
    token_mint(SPAN(RS256), SPAN("{\"iss\":\"i\",\"aud\":[\"a\"],\"exp\":\"5\",\"x\":[{}]}"), "k1",
               &text);
    for (; failed && n < 1000; n++) {
        struct error err = {0};
        scarce_memory_begin(n);
        struct jwt *jwt = jwt_parse(buf_span(&text), &err);
        failed = scarce_memory_end();
        CHECK_CASE(jwt || err.kind == ERROR_SYSTEM, "allocation %zu: %s", n, err.text);
        CHECK(jwt || failed);
        jwt_free(jwt);
    }
    CHECK(n > 5 && n < 1000);
    buf_release(&text);
}
