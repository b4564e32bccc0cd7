/* The recorded cases of a peer's token check, in their order on one connector. */
#include "support/access_scene.h"

#include "culvert/access/key_store.h"
#include "harness.h"
#include "support/vectors.h"

enum { CLAIMS_MAX = 4096 };

/* Where we want another outcome than the recorded one. */
struct deviation {
    const char *name;
    int status;
    int fetches; /* -1: as recorded */
    const char *reason;
};

#define INVALID "chapter 17, row 3: an invalid token is 403"
#define ADVANCE "chapter 14, Better: keys are fetched in advance, once for all rules of an issuer"
#define USELESS "chapter 14, Better: what keys cannot save makes nobody fetch them"

static const struct deviation deviations[] = {
    {"first valid token fetches the keys", 200, 0, ADVANCE},
    {"not a token", 403, -1, INVALID},
    {"two parts", 403, -1, INVALID},
    {"bad base64", 403, -1, INVALID},
    {"other issuer", 403, -1, INVALID},
    {"issuer with trailing slash", 403, -1, INVALID},
    {"issuer absent", 403, -1, INVALID},
    {"issuer http", 403, -1, INVALID},
    {"expired one second ago", 403, -1, INVALID},
    {"no exp", 403, -1, INVALID},
    {"nbf 400 s ahead", 403, -1, INVALID},
    {"signed with another key", 403, -1, INVALID},
    {"unknown kid", 403, -1, INVALID},
    {"alg none", 403, -1, INVALID},
    {"alg RS512", 403, -1, INVALID},
    {"rule without audTag refuses every token", 403, 0, USELESS},
    {"rule without teamName", 403, -1, INVALID},
    {"environment fed, ordinary issuer", 403, 0, INVALID ", and " ADVANCE},
    {"environment with another word counts as ordinary", 200, 0, ADVANCE},
    {"access only in the top-level originRequest is not enforced", 403, -1,
     "chapter 17, row 1: it is enforced"},
    {"http_status rule, valid token", 200, 0, ADVANCE},
    {"cookie is not read", 200, -1, "header and cookie: without the header it is read"},
};

static const struct deviation *deviation_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++)
        if (strcmp(deviations[i].name, name) == 0)
            return &deviations[i];
    return NULL;
}

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN("");
    CHECK(doc_read_text(object, key, &text, NULL));
    return text;
}

/* ---- the token that is described ---- */

/* "+600", "-1", "+600.5": seconds from now; "str:600" as a text. */
static void put_time(struct buf *out, struct span text, int64_t now)
{
    bool as_text = span_starts(text, SPAN("str:"));
    if (as_text)
        text = span_skip(text, 4);
    double seconds = (double)now + strtod(text.data, NULL);
    const char *quote = as_text ? "\"" : "";
    CHECK(span_find(text, '.') < text.len
              ? buf_printf(out, "%s%.1f%s", quote, seconds, quote)
              : buf_printf(out, "%s%lld%s", quote, (long long)seconds, quote));
}

static bool is_time(const char *claim)
{
    return strcmp(claim, "exp") == 0 || strcmp(claim, "nbf") == 0 || strcmp(claim, "iat") == 0;
}

static void put_claims(struct buf *out, const struct doc *claims, int64_t now)
{
    const char *name = NULL;
    const struct doc *value;
    struct span text;
    CHECK(buf_put_char(out, '{'));
    while ((value = doc_next(claims, &name))) {
        CHECK(buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name));
        if (is_time(name) && doc_as_text(value, &text))
            put_time(out, text, now);
        else
            CHECK(doc_format(value, DOC_COMPACT, out));
    }
    CHECK(buf_put_char(out, '}'));
}

static void put_token(struct buf *out, const struct doc *token, int64_t now)
{
    static const char by[] = "private key of ";
    struct buf header = BUF_LIMIT(CLAIMS_MAX);
    struct buf claims = BUF_LIMIT(CLAIMS_MAX);
    struct span signer = text_of(token, "signed_with");
    bool is_signed = span_starts(signer, span_of(by));
    CHECK(doc_format(doc_get(token, "header"), DOC_COMPACT, &header));
    put_claims(&claims, doc_get(token, "claims"), now);
    token_mint(buf_span(&header), buf_span(&claims), is_signed ? signer.data + sizeof by - 1 : NULL,
               out);
    buf_release(&header);
    buf_release(&claims);
}

/* ---- one case ---- */

