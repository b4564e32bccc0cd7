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

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

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

static bool parse_float(struct span text, double *value)
{
    char copy[NUMBER_TEXT_MAX];
    if (!number_copy(text, copy) || !is_float(copy))
        return false;
    *value = strtod(copy, NULL);
    return true;
}

/* 2020-1-2, alone or with a time of day behind "T", "t" or a blank. */
static bool is_date(struct span text)
{
    static const char shape[] = "dddd-";
    size_t i = 0;
    for (; i < sizeof shape - 1; i++)
        if (i >= text.len || (shape[i] == 'd' ? !is_digit(text.data[i]) : text.data[i] != shape[i]))
            return false;
    for (int part = 0; part < 2; part++) {
        size_t digits = 0;
        while (i < text.len && is_digit(text.data[i]) && digits < 2) {
            digits++;
            i++;
        }
        if (digits == 0)
            return false;
        if (part == 0 && (i >= text.len || text.data[i++] != '-'))
            return false;
    }
    if (i == text.len)
        return true;
    if (strchr("Tt ", text.data[i]) == NULL)
        return false;
    for (i++; i < text.len; i++)
        if (!is_digit(text.data[i]) && strchr(":.+-Zz ", text.data[i]) == NULL)
            return false;
    return true;
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
    if (number_parse_int(text, &negative, &magnitude))
        return YML_INT;
    if (parse_float(text, &value))
        return YML_FLOAT;
    return is_date(text) ? YML_DATE : YML_TEXT;
}

enum yml_kind yml_scalar_kind(struct span text, bool is_plain, struct span tag)
{
    struct span core = SPAN("tag:yaml.org,2002:");
    if (!span_starts(tag, core))
        return is_plain && tag.len == 0 ? plain_kind(text) : YML_TEXT;
    struct span type = span_skip(tag, core.len);
    if (span_equal(type, SPAN("str")) || span_equal(type, SPAN("binary")))
        return YML_TEXT;
    return plain_kind(text);
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
