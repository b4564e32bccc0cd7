#include "culvert/cli/output.h"

#include "harness.h"

TEST(columns_are_as_wide_as_their_longest_cell_and_a_blank)
{
    static const char *const cells[] = {"ID", "NAME", "1", "\xC3\xA4\xC3\xB6\xC3\xBC longer",
                                        "22", ""};
    struct output_table table = {.columns = 2};
    struct buf out = BUF_LIMIT(256);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        CHECK(output_table_add(&table, span_of(cells[i])));
    CHECK(output_table_put(&table, &out));
    CHECK_TEXT(buf_text(&out), "ID NAME       \n"
                               "1  \xC3\xA4\xC3\xB6\xC3\xBC longer \n"
                               "22            \n");
    output_table_release(&table);
    buf_release(&out);
}

static void check_yaml(const char *json, const char *yaml)
{
    struct buf out = BUF_LIMIT(1024);
    struct doc *doc = doc_parse(span_of(json), NULL);
    REQUIRE(doc);
    CHECK_CASE(output_put_doc(&out, doc, OUTPUT_YAML), "%s", json);
    CHECK_TEXT(buf_text(&out), yaml);
    doc_free(doc);
    buf_release(&out);
}

TEST(yaml_is_indented_as_the_field_knows_it)
{
    check_yaml("[{\"id\":\"x\",\"n\":1,\"list\":[{\"a\":true,\"b\":\"2026-11-04T10:00:00.2Z\"},"
               "{\"a\":false}],\"none\":[]},{\"id\":\"y\"}]",
               "- id: x\n"
               "  n: 1\n"
               "  list:\n"
               "    - a: true\n"
               "      b: 2026-11-04T10:00:00.2Z\n"
               "    - a: false\n"
               "  none: []\n"
               "- id: y\n");
    check_yaml("{\"tunnel\":{\"id\":\"x\",\"list\":[{\"a\":1}]},\"token\":\"t\"}",
               "tunnel:\n"
               "    id: x\n"
               "    list:\n"
               "        - a: 1\n"
               "token: t\n");
    check_yaml("[]", "[]\n");
}

TEST(yaml_texts_are_quoted_when_they_would_be_read_otherwise)
{
    check_yaml("{\"a\":\"\",\"b\":\"5\",\"c\":\"true\",\"d\":\"a: b\",\"e\":\"- x\",\"f\":\"a #b\","
               "\"g\":\"'q'\",\"h\":\"l1\\nl2\",\"i\":\"a b\",\"j\":\"*x\"}",
               "a: \"\"\nb: \"5\"\nc: \"true\"\nd: \"a: b\"\ne: \"- x\"\nf: \"a #b\"\n"
               "g: \"'q'\"\nh: \"l1\\x0Al2\"\ni: a b\nj: \"*x\"\n");
}

TEST(only_json_and_yaml_are_formats)
{
    enum output_format format;
    struct error err = {0};
    CHECK(output_format_parse("", &format, NULL) && format == OUTPUT_TEXT);
    CHECK(output_format_parse("json", &format, NULL) && format == OUTPUT_JSON);
    CHECK(output_format_parse("yaml", &format, NULL) && format == OUTPUT_YAML);
    CHECK(!output_format_parse("xml", &format, &err));
    CHECK(strstr(err.text, "xml") != NULL);
}