static void add_fields(struct access_scene *scene, struct ask *ask, const struct doc *one)
{
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    const struct doc *described = doc_get(one, "token");
    if (doc_get(one, "token_text"))
        ask_field(ask, "cf-access-jwt-assertion", text_of(one, "token_text").data);
    if (doc_kind(described) == DOC_OBJECT) {
        put_token(&token, described, access_scene_now(scene));
        ask_field(ask, "cf-access-jwt-assertion", buf_text(&token));
    }
    const struct doc *extra = doc_get(one, "extra_headers");
    for (size_t i = 0; i < doc_count(extra); i++) {
        struct span name = SPAN("");
        struct span value = SPAN("");
        const struct doc *pair = doc_at(extra, i);
        CHECK(doc_as_text(doc_at(pair, 0), &name) && doc_as_text(doc_at(pair, 1), &value));
        buf_clear(&token);
        if (span_equal(name, SPAN("cookie"))) {
            CHECK(buf_put_span(&token, SPAN("a=b; CF_Authorization=")));
            access_scene_token(scene, "k1", "k1", &token);
            value = buf_span(&token);
        }
        ask_field(ask, name.data, value.data);
    }
    buf_release(&token);
}

static void serve_keys(struct fake_issuer *issuer, const struct doc *one, const char *names[8])
{
    const struct doc *served = doc_get(one, "keys_served");
    size_t count = 0;
    for (; count < doc_count(served) && count < 7; count++) {
        struct span name = SPAN("");
        CHECK(doc_as_text(doc_at(served, count), &name));
        names[count] = name.data;
    }
    names[count] = NULL;
    issuer->keys = names;
    issuer->is_down = !span_starts(text_of(one, "keys_endpoint_status"), SPAN("200"));
}

static void check_answer(const struct ask *ask, const char *name, int status)
{
    struct span packed = SPAN("none");
    struct span meta = SPAN("");
    bool by_origin = status != 502;
    CHECK_CASE(ask->status == status, "%s: status %d, not %d", name, ask->status, status);
    CHECK_CASE(headers_find(&ask->got.fields, SPAN("cf-cloudflared-response-meta"), &meta) &&
                   (strstr(meta.data, "\"src\":\"origin\"") != NULL) == by_origin,
               "%s: meta %.*s", name, SPAN_ARG(meta));
    bool has_packed =
        headers_find(&ask->got.fields, SPAN("cf-cloudflared-response-headers"), &packed);
    CHECK_CASE(status != 403 || (has_packed && packed.len == 0 && ask->text.len == 0),
               "%s: packed %.*s", name, SPAN_ARG(packed));
}

static void check_case(struct access_scene *scene, const struct doc *one)
{
    const char *names[8];
    struct ask ask;
    int64_t status = 0;
    int64_t fetches = 0;
    bool reaches = false;
    const char *name = text_of(one, "name").data;
    const struct deviation *deviation = deviation_of(name);
    CHECK(doc_read_int(one, "status", &status, NULL) &&
          doc_read_int(one, "key_fetches", &fetches, NULL) &&
          doc_read_bool(one, "reaches_origin", &reaches, NULL));
    if (deviation) {
        CHECK_CASE(status != deviation->status || deviation->fetches >= 0, "%s: no deviation",
                   name);
        status = deviation->status;
        fetches = deviation->fetches >= 0 ? deviation->fetches : fetches;
        reaches = status == 200 && !span_starts(text_of(one, "host"), SPAN("status."));
    }
    size_t fetches_before = scene->issuer.fetches;
    size_t requests_before = scene->lone.origin.request_count;
    serve_keys(&scene->issuer, one, names);
    ask_init(&ask, "GET", "/");
    buf_clear(&ask.head.authority);
    CHECK(buf_put_span(&ask.head.authority, text_of(one, "host")));
    add_fields(scene, &ask, one);
    access_scene_ask_over(scene, &ask, 0);
    if (ask.status == 0) /* it waits until the keys may be fetched again */
        lone_connector_pass(&scene->lone, KEY_STORE_INTERVAL_MS);
    check_answer(&ask, name, (int)status);
    size_t came = scene->issuer.fetches - fetches_before;
    CHECK_CASE(came == (size_t)fetches, "%s: %zu fetches, not %lld", name, came,
               (long long)fetches);
    bool reached = scene->lone.origin.request_count > requests_before;
    CHECK_CASE(reached == reaches, "%s: reached the origin: %d", name, reached);
    ask_release(&ask);
}

TEST(every_recorded_token_is_judged_as_recorded_or_better)
{
    struct access_scene scene;
    struct doc *configs = vectors_open("origin/configs.json");
    struct doc *cases = vectors_open("origin/access-jwt.json");
    REQUIRE(cases && configs);
    access_scene_open(&scene, text_of(configs, "access-jwt").data);
    access_scene_start(&scene);
    CHECK_SIZE(scene.issuer.fetches, 2); /* of lab and lab.fed */
    for (size_t i = 0; i < doc_count(cases); i++)
        check_case(&scene, doc_at(cases, i));
    CHECK_SIZE(doc_count(cases), 48);
    for (size_t i = 0; i < ARRAY_LEN(deviations); i++) {
        bool found = false;
        for (size_t c = 0; c < doc_count(cases); c++)
            found |= span_equal(text_of(doc_at(cases, c), "name"), span_of(deviations[i].name));
        CHECK_CASE(found && deviations[i].reason, "%s: no such case", deviations[i].name);
    }
    access_scene_close(&scene);
    doc_free(cases);
    doc_free(configs);
}
