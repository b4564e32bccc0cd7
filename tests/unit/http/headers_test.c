#include "culvert/http/headers.h"

#include "harness.h"

static void add(struct headers *h, const char *name, const char *value)
{
    CHECK(headers_add(h, span_of(name), span_of(value), NULL));
}

static void check_list(const struct headers *h, const char *want)
{
    struct buf text = BUF_LIMIT(4096);
    for (size_t i = 0; i < h->count; i++) {
        struct header field = headers_at(h, i);
        CHECK(buf_printf(&text, "%.*s=%.*s;", SPAN_ARG(field.name), SPAN_ARG(field.value)));
    }
    CHECK_TEXT(buf_text(&text), want);
    buf_release(&text);
}

TEST(fields_keep_their_order_and_repeated_names_stay_separate)
{
    struct headers h = {0}; /* all zero is an empty list */
    add(&h, "A", "1");
    add(&h, "set-cookie", "x");
    add(&h, "B", "");
    add(&h, "Set-Cookie", "y");
    check_list(&h, "A=1;set-cookie=x;B=;Set-Cookie=y;");
    struct span value;
    REQUIRE(headers_find(&h, SPAN("SET-COOKIE"), &value));
    CHECK_SPAN(value, SPAN("x"));
    CHECK(!headers_find(&h, SPAN("set-cookies"), &value));
    CHECK(headers_has(&h, SPAN("b")) && !headers_has(&h, SPAN("")));
    CHECK_SIZE(headers_count_of(&h, SPAN("set-Cookie")), 2);
    CHECK_SIZE(headers_count_of(&h, SPAN("c")), 0);
    headers_release(&h);
}

TEST(removing_takes_all_of_a_name_and_setting_leaves_one)
{
    struct headers h;
    headers_init(&h);
    add(&h, "a", "1");
    add(&h, "b", "2");
    add(&h, "A", "3");
    add(&h, "c", "4");
    headers_remove(&h, SPAN("a"));
    check_list(&h, "b=2;c=4;");
    CHECK(headers_set(&h, SPAN("B"), SPAN("5"), NULL));
    check_list(&h, "c=4;B=5;");
    headers_remove(&h, headers_at(&h, 0).name); /* a name that points into the list */
    check_list(&h, "B=5;");
    headers_clear(&h);
    check_list(&h, "");
    add(&h, "d", "6");
    check_list(&h, "d=6;");
    headers_release(&h);
}

TEST(setting_the_same_field_for_ever_takes_no_more_room)
{
    struct headers h;
    headers_init(&h);
    for (int i = 0; i < 100000; i++)
        REQUIRE(headers_set(&h, SPAN("X-Again"), SPAN("0123456789"), NULL));
    CHECK_SIZE(headers_bytes(&h), 17);
    headers_release(&h);
}

static bool has_empty_value(struct header field, void *arg)
{
    ++*(int *)arg;
    return field.value.len == 0;
}

TEST(removing_by_a_question_asks_once_for_each_field)
{
    struct headers h;
    headers_init(&h);
    int asked = 0;
    headers_remove_if(&h, has_empty_value, &asked);
    add(&h, "a", "");
    add(&h, "b", "1");
    add(&h, "c", "");
    headers_remove_if(&h, has_empty_value, &asked);
    CHECK(asked == 3);
    check_list(&h, "b=1;");
    headers_release(&h);
}

TEST(tokens_are_members_between_commas_on_all_lines)
{
    static const struct {
        struct span token;
        bool is_there;
        const char *why;
    } cases[] = {
        {SPAN_INIT("keep-alive"), true, "first member, other case"},
        {SPAN_INIT("te"), true, "blanks around"},
        {SPAN_INIT("upgrade"), true, "on the second line"},
        {SPAN_INIT("up"), false, "a part of a member"},
        {SPAN_INIT("te,"), false, "a comma is no part of a token"},
        {SPAN_INIT("close"), false, "in another field"},
    };
    struct headers h;
    headers_init(&h);
    add(&h, "Connection", "Keep-Alive ,\t TE\t,");
    add(&h, "X", "close");
    add(&h, "connection", "Upgrade");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(headers_has_token(&h, SPAN("Connection"), cases[i].token) == cases[i].is_there,
                   "%s", cases[i].why);
    headers_release(&h);
}

