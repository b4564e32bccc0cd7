#include "culvert/base/doc.h"

#include "harness.h"
#include "support/scarce_memory.h"

TEST(a_document_is_read_by_key_index_and_order)
{
    struct doc *root = doc_parse(SPAN("{\"z\":[1,\"two\",true,null,1.5],\"a\":{}}"), NULL);
    REQUIRE(root != NULL);
    const struct doc *list = doc_get(root, "z");
    CHECK_SIZE(doc_count(list), 5);
    CHECK(doc_kind(doc_at(list, 0)) == DOC_INT);
    CHECK(doc_kind(doc_at(list, 1)) == DOC_TEXT);
    CHECK(doc_kind(doc_at(list, 2)) == DOC_BOOL);
    CHECK(doc_kind(doc_at(list, 3)) == DOC_NULL);
    CHECK(doc_kind(doc_at(list, 4)) == DOC_REAL);
    CHECK(doc_at(list, 5) == NULL);
    CHECK(doc_get(list, "z") == NULL);
    const char *key = NULL;
    CHECK(doc_kind(doc_member(root, 0, &key)) == DOC_ARRAY);
    CHECK_TEXT(key, "z");
    CHECK(doc_kind(doc_member(root, 1, &key)) == DOC_OBJECT);
    CHECK_TEXT(key, "a");
    CHECK(doc_member(root, 2, &key) == NULL);
    doc_free(root);
}

TEST(walking_gives_every_member_in_the_order_of_the_text)
{
    struct doc *root = doc_parse(SPAN("{\"c\":1,\"b\":2,\"a\":3}"), NULL);
    REQUIRE(root != NULL);
    struct buf seen = BUF_LIMIT(16);
    const char *key = NULL;
    while (doc_next(root, &key))
        CHECK(buf_put_span(&seen, span_of(key)));
    CHECK_TEXT(buf_text(&seen), "cba");
    buf_release(&seen);
    doc_free(root);
}

TEST(keys_without_case_take_the_last_that_fits)
{
    struct doc *root = doc_parse(SPAN("{\"Name\":1,\"nAME\":2,\"other\":3}"), NULL);
    REQUIRE(root != NULL);
    int64_t number = 0;
    CHECK(doc_as_int(doc_get_nocase(root, "name"), &number));
    CHECK_SIZE(number, 2);
    CHECK(doc_get(root, "name") == NULL);
    CHECK(doc_get_nocase(root, "nam") == NULL);
    doc_free(root);
}

