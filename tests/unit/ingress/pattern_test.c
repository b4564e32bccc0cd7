#include "culvert/ingress/pattern.h"

#include "harness.h"

static bool host_matches(struct span hostname, struct span authority)
{
    char host[HOST_MAX];
    struct host_pattern *pattern = host_pattern_new(hostname, NULL);
    bool matches =
        pattern && host_pattern_matches(pattern, span_make(host, host_normalise(authority, host)));
    host_pattern_free(pattern);
    return matches;
}

TEST(a_host_name_is_compared_without_case_port_and_trailing_dot)
{
    static const struct {
        struct span hostname, authority;
        bool matches;
        const char *why;
    } cases[] = {
        {SPAN_INIT("a.example.com"), SPAN_INIT("a.example.com"), true, "equal"},
        {SPAN_INIT("a.example.com"), SPAN_INIT("A.Example.COM:8443"), true, "case and port"},
        {SPAN_INIT("A.Example.COM"), SPAN_INIT("a.EXAMPLE.com."), true, "case and dot"},
        {SPAN_INIT("a.example.com."), SPAN_INIT("a.example.com"), true, "a dot in the rule"},
        {SPAN_INIT("a.example.com"), SPAN_INIT("a.example.com.."), false, "two dots"},
        {SPAN_INIT("a.example.com"), SPAN_INIT("xa.example.com"), false, "a longer one"},
        {SPAN_INIT("a.example.com"), SPAN_INIT("a.example.com.evil"), false, "another one"},
        {SPAN_INIT("*.example.com"), SPAN_INIT("a.b.EXAMPLE.com"), true, "below"},
        {SPAN_INIT("*.Example.com"), SPAN_INIT("a.example.com."), true, "case in the wildcard"},
        {SPAN_INIT("*.example.com"), SPAN_INIT("example.com"), false, "not itself"},
        {SPAN_INIT("*.example.com"), SPAN_INIT("aexample.com"), false, "not without the dot"},
        {SPAN_INIT("*."), SPAN_INIT("a."), false, "every dot is dropped"},
        {SPAN_INIT("*a.example.com"), SPAN_INIT("ba.example.com"), false, "no wildcard"},
        {SPAN_INIT("b\xC3\xBC.example"), SPAN_INIT("xn--b-eha.example"), true, "A-labels"},
        {SPAN_INIT("*.b\xC3\xBC.example"), SPAN_INIT("a.xn--b-eha.example"), true,
         "A-labels behind the star"},
        {SPAN_INIT("\xE2\x98\x95.example"), SPAN_INIT("xn--53h.example"), true, "a picture's"},
        {SPAN_INIT("_a.example.com"), SPAN_INIT("a.example.com"), false,
         "an underscore does not vanish"},
        {SPAN_INIT("::1"), SPAN_INIT("[::1]:80"), true, "brackets and port"},
        {SPAN_INIT("[::1]"), SPAN_INIT("[::1]"), true, "brackets in the rule"},
        {SPAN_INIT("[::1]"), SPAN_INIT("::1"), false, "brackets in the rule only"},
        {SPAN_INIT("[::1]"), SPAN_INIT("[::1]:80"), false, "which go with the port"},
        {SPAN_INIT("*"), SPAN_INIT(""), true, "any"},
        {SPAN_INIT("a"), SPAN_INIT(""), false, "no host"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(host_matches(cases[i].hostname, cases[i].authority) == cases[i].matches, "%s",
                   cases[i].why);
}

TEST(a_host_name_has_no_port_and_a_star_only_in_front)
{
    static const struct {
        struct span hostname;
        const char *words; /* NULL: accepted */
    } cases[] = {
        {SPAN_INIT("a:80"), "port"},      {SPAN_INIT("a:"), "port"},
        {SPAN_INIT(":"), "port"},         {SPAN_INIT("[::1]:80"), "port"},
        {SPAN_INIT("https://x"), "port"}, {SPAN_INIT("*:80"), "port"},
        {SPAN_INIT("::1"), NULL},         {SPAN_INIT("[::1]"), NULL},
        {SPAN_INIT("a.*.b"), "star"},     {SPAN_INIT("*.*.b"), "star"},
        {SPAN_INIT("**.b"), "star"},      {SPAN_INIT("a*"), "star"},
        {SPAN_INIT("*.b"), NULL},         {SPAN_INIT("*b"), NULL},
        {SPAN_INIT("a b"), NULL},         {SPAN_INIT(""), NULL},
        {SPAN_INIT("[::1]:80:9"), NULL},  {SPAN_INIT("a[b]:c"), NULL},
        {SPAN_INIT("[::1]x"), NULL},      {SPAN_INIT("a:b]"), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct host_pattern *pattern = host_pattern_new(cases[i].hostname, &err);
        CHECK_CASE((pattern == NULL) == (cases[i].words != NULL), "%.*s: %s",
                   SPAN_ARG(cases[i].hostname), err.text);
        CHECK_CASE(!cases[i].words || strstr(err.text, cases[i].words), "%s", err.text);
        host_pattern_free(pattern);
    }
}

static enum path_match path_matches(const char *expression, const char *path)
{
    struct error err = {0};
    struct path_pattern *pattern = path_pattern_new(span_of(expression), &err);
    CHECK_CASE(pattern, "%s: %s", expression, err.text);
    if (!pattern)
        return PATH_UNDECIDED;
    enum path_match match = path_pattern_match(pattern, span_of(path));
    path_pattern_free(pattern);
    return match;
}

TEST(an_expression_means_what_it_means_in_re2)
{
    static const struct {
        const char *expression, *path;
        bool matches;
        const char *why;
    } cases[] = {
        {"x", "/a/x/b", true, "unanchored"},
        {"^/x$", "/x", true, "anchored"},
        {"^/x$", "/x\n", false, "$ is the very end"},
        {"(?m)^x$", "/a\nx\nb", true, "(?m) knows lines"},
        {"(?m)b\n^", "/b\n", true, "(?m)^ behind the last newline"},
        {"/a.c", "/a\nc", false, ". is no newline"},
        {"(?s)/a.c", "/a\nc", true, "(?s). is one"},
        {"/a.c", "/a\rc", true, "a carriage return is no newline"},
        {"/[^x]", "/\n", true, "a negated class holds the newline"},
        {"\\s", "/\v", false, "no vertical tab in \\s"},
        {"[\\s]", "/\v", false, "nor in a class"},
        {"[[:space:]]", "/\v", true, "but in [:space:]"},
        {"\\w", "/\xC3\xA4", false, "\\w is ASCII"},
        {"\\W$", "/\xC3\xA4", true, "\\W is the rest"},
        {"[^\\W]", "/\xC3\xA4", false, "in a class too"},
        {"^/.$", "/\xC3\xA4", true, ". is a character, not a byte"},
        {"(?i)k", "/\xE2\x84\xAA", true, "folding finds the Kelvin sign"},
        {"\\p{Greek}", "/\xCE\xB1", true, "a script"},
        {"\\P{Greek}$", "/\xCE\xB1", false, "its negation"},
        {"\\p{^L}$", "/a", false, "the other negation"},
        {"^/\\pN$", "/7", true, "a category of one letter"},
        {"^/\\p{ greek }$", "/\xCE\xB1", true, "names without case and blanks"},
        {"^/\\p{Lowercase_Letter}$", "/a", true, "a category by its long name"},
        {"^/\\p{uppercaseletter}$", "/a", false, "in any spelling"},
        {"^/\\p{^Punct}$", "/.", false, "negated"},
        {"^/\\P{ASCII}$", "/\xC3\xA4", true, "what is not ASCII"},
        {"^/[^\\p{ASCII}]$", "/a", false, "in a class"},
        {"(?i)^/\\P{ASCII}$", "/k", false, "the Kelvin sign brings no k along"},
        {"(?i)^/\\W$", "/s", false, "nor the long s an s"},
        {"(?i)^/[\\W]$", "/k", false, "in a class"},
        {"^/\\p{Cn}$", "/a", false, "nothing is unassigned here"},
        {"\\p{Assigned}", "/a", true, "and all assigned"},
        {"^/(\\x{d800})?$", "/", true, "half a surrogate pair is in no path"},
        {"\\Qa.b\\E", "/axb", false, "quoted"},
        {"\\Qa.b\\E+$", "/a.bbb", true, "a repetition of the last quoted character"},
        {"a{,2}", "/a{,2}", true, "no repetition"},
        {"a{", "/a{", true, "a plain brace"},
        {"a{01}", "/a{01}", true, "a leading zero makes it plain"},
        {"^/a{2}$", "/aa", true, "a count"},
        {"^/(?:ab){2,}$", "/ababab", true, "an open count"},
        {"(?P<n>a)(?<n>b)", "/ab", true, "the same name twice"},
        {"(?U)a+", "/a", true, "swapped greed"},
        {"(?i:A)b", "/ab", true, "flags for a group"},
        {"(?i:A)B", "/ab", false, "and for it alone"},
        {"(a(?i)b|c)", "/C", true, "flags reach into later branches"},
        {"[]a]", "/]", true, "] first is itself"},
        {"[a-]", "/-", true, "- last is itself"},
        {"[\\d-z]", "/-", true, "- behind a class is itself"},
        {"[[.a]", "/[", true, "[ in a class is itself"},
        {"[&&a]", "/&", true, "& too"},
        {"\\x41\\x{42}\\103\\0", "/ABC", false, "escapes by number, and a NUL that is not there"},
        {"\\x41\\x{42}\\103", "/ABC", true, "escapes by number"},
        {"#x", "/#x", true, "no comments"},
        {"^*/x", "/x", true, "an anchor may be repeated"},
        {"\\bfoo\\b", "/a/foo-b", true, "word edges"},
        {"a||b", "/", true, "an empty branch"},
        {"()", "/", true, "an empty group"},
        {"\\_", "/_", true, "an escaped underscore"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum path_match match = path_matches(cases[i].expression, cases[i].path);
        CHECK_CASE(match == (cases[i].matches ? PATH_MATCHES : PATH_DIFFERS), "%s: %s gives %d",
                   cases[i].why, cases[i].expression, (int)match);
    }
}

TEST(what_re2_refuses_is_refused)
{
    static const char *const cases[] = {
        "[",           "(",          ")",           "*",
        "+x",          "?",          "a**",         "a+*",
        "a{2}{3}",     "a?\?\?",     "(?=x)",       "(?!x)",
        "(?<=x)y",     "(?<!x)y",    "(a)\\1",      "\\8",
        "(?>a)",       "a++",        "(?#x)",       "(?x)a",
        "(?|a|b)",     "\\K",        "\\R",         "\\X",
        "\\C",         "\\N",        "\\G",         "\\Z",
        "\\h",         "\\e",        "\\cA",        "\\y",
        "a\\",         "[z-a]",      "[a-\\d]",     "[\\b]",
        "[\\Qa]",      "a{1001}",    "a{2,1}",      "(*FAIL)",
        "(?C1)a",      "(?R)",       "(?1)",        "(?P>n)",
        "(?&n)",       "(?(1)a|b)",  "(?^)",        "(?-)",
        "(?i",         "(?P<>a)",    "(?P<n-x>a)",  "(?'n'a)",
        "\\p{Nope}",   "\\p{Xan}",   "\\pX",        "\\p{L",
        "[[:foo:]]",   "\\x",        "\\x4",        "\\x{}",
        "\\x{110000}", "\\x{41",     "(a{40}){40}", "((a{10}){11}){11}",
        "|*",          "(|*)",       "[]",          "[^]",
        "\xFF",        "\\\xC3\xA4", "\\g1",        "\\k<n>",
        "\\o{1}",      "\\u0041",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct path_pattern *pattern = path_pattern_new(span_of(cases[i]), &err);
        CHECK_CASE(!pattern, "accepted: %s", cases[i]);
        CHECK_CASE(err.text[0] != '\0', "%s: no words", cases[i]);
        path_pattern_free(pattern);
    }
}

TEST(nesting_and_counts_reach_to_their_bounds)
{
    struct buf text = BUF_LIMIT(4096);
    for (int i = 0; i < 900; i++)
        CHECK(buf_put_char(&text, '('));
    CHECK(buf_put_char(&text, 'a'));
    for (int i = 0; i < 900; i++)
        CHECK(buf_put_char(&text, ')'));
    CHECK(path_matches(buf_text(&text), "/a") == PATH_MATCHES);
    buf_clear(&text);
    for (int i = 0; i < 1001; i++)
        CHECK(buf_put_char(&text, '('));
    CHECK(!path_pattern_new(buf_span(&text), NULL));
    buf_release(&text);
    CHECK(path_matches("a{1000}", "/a") == PATH_DIFFERS);
    CHECK(path_matches("(a{10}){100}", "/a") == PATH_DIFFERS);
}

TEST(an_explosive_pattern_is_decided_in_bounded_time)
{
    struct buf path = BUF_LIMIT(100000);
    CHECK(buf_put_char(&path, '/'));
    for (int i = 0; i < 5000; i++)
        CHECK(buf_put_char(&path, 'a'));
    CHECK(path_matches("(a+)+b", buf_text(&path)) == PATH_DIFFERS);
    CHECK(path_matches("(a|a)*b", buf_text(&path)) == PATH_DIFFERS);
    CHECK(path_matches("^(/|a|aa)*$", buf_text(&path)) == PATH_MATCHES);
    CHECK(buf_put_char(&path, 'b'));
    CHECK(path_matches("(a+)+b$", buf_text(&path)) == PATH_MATCHES);
    CHECK(buf_put_char(&path, 'c'));
    for (int i = 0; i < 60000; i++)
        CHECK(buf_put_char(&path, 'a'));
    CHECK(path_matches("(a+)+b$", buf_text(&path)) == PATH_UNDECIDED);
    CHECK(path_matches("^/a", buf_text(&path)) == PATH_MATCHES);
    buf_release(&path);
}

TEST(a_decoded_path_is_utf8_whatever_came)
{
    static const struct {
        struct span raw;
        const char *decoded; /* NULL: refused */
    } cases[] = {
        {SPAN_INIT("/a%2Fb"), "/a/b"},
        {SPAN_INIT("/%C3%A4"), "/\xC3\xA4"},
        {SPAN_INIT("/%E4x"), "/\xEF\xBF\xBDx"},
        {SPAN_INIT("/\xED\xA0\x80"), "/\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {SPAN_INIT("/%252F"), "/%2F"},
        {SPAN_INIT("/%zz"), NULL},
        {SPAN_INIT("/%2"), NULL},
        {SPAN_INIT(""), ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(64);
        bool ok = path_decode(cases[i].raw, &out, NULL);
        CHECK_CASE(ok == (cases[i].decoded != NULL), "%.*s", SPAN_ARG(cases[i].raw));
        if (ok && cases[i].decoded)
            CHECK_TEXT(buf_text(&out), cases[i].decoded);
        buf_release(&out);
    }
}

TEST(dot_segments_are_resolved_as_rfc_3986_says)
{
    static const struct {
        struct span path;
        const char *plain, *merged; /* merged NULL: the same */
        bool changed;
    } cases[] = {
        {SPAN_INIT("/a/b"), "/a/b", NULL, false},
        {SPAN_INIT("/a/./b"), "/a/b", NULL, true},
        {SPAN_INIT("/a/../b"), "/b", NULL, true},
        {SPAN_INIT("/../../b"), "/b", NULL, true},
        {SPAN_INIT("/a/.."), "/", NULL, true},
        {SPAN_INIT("/a/b/.."), "/a/", NULL, true},
        {SPAN_INIT("/a/."), "/a/", NULL, true},
        {SPAN_INIT("/..."), "/...", NULL, false},
        {SPAN_INIT("/.a"), "/.a", NULL, false},
        {SPAN_INIT("/a//../b"), "/a/b", "/b", true},
        {SPAN_INIT("/a//b/"), "/a//b/", "/a/b/", false},
        {SPAN_INIT("/"), "/", NULL, false},
        {SPAN_INIT("*"), "*", NULL, false},
        {SPAN_INIT(""), "", NULL, false},
        {SPAN_INIT("/.."), "/", NULL, true},
        {SPAN_INIT("/a/../"), "/", NULL, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(64);
        bool changed;
        CHECK(path_resolve_dots(cases[i].path, false, &out, &changed));
        CHECK_TEXT(buf_text(&out), cases[i].plain);
        CHECK_CASE(changed == cases[i].changed, "%.*s", SPAN_ARG(cases[i].path));
        buf_clear(&out);
        CHECK(path_resolve_dots(cases[i].path, true, &out, &changed));
        CHECK_TEXT(buf_text(&out), cases[i].merged ? cases[i].merged : cases[i].plain);
        buf_release(&out);
    }
}
