/* Dates among the scalars of YAML 1.1: 2020-1-2, alone or with a time of day. What names no day of
 * the calendar is a text. */
#include "culvert/base/clock.h"
#include "number.h"
#include "yaml_node.h"

/* Takes one or two digits (`width` 0), or exactly `width`; at most `max`. */
static bool take_number(struct span *rest, size_t width, int max, int *number)
{
    size_t most = width > 0 ? width : 2;
    size_t len = 0;
    *number = 0;
    while (len < rest->len && len < most && number_is_digit(rest->data[len]))
        *number = *number * 10 + (rest->data[len++] - '0');
    *rest = span_skip(*rest, len);
    return len > 0 && (width == 0 || len == width) && *number <= max;
}

static bool take_char(struct span *rest, char c)
{
    if (rest->len == 0 || rest->data[0] != c)
        return false;
    *rest = span_skip(*rest, 1);
    return true;
}

static bool take_day(struct span *rest)
{
    int year, month, day;
    return take_number(rest, 4, 9999, &year) && take_char(rest, '-') &&
           take_number(rest, 0, 12, &month) && month > 0 && take_char(rest, '-') &&
           take_number(rest, 0, clock_days_in(year, month), &day) && day > 0;
}

/* 3:04:05.678 */
static bool take_time(struct span *rest)
{
    int ignored;
    if (!take_number(rest, 0, 23, &ignored) || !take_char(rest, ':') ||
        !take_number(rest, 0, 59, &ignored) || !take_char(rest, ':') ||
        !take_number(rest, 0, 59, &ignored))
        return false;
    struct span fraction = *rest;
    if (!take_char(&fraction, '.') && !take_char(&fraction, ','))
        return true;
    size_t len = 0;
    while (len < fraction.len && number_is_digit(fraction.data[len]))
        len++;
    if (len > 0)
        *rest = span_skip(fraction, len);
    return true;
}

/* Z or +01:00 */
static bool take_zone(struct span *rest)
{
    int ignored;
    if (take_char(rest, 'Z'))
        return true;
    return (take_char(rest, '+') || take_char(rest, '-')) && take_number(rest, 2, 24, &ignored) &&
           take_char(rest, ':') && take_number(rest, 2, 60, &ignored);
}

bool yml_is_date(struct span text)
{
    struct span rest = text;
    if (!take_day(&rest))
        return false;
    if (rest.len == 0)
        return true;
    if (take_char(&rest, 'T') || take_char(&rest, 't'))
        return take_time(&rest) && take_zone(&rest) && rest.len == 0;
    size_t blanks = 0;
    while (take_char(&rest, ' '))
        blanks++;
    return blanks > 0 && take_time(&rest) && rest.len == 0;
}