TEST(text_that_is_not_one_json_value_is_refused_with_its_place)
{
    static const struct {
        struct span text;
        const char *why;
    } cases[] = {
        {SPAN_INIT(""), "empty"},
        {SPAN_INIT("{} {}"), "two values"},
        {SPAN_INIT("{\"a\":1,\"a\":2}"), "one key twice"},
        {SPAN_INIT("{\"a\":1,}"), "a comma too many"},
        {SPAN_INIT("[01]"), "a leading zero"},
        {SPAN_INIT("[+1]"), "a plus sign"},
        {SPAN_INIT("{'a':1}"), "single quotes"},
        {SPAN_INIT("[\"\xff\"]"), "not UTF-8"},
        {SPAN_INIT("[\"\\u0000\"]"), "a NUL in a text"},
        {SPAN_INIT("[\"\n\"]"), "a bare line end in a text"},
        {SPAN_INIT("[9223372036854775808]"), "more than 64 bits"},
        {SPAN_INIT("[NaN]"), "not a number"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct doc *root = doc_parse(cases[i].text, &err);
        CHECK_CASE(!root && err.kind == ERROR_INVALID, "%s", cases[i].why);
        CHECK(span_starts(span_of(err.text), SPAN("JSON: line ")));
        doc_free(root);
    }
}

TEST(depth_is_bounded_and_brackets_in_texts_do_not_count)
{
    char deep[202];
    memset(deep, '[', 101);
    memset(deep + 101, ']', 101);
    struct error err = {0};
    CHECK(doc_parse(span_make(deep, 202), &err) == NULL);
    CHECK(err.kind == ERROR_LIMIT);
    struct doc *root = doc_parse(span_make(deep + 1, 200), &err);
    CHECK(root != NULL);
    doc_free(root);
    char quoted[204] = "\"\\\"";
    memset(quoted + 3, '[', 200);
    quoted[203] = '"';
    root = doc_parse(span_make(quoted, sizeof quoted), &err);
    CHECK(root != NULL);
    doc_free(root);
}

TEST(typed_reads_name_the_member_that_is_of_another_kind)
{
    struct doc *root = doc_parse(SPAN("{\"t\":\"x\",\"n\":5,\"b\":true,\"nil\":null}"), NULL);
    REQUIRE(root != NULL);
    struct error err = {0};
    struct span text = SPAN("before");
    int64_t number = 7;
    bool truth = false;
    CHECK(doc_read_text(root, "nil", &text, &err));
    CHECK(doc_read_text(root, "absent", &text, &err));
    CHECK_SPAN(text, SPAN("before"));
    CHECK(doc_read_text(root, "t", &text, &err));
    CHECK_SPAN(text, SPAN("x"));
    CHECK(doc_read_int(root, "n", &number, &err));
    CHECK_SIZE(number, 5);
    CHECK(doc_read_bool(root, "b", &truth, &err));
    CHECK(truth);
    CHECK(!doc_read_text(root, "n", &text, &err));
    CHECK_TEXT(err.text, "\"n\" must be a text");
    CHECK(!doc_read_int(root, "t", &number, &err));
    CHECK_TEXT(err.text, "\"t\" must be a whole number");
    CHECK(!doc_read_bool(root, "t", &truth, &err));
    CHECK_TEXT(err.text, "\"t\" must be true or false");
    CHECK(err.kind == ERROR_INVALID);
    doc_free(root);
}

TEST(what_is_absent_is_null_and_whole_numbers_are_real_ones_too)
{
    struct doc *root = doc_parse(SPAN("{\"a\":5,\"b\":1.5,\"c\":\"5\"}"), NULL);
    double number = 0;
    REQUIRE(root != NULL);
    CHECK(doc_kind(NULL) == DOC_NULL && doc_kind(doc_get(root, "x")) == DOC_NULL);
    CHECK(doc_as_real(doc_get(root, "a"), &number) && number == 5);
    CHECK(doc_as_real(doc_get(root, "b"), &number) && number == 1.5);
    CHECK(!doc_as_real(doc_get(root, "c"), &number) && !doc_as_real(NULL, &number));
    doc_free(root);
}

TEST(a_built_document_is_written_in_the_order_of_its_building)
{
    struct doc *root = doc_object();
    struct doc *list = doc_array();
    CHECK(doc_put_text(root, "z", SPAN("<a&b>\"\n\xc3\xa4")));
    CHECK(doc_put_int(root, "a", -5));
    CHECK(doc_put_bool(root, "b", true));
    CHECK(doc_append(list, doc_null()));
    CHECK(doc_append(list, doc_object()));
    CHECK(doc_put(root, "list", list));
    CHECK(doc_put(root, "none", doc_array()));
    struct buf out = BUF_LIMIT(300);
    CHECK(doc_format(root, DOC_COMPACT, &out));
    CHECK_TEXT(buf_text(&out), "{\"z\":\"<a&b>\\\"\\n\xc3\xa4\",\"a\":-5,\"b\":true,"
                               "\"list\":[null,{}],\"none\":[]}");
    buf_clear(&out);
    CHECK(doc_format(root, DOC_INDENT, &out));
    CHECK_TEXT(buf_text(&out), "{\n  \"z\": \"\\u003ca\\u0026b\\u003e\\\"\\n\xc3\xa4\",\n"
                               "  \"a\": -5,\n  \"b\": true,\n"
                               "  \"list\": [\n    null,\n    {}\n  ],\n  \"none\": []\n}");
    buf_release(&out);
    doc_free(root);
}

TEST(a_value_that_could_not_be_made_fails_the_put)
{
    struct doc *root = doc_object();
    CHECK(!doc_put(root, "a", NULL));
    CHECK(!doc_put_text(root, "a", SPAN("\xff")));
    CHECK(!doc_append(root, doc_int(1)));
    CHECK_SIZE(doc_count(root), 0);
    struct buf out = BUF_LIMIT(1);
    CHECK(!doc_format(root, DOC_COMPACT, &out));
    CHECK_SIZE(out.len, 0);
    buf_release(&out);
    doc_free(root);
}

TEST(wiping_reaches_the_texts_at_every_depth_and_frees_all)
{
    static const char *const cases[] = {"\"a\"", "{\"a\":[\"b\",{\"c\":\"d\"},[[]]],\"e\":5}", "[]",
                                        "null"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        doc_wipe(doc_parse(span_of(cases[i]), NULL));
    doc_wipe(NULL);
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    struct doc *root = doc_parse(span_make(deep, sizeof deep), NULL);
    CHECK(root != NULL);
    doc_wipe(root);
}

TEST(a_document_that_does_not_fit_is_not_written_at_all)
{
    struct doc *root = doc_parse(SPAN("{\"connections\":[{\"id\":1}],\"name\":\"<n>\"}"), NULL);
    REQUIRE(root != NULL);
    for (int style = DOC_COMPACT; style <= DOC_INDENT; style++) {
        struct buf whole = BUF_LIMIT(200);
        CHECK(doc_format(root, (enum doc_style)style, &whole));
        for (size_t limit = 0; limit <= whole.len; limit++) {
            struct buf out = {.limit = limit};
            CHECK(doc_format(root, (enum doc_style)style, &out) == (limit == whole.len));
            CHECK_SIZE(out.len, limit == whole.len ? limit : 0);
            buf_release(&out);
        }
        buf_release(&whole);
    }
    doc_free(root);
}

TEST(every_form_of_a_value_is_read)
{
    static const struct {
        const char *text, *same;
    } cases[] = {
        {" [ ] ", "[]"},
        {"{ }", "{}"},
        {"[[],{},[{}]]", "[[],{},[{}]]"},
        {"{\"a\" : { \"b\" :[ 1 , -2 ]\n}\t,\"c\":null}", "{\"a\":{\"b\":[1,-2]},\"c\":null}"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"", "\"A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\xf0\x9f\x98\x80\"", "\"\xf0\x9f\x98\x80\""},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"0", "0"},
        {"-0", "0"},
        {"[1.5,0.5e1,2E+2,5e-1]", "[1.5,5.0,200.0,0.5]"},
        {"true", "true"},
        {"false", "false"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(200);
        struct error err = {0};
        struct doc *root = doc_parse(span_of(cases[i].text), &err);
        CHECK_CASE(root, "%s: %s", cases[i].text, err.text);
        CHECK(doc_format(root, DOC_COMPACT, &out));
        CHECK_TEXT(buf_text(&out), cases[i].same);
        buf_release(&out);
        doc_free(root);
    }
}

TEST(whatever_json_does_not_have_is_refused)
{
    static const char *const cases[] = {
        "{",
        "[",
        "\"",
        "\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,",
        "{,}",
        "{1:2}",
        "[1",
        "[1,",
        "[,]",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "]",
        "}",
        "1 2",
        "nul",
        "nulll",
        "True",
        "-",
        "-a",
        ".5",
        "5.",
        "1e",
        "1e+",
        "0x1",
        "1_000",
        "Infinity",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\",
        "\"\t\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\xef\xbb\xbf{}",
        "1e999",
        "/**/1",
        "[1]\v",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct doc *root = doc_parse(span_of(cases[i]), &err);
        CHECK_CASE(!root && err.kind == ERROR_INVALID, "%s", cases[i]);
        doc_free(root);
    }
    CHECK(doc_parse(span_make("1\0", 2), NULL) == NULL);
}

TEST(a_text_whose_reading_runs_out_of_memory_is_not_read)
{
    static const char text[] =
        "{\"a long key of a member\":[\"a text that takes a while\",1.5,{}]}";
    bool failed = true;
    for (size_t n = 0; failed; n++) {
        struct error err = {0};
        scarce_memory_begin(n);
        struct doc *root = doc_parse(span_of(text), &err);
        failed = scarce_memory_end();
        CHECK(failed ? !root && err.kind == ERROR_SYSTEM : root != NULL);
        doc_free(root);
    }
}

TEST(of_a_key_that_stands_twice_the_last_one_counts_where_that_is_asked_for)
{
    struct error err = {0};
    struct doc *root =
        doc_parse_last(SPAN("{\"a\":{\"b\":1,\"b\":[2]},\"c\":3,\"a\":{\"b\":4}}"), &err);
    int64_t number = 0;
    REQUIRE(root);
    CHECK_SIZE(doc_count(root), 2);
    CHECK(doc_as_int(doc_get(doc_get(root, "a"), "b"), &number) && number == 4);
    doc_free(root);
    CHECK(!doc_parse_last(SPAN("{\"a\":1,}"), &err));
}

TEST(oddities_of_a_configuration_do_not_spoil_the_rest)
{
    static const char text[] = "{\"n\":18446744073709551616,\"r\":-1e400,\"h\":\"\\ud800x\\udc00\","
                               "\"p\":\"\\ud83d\\ude00\",\"w\":\"\\ud800\\u0041\",\"k\":1}";
    struct error err = {0};
    struct doc *root = doc_parse_last(span_of(text), &err);
    struct span read = SPAN("");
    int64_t number = 0;
    double real = 0;
    CHECK_CASE(root, "%s", err.text);
    REQUIRE(root);
    CHECK(!doc_as_int(doc_get(root, "n"), &number));
    CHECK(doc_as_real(doc_get(root, "n"), &real) && real > 1.8e19 && real < 1.9e19);
    CHECK(doc_as_real(doc_get(root, "r"), &real) && real < -1e300);
    CHECK(doc_as_text(doc_get(root, "h"), &read));
    CHECK_SPAN(read, SPAN("\xEF\xBF\xBDx\xEF\xBF\xBD"));
    CHECK(doc_as_text(doc_get(root, "p"), &read));
    CHECK_SPAN(read, SPAN("\xF0\x9F\x98\x80"));
    CHECK(doc_as_text(doc_get(root, "w"), &read));
    CHECK_SPAN(read, SPAN("\xEF\xBF\xBD"
                          "A"));
    CHECK(doc_as_int(doc_get(root, "k"), &number) && number == 1);
    doc_free(root);
    CHECK(!doc_parse(SPAN("[18446744073709551616]"), &err));
    CHECK(!doc_parse(SPAN("[\"\\ud800\"]"), &err));
}
