/* What a scalar is and which number it says: the core schema of YAML 1.2 with what 1.1 files have
 * (leading-zero octals, "_" in numbers, dates, yes and no where a truth is asked for). */
#include "number.h"
#include "yaml_node.h"

#include <math.h>

static bool is_one_of(struct span text, const char *const *words)
{
    for (; *words; words++)
        if (span_equal(text, span_of(*words)))
            return true;
    return false;
}

static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const true_words[] = {"true", "True", "TRUE", NULL};
static const char *const false_words[] = {"false", "False", "FALSE", NULL};
static const char *const yes_words[] = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", NULL};
static const char *const no_words[] = {"n", "N", "no", "No", "NO", "off", "Off", "OFF", NULL};
static const char *const float_words[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                          "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                          ".NaN",  ".NAN",  NULL};

/* [-+]? ( .5 | 5 | 5. | 5.5 ) ( e[-+]?5 )? */
static bool is_float(const char *s)
{
    if (*s == '-' || *s == '+')
        s++;
    size_t digits = strspn(s, "0123456789");
    s += digits;
    if (*s == '.') {
        size_t places = strspn(s + 1, "0123456789");
        if (digits == 0 && places == 0)
            return false;
        s += 1 + places;
    } else if (digits == 0) {
        return false;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '-' || *s == '+')
            s++;
        size_t exponent = strspn(s, "0123456789");
        if (exponent == 0)
            return false;
        s += exponent;
    }
    return *s == '\0';
}

/* False: none, or larger than a double. */
static bool parse_float(struct span text, double *value)
{
    char copy[NUMBER_TEXT_MAX];
    if (!number_copy(text, copy) || !is_float(copy))
        return false;
    if (span_starts(text, SPAN(".")) && span_find(text, '_') < text.len)
        return false;
    *value = strtod(copy, NULL);
    return isfinite(*value);
}

static enum yml_kind plain_kind(struct span text)
{
    bool negative;
    uint64_t magnitude;
    double value;
    if (is_one_of(text, null_words))
        return YML_NULL;
    if (is_one_of(text, true_words) || is_one_of(text, false_words))
        return YML_BOOL;
    if (is_one_of(text, float_words))
        return YML_FLOAT;
    if (!number_is_digit(text.data[0]) && !strchr("+-.", text.data[0]))
        return YML_TEXT;
    if (number_parse_int(text, &negative, &magnitude))
        return YML_INT;
    if (parse_float(text, &value))
        return YML_FLOAT;
    return yml_is_date(text) ? YML_DATE : YML_TEXT;
}

/* The kinds that a tag may ask for; a text with any other tag is a text. */
static const struct {
    struct span tag;
    enum yml_kind kind;
} tags[] = {
    {SPAN_INIT("null"), YML_NULL},   {SPAN_INIT("bool"), YML_BOOL},
    {SPAN_INIT("int"), YML_INT},     {SPAN_INIT("float"), YML_FLOAT},
    {SPAN_INIT("str"), YML_TEXT},    {SPAN_INIT("timestamp"), YML_DATE},
    {SPAN_INIT("binary"), YML_TEXT},
};

bool yml_scalar_kind(struct span text, bool is_plain, struct span tag, enum yml_kind *kind)
{
    struct span core = SPAN("tag:yaml.org,2002:");
    *kind = YML_TEXT;
    if (tag.len == 0 || span_equal(tag, SPAN("!"))) {
        *kind = is_plain ? plain_kind(text) : YML_TEXT;
        return true;
    }
    if (!span_starts(tag, core))
        return true;
    enum yml_kind spelled = plain_kind(text);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (!span_equal(span_skip(tag, core.len), tags[i].tag))
            continue;
        *kind = tags[i].kind;
        return *kind == YML_TEXT || *kind == spelled || (*kind == YML_FLOAT && spelled == YML_INT);
    }
    return true;
}

const char *yml_kind_name(enum yml_kind kind)
{
    static const char *const names[] = {
        [YML_NULL] = "nothing",   [YML_BOOL] = "true or false", [YML_INT] = "a whole number",
        [YML_FLOAT] = "a number", [YML_DATE] = "a date",        [YML_TEXT] = "a text",
        [YML_LIST] = "a list",    [YML_MAP] = "a map",
    };
    return names[kind];
}

bool yml_to_int(const struct yml_node *node, int64_t *number)
{
    bool negative;
    uint64_t magnitude;
    double value;
    if (node->kind == YML_INT && number_parse_int(yml_text(node), &negative, &magnitude)) {
        if (!negative && magnitude > INT64_MAX)
            return false;
        *number = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
        return true;
    }
    if (node->kind != YML_FLOAT || !parse_float(yml_text(node), &value))
        return false;
    if (!(fabs(value) < 9223372036854775808.0))
        return false;
    *number = (int64_t)value;
    return true;
}

bool yml_to_uint(const struct yml_node *node, uint64_t *number)
{
    bool negative;
    double value;
    if (node->kind == YML_INT)
        return number_parse_int(yml_text(node), &negative, number) && (!negative || *number == 0);
    if (node->kind != YML_FLOAT || !parse_float(yml_text(node), &value))
        return false;
    if (!(value >= 0 && value < 18446744073709551616.0))
        return false;
    *number = (uint64_t)value;
    return true;
}

bool yml_to_bool(const struct yml_node *node, bool words, bool *truth)
{
    struct span text = yml_text(node);
    if (node->kind == YML_BOOL) {
        *truth = is_one_of(text, true_words);
        return true;
    }
    if (node->kind != YML_TEXT || !words)
        return false;
    *truth = is_one_of(text, yes_words);
    return *truth || is_one_of(text, no_words);
}
