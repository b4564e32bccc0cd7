#include "culvert/config/yaml.h"

#include "culvert/base/buf.h"

#include "harness.h"

TEST(every_node_knows_its_line_and_column)
{
    struct error err = {0};
    struct yml *file = yml_parse(SPAN("a: 1\nb:\n  - x\n  - c: [1, 2]\n"), "f.yml", &err);
    REQUIRE(file);
    const struct yml_node *b = yml_get(yml_root(file), "b");
    REQUIRE(b && yml_kind(b) == YML_LIST);
    CHECK_SIZE(yml_count(b), 2);
    CHECK(yml_line(yml_at(b, 0)) == 3 && yml_column(yml_at(b, 0)) == 5);
    const struct yml_node *c = yml_get(yml_at(b, 1), "c");
    REQUIRE(c);
    CHECK(yml_line(c) == 4 && yml_column(c) == 8);
    CHECK(yml_line(yml_key(yml_root(file), 1)) == 2);
    CHECK_TEXT(yml_name(c), "f.yml");
    yml_free(file);
}

TEST(a_scalar_is_what_its_spelling_says)
{
    static const struct {
        struct span text;
        enum yml_kind kind;
    } cases[] = {
        {SPAN_INIT("~"), YML_NULL},
        {SPAN_INIT("null"), YML_NULL},
        {SPAN_INIT("nULL"), YML_TEXT},
        {SPAN_INIT("true"), YML_BOOL},
        {SPAN_INIT("FALSE"), YML_BOOL},
        {SPAN_INIT("tRuE"), YML_TEXT},
        {SPAN_INIT("yes"), YML_TEXT},
        {SPAN_INIT("\"true\""), YML_TEXT},
        {SPAN_INIT("5"), YML_INT},
        {SPAN_INIT("-5"), YML_INT},
        {SPAN_INIT("0x1F"), YML_INT},
        {SPAN_INIT("0o17"), YML_INT},
        {SPAN_INIT("017"), YML_INT},
        {SPAN_INIT("0b11"), YML_INT},
        {SPAN_INIT("1_000"), YML_INT},
        {SPAN_INIT("089"), YML_FLOAT},
        {SPAN_INIT("1.5"), YML_FLOAT},
        {SPAN_INIT("1e2"), YML_FLOAT},
        {SPAN_INIT(".5"), YML_FLOAT},
        {SPAN_INIT("5."), YML_FLOAT},
        {SPAN_INIT(".inf"), YML_FLOAT},
        {SPAN_INIT("1e"), YML_TEXT},
        {SPAN_INIT("1.5.2"), YML_TEXT},
        {SPAN_INIT("30s"), YML_TEXT},
        {SPAN_INIT("2020-01-01"), YML_DATE},
        {SPAN_INIT("2020-1-2T03:04:05Z"), YML_DATE},
        {SPAN_INIT("2020-01"), YML_TEXT},
        {SPAN_INIT("!!str 5"), YML_TEXT},
        {SPAN_INIT("!!int \"5\""), YML_INT},
        {SPAN_INIT("'5'"), YML_TEXT},
        {SPAN_INIT("0x"), YML_TEXT},
        {SPAN_INIT("-0x-5"), YML_TEXT},
        {SPAN_INIT("[]"), YML_LIST},
        {SPAN_INIT("{}"), YML_MAP},
        {SPAN_INIT("2020-13-01"), YML_TEXT},
        {SPAN_INIT("2020-02-30"), YML_TEXT},
        {SPAN_INIT("2020-2-29"), YML_DATE},
        {SPAN_INIT("2021-2-29"), YML_TEXT},
        {SPAN_INIT("2020-1-1 1:2:3.5"), YML_DATE},
        {SPAN_INIT("2020-1-1T1:2:3+01:00"), YML_DATE},
        {SPAN_INIT("2020-1-1T1:2:3"), YML_TEXT},
        {SPAN_INIT("2020-1-1T24:00:00Z"), YML_TEXT},
        {SPAN_INIT("2020-1-1 1:2:3 +1"), YML_TEXT},
        {SPAN_INIT("1e400"), YML_TEXT},
        {SPAN_INIT(".5_0"), YML_TEXT},
        {SPAN_INIT("_1"), YML_TEXT},
        {SPAN_INIT("-_1"), YML_INT},
        {SPAN_INIT("! 5"), YML_INT},
        {SPAN_INIT("! \"5\""), YML_TEXT},
        {SPAN_INIT("!!float 5"), YML_FLOAT},
        {SPAN_INIT("!!null ''"), YML_NULL},
        {SPAN_INIT("!!bool 'true'"), YML_BOOL},
        {SPAN_INIT("!mine true"), YML_TEXT},
        {SPAN_INIT("!!map"), YML_TEXT},
        {SPAN_INIT("!!timestamp 2020-01-01"), YML_DATE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct yml *file = yml_parse(cases[i].text, "f", &err);
        CHECK_CASE(file, "%.*s: %s", SPAN_ARG(cases[i].text), err.text);
        if (!file)
            continue;
        enum yml_kind kind = yml_kind(yml_root(file));
        CHECK_CASE(kind == cases[i].kind, "%.*s is %s", SPAN_ARG(cases[i].text),
                   yml_kind_name(kind));
        yml_free(file);
    }
}

TEST(a_value_that_is_not_what_its_tag_says_is_refused)
{
    static const char *const texts[] = {
        "!!int abc", "!!int 1.5",   "!!int \"1\\0x\"", "!!float \"1.5\\0x\"",    "!!bool yes",
        "!!null x",  "!!float 1.x", "!!int \"\"",      "!!timestamp 2020-13-01", "!!binary \"*\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err = {0};
        struct yml *file = yml_parse(span_of(texts[i]), "f", &err);
        CHECK_CASE(!file && span_starts(span_of(err.text), SPAN("f:1:1: ")), "%s: %s", texts[i],
                   err.text);
        yml_free(file);
    }
}

TEST(binary_text_is_what_its_base64_says)
{
    struct error err = {0};
    struct yml *file = yml_parse(SPAN("!!binary |\n  aHR0cDov\n  L2g=\n"), "f", &err);
    REQUIRE(file);
    CHECK(yml_kind(yml_root(file)) == YML_TEXT);
    CHECK_SPAN(yml_text(yml_root(file)), SPAN("http://h"));
    yml_free(file);
}

TEST(a_byte_order_mark_changes_nothing)
{
    static const struct span texts[] = {
        SPAN_INIT("a: 1\nb: 2\n"),
        SPAN_INIT("\xEF\xBB\xBF"
                  "a: 1\nb: 2\n"),
        SPAN_INIT("\xEF\xBB\xBF---\na: 1\r\nb: 2\r\n"),
        SPAN_INIT("\xFF\xFE"
                  "a\0:\0 \0"
                  "1\0\n\0"
                  "b\0:\0 \0"
                  "2\0\n\0"),
        SPAN_INIT("\xFE\xFF\0a\0:\0 \0"
                  "1\0\n\0b\0:\0 \0"
                  "2\0\n"),
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct error err = {0};
        struct yml *file = yml_parse(texts[i], "f", &err);
        CHECK_CASE(file, "%zu: %s", i, err.text);
        if (!file)
            continue;
        CHECK_CASE(yml_count(yml_root(file)) == 2 && yml_get(yml_root(file), "b"), "%zu", i);
        yml_free(file);
    }
}

TEST(numbers_keep_to_64_bits)
{
    static const struct {
        struct span text;
        bool is_int, is_uint;
        int64_t number;
    } cases[] = {
        {SPAN_INIT("9223372036854775807"), true, true, INT64_MAX},
        {SPAN_INIT("9223372036854775808"), false, true, 0},
        {SPAN_INIT("18446744073709551616"), false, false, 0},
        {SPAN_INIT("-9223372036854775808"), true, false, INT64_MIN},
        {SPAN_INIT("-9223372036854775809"), false, false, 0},
        {SPAN_INIT("0x10"), true, true, 16},
        {SPAN_INIT("010"), true, true, 8},
        {SPAN_INIT("1.9"), true, true, 1},
        {SPAN_INIT("-1.9"), true, false, -1},
        {SPAN_INIT("1e30"), false, false, 0},
        {SPAN_INIT(".nan"), false, false, 0},
        {SPAN_INIT("\"5\""), false, false, 0},
        {SPAN_INIT("-0"), true, true, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct yml *file = yml_parse(cases[i].text, "f", NULL);
        int64_t number = 0;
        uint64_t unsigned_number = 0;
        REQUIRE(file);
        CHECK_CASE(yml_to_int(yml_root(file), &number) == cases[i].is_int, "%.*s as int",
                   SPAN_ARG(cases[i].text));
        CHECK_CASE(!cases[i].is_int || number == cases[i].number, "%.*s is %lld",
                   SPAN_ARG(cases[i].text), (long long)number);
        CHECK_CASE(yml_to_uint(yml_root(file), &unsigned_number) == cases[i].is_uint,
                   "%.*s as uint", SPAN_ARG(cases[i].text));
        yml_free(file);
    }
}

TEST(yes_and_no_are_truths_only_where_they_are_asked_for)
{
    struct yml *file = yml_parse(SPAN("\"yes\""), "f", NULL);
    bool truth = false;
    REQUIRE(file);
    CHECK(yml_to_bool(yml_root(file), true, &truth) && truth);
    CHECK(!yml_to_bool(yml_root(file), false, &truth));
    yml_free(file);
}

TEST(aliases_and_merge_keys_are_resolved_and_explicit_keys_win)
{
    static const char text[] = "base: &b {x: 1, y: 2}\n"
                               "more: &m {y: 9, z: 9}\n"
                               "one: {<<: *b, y: 3}\n"
                               "two: {<<: [*b, *m], z: 3}\n"
                               "list: &l [1]\nagain: *l\n";
    struct error err = {0};
    struct yml *file = yml_parse(span_of(text), "f", &err);
    REQUIRE(file);
    const struct yml_node *one = yml_get(yml_root(file), "one");
    CHECK_SPAN(yml_text(yml_get(one, "x")), SPAN("1"));
    CHECK_SPAN(yml_text(yml_get(one, "y")), SPAN("3"));
    CHECK(yml_get(one, "<<") == NULL);
    const struct yml_node *two = yml_get(yml_root(file), "two");
    CHECK_SPAN(yml_text(yml_get(two, "y")), SPAN("2"));
    CHECK_SPAN(yml_text(yml_get(two, "z")), SPAN("3"));
    CHECK_SIZE(yml_count(yml_get(yml_root(file), "again")), 1);
    yml_free(file);
}

TEST(only_the_first_document_counts)
{
    struct yml *file = yml_parse(SPAN("a: 1\n---\nb: [broken\n"), "f", NULL);
    REQUIRE(file);
    CHECK(yml_get(yml_root(file), "a") != NULL);
    CHECK(yml_get(yml_root(file), "b") == NULL);
    yml_free(file);
}

TEST(an_empty_file_has_no_root)
{
    static const struct span texts[] = {SPAN_INIT(""), SPAN_INIT("# x\n"), SPAN_INIT("\n \n"),
                                        SPAN_INIT("\xEF\xBB\xBF")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct yml *file = yml_parse(texts[i], "f", NULL);
        REQUIRE(file);
        CHECK(yml_root(file) == NULL);
        yml_free(file);
    }
}

TEST(what_is_refused_is_named_with_its_place)
{
    static const struct {
        struct span text;
        const char *begins, *why;
    } cases[] = {
        {SPAN_INIT("a: 1\nb: 2\na: 3\n"), "f:3:1: the key \"a\" stands twice", "a key twice"},
        {SPAN_INIT("x: {1: 1, \"1\": 2}"), "f:1:11: the key", "twice, in two spellings"},
        {SPAN_INIT("a: [1\n"), "f:2:1: ", "an open bracket"},
        {SPAN_INIT("a:\n\t- b\n"), "f:2:1: ", "a tab as indent"},
        {SPAN_INIT("a: *b\n"), "f:1:4: an alias", "no such anchor"},
        {SPAN_INIT("a: &a [*a]\n"), "f:1:8: an alias inside", "it holds itself"},
        {SPAN_INIT("a: &a {<<: *a}\n"), "f:1:12: an alias inside", "it merges itself"},
        {SPAN_INIT("<<: 5\n"), "f:1:5: a merge key", "nothing to merge"},
        {SPAN_INIT("<<: [5]\n"), "f:1:6: a merge key", "nothing to merge in the list"},
        {SPAN_INIT("{[a]: 1}"), "f:1:2: a key must", "a list as key"},
        {SPAN_INIT("a: *.example.com"), "f:1:", "an unquoted star"},
        {SPAN_INIT("a: b\nc: \x01\n"), "f:2:", "a control character"},
        {SPAN_INIT("a: \xFF\n"), "f:1:", "no UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct yml *file = yml_parse(cases[i].text, "f", &err);
        CHECK_CASE(!file, "%s: accepted", cases[i].why);
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].begins)), "%s: %s", cases[i].why,
                   err.text);
        yml_free(file);
    }
}

TEST(depth_and_size_have_bounds)
{
    struct buf text = BUF_LIMIT(4096);
    for (int i = 0; i < 100; i++)
        CHECK(buf_put_char(&text, '['));
    struct error err = {0};
    CHECK(!yml_parse(buf_span(&text), "f", &err));
    CHECK(strstr(err.text, "too deeply") != NULL);

    /* Each line stands for nine times the one before. */
    buf_clear(&text);
    CHECK(buf_printf(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 20; i++)
        CHECK(buf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                         i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1));
    CHECK(!yml_parse(buf_span(&text), "f", &err));
    CHECK(strstr(err.text, "aliases") != NULL);
    buf_release(&text);
}
