/* The system's clocks, and calendar time as text. */
#include "culvert/base/clock.h"

static uint64_t system_monotonic_ms(const struct clock *clock)
{
    (void)clock;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int64_t system_unix_ms(const struct clock *clock)
{
    (void)clock;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const struct clock *clock_system(void)
{
    static const struct clock clock = {system_monotonic_ms, system_unix_ms};
    return &clock;
}

void clock_format(int64_t unix_ms, int fraction_ms, char out[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts)) {
        out[0] = '\0';
        return;
    }
    size_t n = strftime(out, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    if (fraction_ms)
        n += (size_t)snprintf(out + n, CLOCK_TEXT_SIZE - n, ".%03d", (int)(unix_ms % 1000));
    (void)snprintf(out + n, CLOCK_TEXT_SIZE - n, "Z");
}

/* Takes `digits` digits that make a number of at most `max`. */
static bool take_number(struct span *rest, size_t digits, uint64_t max, int *number)
{
    uint64_t value;
    if (rest->len < digits || !span_to_u64(span_first(*rest, digits), max, &value))
        return false;
    *number = (int)value;
    *rest = span_skip(*rest, digits);
    return true;
}

static bool take_char(struct span *rest, const char *either)
{
    if (rest->len == 0 || rest->data[0] == '\0' || !strchr(either, rest->data[0]))
        return false;
    *rest = span_skip(*rest, 1);
    return true;
}

/* ".5" is 500; nothing is 0. */
static bool take_fraction(struct span *rest, int *ms)
{
    static const int worth[] = {100, 10, 1};
    size_t digits = 0;
    *ms = 0;
    if (!take_char(rest, "."))
        return true;
    while (digits < rest->len && rest->data[digits] >= '0' && rest->data[digits] <= '9') {
        if (digits < ARRAY_LEN(worth))
            *ms += (rest->data[digits] - '0') * worth[digits];
        digits++;
    }
    *rest = span_skip(*rest, digits);
    return digits >= 1 && digits <= 9;
}

/* "Z", "+02:00"; the minutes that local time is ahead. */
static bool take_zone(struct span *rest, int *ahead)
{
    int hours, minutes;
    *ahead = 0;
    if (take_char(rest, "Zz"))
        return true;
    bool behind = rest->len > 0 && rest->data[0] == '-';
    if (!take_char(rest, "+-") || !take_number(rest, 2, 23, &hours) || !take_char(rest, ":") ||
        !take_number(rest, 2, 59, &minutes))
        return false;
    *ahead = (hours * 60 + minutes) * (behind ? -1 : 1);
    return true;
}

int clock_days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leaps ? 29 : days[month - 1];
}

bool clock_parse(struct span text, int64_t *unix_ms)
{
    struct tm parts = {0};
    int ms, ahead;
    if (!take_number(&text, 4, 9999, &parts.tm_year) || !take_char(&text, "-") ||
        !take_number(&text, 2, 12, &parts.tm_mon) || !take_char(&text, "-") ||
        !take_number(&text, 2, 31, &parts.tm_mday) || !take_char(&text, "Tt ") ||
        !take_number(&text, 2, 23, &parts.tm_hour) || !take_char(&text, ":") ||
        !take_number(&text, 2, 59, &parts.tm_min) || !take_char(&text, ":") ||
        !take_number(&text, 2, 60, &parts.tm_sec) || !take_fraction(&text, &ms) ||
        !take_zone(&text, &ahead) || text.len > 0)
        return false;
    if (parts.tm_year < 1970 || parts.tm_mon < 1 || parts.tm_mday < 1 ||
        parts.tm_mday > clock_days_in(parts.tm_year, parts.tm_mon))
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    *unix_ms = ((int64_t)timegm(&parts) - (int64_t)ahead * 60) * 1000 + ms;
    return true;
}