TEST(a_list_takes_up_to_its_bounds_and_says_which_one_was_reached)
{
    struct headers h;
    struct error err = {0};
    headers_init(&h);
    for (int i = 0; i < HEADERS_COUNT_MAX; i++)
        add(&h, "n", "v");
    CHECK(!headers_add(&h, SPAN("n"), SPAN("v"), &err));
    CHECK(err.kind == ERROR_LIMIT && strstr(err.text, "512"));
    headers_clear(&h);
    char *big = calloc(1, HEADERS_BYTES_MAX);
    REQUIRE(big);
    CHECK(!headers_add(&h, SPAN("n"), span_make(big, HEADERS_BYTES_MAX), &err));
    CHECK(headers_add(&h, SPAN("n"), span_make(big, HEADERS_BYTES_MAX - 1), NULL));
    CHECK(!headers_add(&h, SPAN("n"), SPAN(""), &err));
    CHECK(err.kind == ERROR_LIMIT && strstr(err.text, "1572864"));
    CHECK_SIZE(h.count, 1);
    free(big);
    headers_release(&h);
}

TEST(a_copy_stands_behind_what_is_there_and_outlives_its_source)
{
    struct headers from;
    struct headers to;
    headers_init(&from);
    headers_init(&to);
    add(&from, "a", "1");
    add(&from, "b", "2");
    add(&to, "z", "0");
    CHECK(headers_copy(&to, &from, NULL));
    headers_release(&from);
    check_list(&to, "z=0;a=1;b=2;");
    headers_release(&to);
}

TEST(a_name_is_a_token_and_a_value_has_no_controls_but_tab)
{
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool is_token = c > 0x20 && c < 0x7F && !strchr("\"(),/:;<=>?@[\\]{}", c);
        bool is_text = c == '\t' || (c >= 0x20 && c != 0x7F);
        CHECK_CASE(header_name_is_valid(span_make(&byte, 1)) == is_token, "name byte %d", c);
        /* at each place of a word of eight, so that the fast way is looked at too */
        for (size_t at = 0; at < 17; at++) {
            char value[17];
            memset(value, at % 2 ? 0xFF : ' ', sizeof value);
            value[at] = byte;
            CHECK_CASE(header_value_is_valid(span_make(value, sizeof value)) == is_text,
                       "value byte %d at %zu", c, at);
        }
    }
    CHECK(!header_name_is_valid(SPAN("")));
    CHECK(!header_name_is_valid(SPAN("a b")));
    CHECK(header_value_is_valid(SPAN("")));
}

TEST(the_customary_spelling_raises_the_first_letter_and_those_after_a_hyphen)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"x-lower", "X-Lower"}, {"ETag", "Etag"},   {"X-MIXED-case", "X-Mixed-Case"},
        {"x_under", "X_under"}, {"x-1-a", "X-1-A"}, {"x!b", "X!b"},
        {"-a--b-", "-A--B-"},   {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[32] = "";
        header_canonical_name(span_of(cases[i].name), out);
        CHECK_TEXT(out, cases[i].want);
    }
}

TEST(fields_of_one_name_are_joined_in_their_order)
{
    struct headers h;
    struct error err;
    struct buf out = BUF_LIMIT(64);
    struct buf small = BUF_LIMIT(6);
    headers_init(&h);
    CHECK(headers_add(&h, SPAN("A"), SPAN("1, 2"), &err) &&
          headers_add(&h, SPAN("b"), SPAN("x"), &err) &&
          headers_add(&h, SPAN("a"), SPAN("3"), &err));
    CHECK(buf_put_span(&out, SPAN("before:")));
    CHECK(headers_join(&h, SPAN("a"), &out));
    CHECK_SPAN(buf_span(&out), SPAN("before:1, 2, 3"));
    buf_clear(&out);
    CHECK(headers_join(&h, SPAN("c"), &out));
    CHECK_SIZE(out.len, 0);
    CHECK(!headers_join(&h, SPAN("a"), &small));
    headers_release(&h);
    buf_release(&out);
    buf_release(&small);
}
