/* The grammar: [+-] ( digits [ "." digits ] unit )+, or "0" alone. */
#include "culvert/base/duration.h"

#define SECOND INT64_C(1000000000)

static const struct {
    struct span name;
    uint64_t nanoseconds;
} units[] = {
    {SPAN_INIT("ns"), 1},           {SPAN_INIT("us"), 1000},
    {SPAN_INIT("\xC2\xB5s"), 1000}, {SPAN_INIT("\xCE\xBCs"), 1000}, /* micro sign, Greek mu */
    {SPAN_INIT("ms"), 1000000},     {SPAN_INIT("s"), 1000000000},
    {SPAN_INIT("m"), 60000000000},  {SPAN_INIT("h"), 3600000000000},
};

/* The magnitude of the most negative duration. */
static const uint64_t MAGNITUDE_MAX = (uint64_t)1 << 63;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits from the front; false: over the bound. No digits give 0. */
static bool cut_whole(struct span *rest, uint64_t *value)
{
    *value = 0;
    while (rest->len > 0 && is_digit(rest->data[0])) {
        uint64_t digit = (uint64_t)(rest->data[0] - '0');
        if (*value > (MAGNITUDE_MAX - digit) / 10)
            return false;
        *value = *value * 10 + digit;
        *rest = span_skip(*rest, 1);
    }
    return true;
}

/* Digits behind the point as value / scale; those beyond 18 places say nothing any more. */
static void cut_fraction(struct span *rest, uint64_t *value, uint64_t *scale)
{
    *value = 0;
    *scale = 1;
    while (rest->len > 0 && is_digit(rest->data[0])) {
        if (*scale < UINT64_C(1000000000000000000)) {
            *value = *value * 10 + (uint64_t)(rest->data[0] - '0');
            *scale *= 10;
        }
        *rest = span_skip(*rest, 1);
    }
}

static bool cut_unit(struct span *rest, uint64_t *unit)
{
    size_t len = 0;
    while (len < rest->len && rest->data[len] != '.' && !is_digit(rest->data[len]))
        len++;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (span_equal(span_first(*rest, len), units[i].name)) {
            *unit = units[i].nanoseconds;
            *rest = span_skip(*rest, len);
            return true;
        }
    }
    return false;
}

/* One number with its unit; adds it to *total. */
static bool cut_pair(struct span *rest, uint64_t *total)
{
    uint64_t whole, unit;
    uint64_t part = 0;
    uint64_t scale = 1;
    size_t before = rest->len;
    if (!cut_whole(rest, &whole))
        return false;
    bool has_digits = rest->len < before;
    if (rest->len > 0 && rest->data[0] == '.') {
        *rest = span_skip(*rest, 1);
        before = rest->len;
        cut_fraction(rest, &part, &scale);
        has_digits = has_digits || rest->len < before;
    }
    if (!has_digits || !cut_unit(rest, &unit) || whole > MAGNITUDE_MAX / unit)
        return false;
    uint64_t value = whole * unit;
    value += (uint64_t)((double)part * ((double)unit / (double)scale));
    if (value > MAGNITUDE_MAX || *total > MAGNITUDE_MAX - value)
        return false;
    *total += value;
    return true;
}

bool duration_parse(struct span text, int64_t *nanoseconds)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    if (negative || (text.len > 0 && text.data[0] == '+'))
        text = span_skip(text, 1);
    uint64_t total = 0;
    if (text.len == 0)
        return false;
    if (!span_equal(text, SPAN("0")))
        while (text.len > 0)
            if (!cut_pair(&text, &total))
                return false;
    if (total == MAGNITUDE_MAX) {
        *nanoseconds = INT64_MIN;
        return negative;
    }
    *nanoseconds = negative ? -(int64_t)total : (int64_t)total;
    return true;
}

/* "1.5" for 1,500,000,000 / 1,000,000,000: as many places as say something. */
static size_t put_decimal(uint64_t value, uint64_t unit, char *out, size_t size)
{
    int len = snprintf(out, size, "%llu", (unsigned long long)(value / unit));
    uint64_t part = value % unit;
    if (part == 0)
        return (size_t)len;
    int places = 0;
    for (uint64_t u = unit; u > 1; u /= 10)
        places++;
    while (part % 10 == 0) {
        part /= 10;
        places--;
    }
    len += snprintf(out + len, size - (size_t)len, ".%0*llu", places, (unsigned long long)part);
    return (size_t)len;
}

static void put_below_a_second(uint64_t value, char *out, size_t size)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } small[] = {{1000000, "ms"}, {1000, "\xC2\xB5s"}, {1, "ns"}};
    size_t i = 0;
    while (small[i].unit > value)
        i++;
    size_t len = put_decimal(value, small[i].unit, out, size);
    (void)snprintf(out + len, size - len, "%s", small[i].name);
}

void duration_format(int64_t nanoseconds, char out[DURATION_TEXT_SIZE])
{
    uint64_t value = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
    size_t len = 0;
    if (nanoseconds < 0)
        out[len++] = '-';
    if (value == 0) {
        (void)snprintf(out, DURATION_TEXT_SIZE, "0s");
        return;
    }
    if (value < (uint64_t)SECOND) {
        put_below_a_second(value, out + len, DURATION_TEXT_SIZE - len);
        return;
    }
    uint64_t minute = 60 * (uint64_t)SECOND;
    uint64_t minutes = value / minute;
    if (minutes >= 60)
        len += (size_t)snprintf(out + len, DURATION_TEXT_SIZE - len, "%lluh",
                                (unsigned long long)(minutes / 60));
    if (minutes > 0)
        len += (size_t)snprintf(out + len, DURATION_TEXT_SIZE - len, "%llum",
                                (unsigned long long)(minutes % 60));
    len += put_decimal(value % minute, (uint64_t)SECOND, out + len, DURATION_TEXT_SIZE - len);
    (void)snprintf(out + len, DURATION_TEXT_SIZE - len, "s");
}

int64_t duration_ms(int64_t nanoseconds)
{
    int64_t whole = nanoseconds / 1000000;
    int64_t rest = nanoseconds % 1000000;
    return whole + (rest > 0) - (rest < 0);
}
