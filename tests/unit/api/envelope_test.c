#include "culvert/api/envelope.h"
#include "culvert/base/file.h"

#include "harness.h"

enum { VECTOR_FILE_MAX = 1024 * 1024 };

static struct fetch_response answer(int status, const char *media_type, struct span body)
{
    struct fetch_response response = {.status = status, .body = BUF_LIMIT(FETCH_BODY_MAX)};
    (void)snprintf(response.media_type, sizeof response.media_type, "%s", media_type);
    CHECK(buf_put_span(&response.body, body));
    return response;
}

#define JSON "application/json"

TEST(success_needs_a_good_status_and_an_envelope_that_says_so)
{
    static const struct {
        int status;
        const char *type, *body;
        const char *sentence; /* NULL: success */
        enum error_kind kind;
    } cases[] = {
        {200, JSON, "{\"success\":true,\"errors\":[],\"result\":{}}", NULL, ERROR_NONE},
        {201, JSON, "{\"success\":true,\"result\":{}}", NULL, ERROR_NONE},
        {204, "", "", NULL, ERROR_NONE},
        {200, "text/plain", "{\"success\":true,\"errors\":null}", NULL, ERROR_NONE},
        {200, JSON, "{\"success\":true,\"messages\":[{\"code\":1}]}", NULL, ERROR_NONE},
        {200, JSON, "{\"success\":false}", "says that it failed", ERROR_PROTOCOL},
        {200, JSON, "{}", "says that it failed", ERROR_PROTOCOL},
        {200, JSON, "{\"success\":1}", "unexpected response: \"success\"", ERROR_PROTOCOL},
        {200, JSON, "[]", "unexpected response: not an object", ERROR_PROTOCOL},
        {200, JSON, "<html>", "unexpected response: JSON", ERROR_PROTOCOL},
        {200, JSON, "{\"success\":true,\"result_info\":{\"count\":\"1\"}}",
         "unexpected response: \"count\"", ERROR_PROTOCOL},
        {200, JSON, "{\"success\":true,\"errors\":[{\"code\":1000,\"message\":\"nope\"}]}",
         "code 1000: nope", ERROR_PROTOCOL},
        {400, JSON,
         "{\"errors\":[{\"code\":1,\"message\":\"a\"},{\"code\":\"2\",\"message\":\"b\"}]}",
         "code 1: a; code 2: b", ERROR_INVALID},
        {403, JSON, "{\"errors\":[{\"message\":\"c\\u001b[2J\\u009bx\"}]}", "c?[2J?x",
         ERROR_DENIED},
        {404, JSON, "{\"errors\":[{}]}", "no message", ERROR_INVALID},
        {404, JSON, "{\"errors\":[5]}", "no message", ERROR_INVALID},
        {400, "text/plain", "bad", "bad request (status 400)", ERROR_INVALID},
        {400, JSON, "bad", "bad request (status 400)", ERROR_INVALID},
        {401, "", "", "unauthorized", ERROR_DENIED},
        {403, "", "", "unauthorized", ERROR_DENIED},
        {404, JSON, "{\"errors\":[]}", "not found (status 404)", ERROR_INVALID},
        {409, "", "", "taken", ERROR_INVALID},
        {429, "", "slow", "too many requests", ERROR_LIMIT},
        {500, "", "boom", "status 500", ERROR_NETWORK},
        {302, "", "", "status 302", ERROR_PROTOCOL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch_response response =
            answer(cases[i].status, cases[i].type, span_of(cases[i].body));
        struct api_envelope envelope;
        struct error err = {0};
        bool ok = api_envelope_read(&response, &envelope, &err);
        CHECK_CASE(ok == !cases[i].sentence, "case %zu: %s", i, err.text);
        CHECK_CASE(ok || (strstr(err.text, cases[i].sentence) && err.cause == cases[i].status),
                   "case %zu: %s", i, err.text);
        CHECK_CASE(err.kind == cases[i].kind, "case %zu: %s", i, error_kind_name(err.kind));
        api_envelope_release(&envelope);
        fetch_response_release(&response);
    }
}

TEST(a_result_may_be_absent_or_null_and_a_page_says_its_numbers)
{
    static const struct {
        const char *body;
        bool has_result, is_value;
    } cases[] = {
        {"{\"success\":true}", false, false},
        {"{\"success\":true,\"result\":null}", true, false},
        {"{\"success\":true,\"result\":[],\"result_info\":{\"count\":1,\"per_page\":2,"
         "\"total_count\":3}}",
         true, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch_response response = answer(200, JSON, span_of(cases[i].body));
        struct api_envelope envelope;
        CHECK(api_envelope_read(&response, &envelope, NULL));
        CHECK_CASE(envelope.has_result == cases[i].has_result, "%s", cases[i].body);
        CHECK_CASE((envelope.result != NULL) == cases[i].is_value, "%s", cases[i].body);
        bool numbers = envelope.count == 1 && envelope.per_page == 2 && envelope.total_count == 3;
        CHECK_CASE(numbers == (i == 2), "%s", cases[i].body);
        api_envelope_release(&envelope);
        fetch_response_release(&response);
    }
}

/* Reads one recorded answer; it must be a success exactly when its members say so. */
static void check_exchange(struct span name, const struct doc *given)
{
    struct buf body = BUF_LIMIT(VECTOR_FILE_MAX);
    struct span text = SPAN_NONE;
    struct span type = SPAN("");
    int64_t status = 0;
    bool success = false;
    const struct doc *json = doc_get(given, "json");
    CHECK(doc_read_int(given, "status", &status, NULL) &&
          doc_read_text(given, "text", &text, NULL));
    CHECK(doc_read_text(doc_get(given, "headers"), "content-type", &type, NULL));
    CHECK(json ? doc_format(json, DOC_COMPACT, &body) : buf_put_span(&body, text));
    CHECK(doc_read_bool(json, "success", &success, NULL));
    char media_type[FETCH_MEDIA_TYPE_SIZE];
    (void)snprintf(media_type, sizeof media_type, "%.*s", SPAN_ARG(type));
    struct fetch_response response = answer((int)status, media_type, buf_span(&body));
    struct api_envelope envelope;
    struct error err = {0};
    bool want = status / 100 == 2 &&
                (body.len == 0 || (success && doc_count(doc_get(json, "errors")) == 0));
    bool got = api_envelope_read(&response, &envelope, &err);
    CHECK_CASE(got == want, "%.*s: %s", SPAN_ARG(name), err.text);
    CHECK_CASE(got || err.text[0] != '\0', "%.*s", SPAN_ARG(name));
    api_envelope_release(&envelope);
    fetch_response_release(&response);
    buf_release(&body);
}

TEST(recorded_answers_are_read_as_they_were_meant)
{
    static const char *const files[] = {"api/create.json", "api/list.json",  "api/info.json",
                                        "api/delete.json", "api/token.json", "api/route-dns.json"};
    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        struct buf text = BUF_LIMIT(VECTOR_FILE_MAX);
        REQUIRE(file_read(vector_path(files[f]), &text, NULL));
        struct doc *root = doc_parse(buf_span(&text), NULL);
        REQUIRE(root != NULL);
        const struct doc *cases = doc_get(root, "cases");
        CHECK(doc_count(cases) > 5);
        for (size_t i = 0; i < doc_count(cases); i++) {
            struct span name = SPAN_NONE;
            const struct doc *exchanges = doc_get(doc_at(cases, i), "exchanges");
            CHECK(doc_read_text(doc_at(cases, i), "name", &name, NULL));
            for (size_t e = 0; e < doc_count(exchanges); e++)
                check_exchange(name, doc_get(doc_at(exchanges, e), "response"));
        }
        doc_free(root);
        buf_release(&text);
    }
}
