/* RFC 3339 chapter 5.6, with the calendar of the C library. */
#include "culvert/api/time.h"
#include "culvert/base/clock.h"

enum { DATE_TIME_LEN = 19, DECIMALS_MAX = 9, NEVER_YEAR = 1 };

/* Takes a number of exactly `digits` digits from the front. */
static bool take_number(struct span *rest, size_t digits, uint64_t max, int *number)
{
    uint64_t value = 0;
    if (rest->len < digits || !span_to_u64(span_first(*rest, digits), max, &value))
        return false;
    *rest = span_skip(*rest, digits);
    *number = (int)value;
    return true;
}

static bool take_char(struct span *rest, char c)
{
    if (rest->len == 0 || rest->data[0] != c)
        return false;
    *rest = span_skip(*rest, 1);
    return true;
}

/* "2006-01-02T15:04:05". */
static bool take_date_time(struct span *rest, struct tm *parts)
{
    int year = 0;
    int month = 0;
    bool ok = take_number(rest, 4, 9999, &year) && take_char(rest, '-') &&
              take_number(rest, 2, 12, &month) && take_char(rest, '-') &&
              take_number(rest, 2, 31, &parts->tm_mday) && take_char(rest, 'T') &&
              take_number(rest, 2, 23, &parts->tm_hour) && take_char(rest, ':') &&
              take_number(rest, 2, 59, &parts->tm_min) && take_char(rest, ':') &&
              take_number(rest, 2, 59, &parts->tm_sec);
    if (!ok || month < 1 || parts->tm_mday < 1 || parts->tm_mday > clock_days_in(year, month))
        return false;
    parts->tm_year = year - 1900;
    parts->tm_mon = month - 1;
    return true;
}

/* ".5" or nothing. */
static bool take_fraction(struct span *rest, uint32_t *nanoseconds)
{
    size_t digits = 0;
    *nanoseconds = 0;
    if (!take_char(rest, '.'))
        return true;
    for (; rest->len > 0 && rest->data[0] >= '0' && rest->data[0] <= '9'; digits++) {
        if (digits == DECIMALS_MAX)
            return false;
        *nanoseconds = *nanoseconds * 10 + (uint32_t)(rest->data[0] - '0');
        *rest = span_skip(*rest, 1);
    }
    for (size_t i = digits; i < DECIMALS_MAX; i++)
        *nanoseconds *= 10;
    return digits > 0;
}

/* "Z", "+01:00". */
static bool take_offset(struct span *rest, int *minutes)
{
    int hours = 0;
    *minutes = 0;
    if (take_char(rest, 'Z'))
        return true;
    bool west = take_char(rest, '-');
    if (!west && !take_char(rest, '+'))
        return false;
    if (!take_number(rest, 2, 23, &hours) || !take_char(rest, ':') ||
        !take_number(rest, 2, 59, minutes))
        return false;
    *minutes += hours * 60;
    *minutes = west ? -*minutes : *minutes;
    return true;
}

bool api_time_parse(struct span text, struct api_time *time)
{
    struct tm parts = {0};
    struct api_time read = {0};
    if (!take_date_time(&text, &parts) || !take_fraction(&text, &read.nanoseconds) ||
        !take_offset(&text, &read.offset_minutes) || text.len != 0)
        return false;
    read.never = parts.tm_year == NEVER_YEAR - 1900 && parts.tm_yday == 0 && parts.tm_mon == 0 &&
                 parts.tm_mday == 1 && parts.tm_hour == 0 && parts.tm_min == 0 &&
                 parts.tm_sec == 0 && read.nanoseconds == 0 && read.offset_minutes == 0;
    read.seconds = timegm(&parts) - (int64_t)read.offset_minutes * 60;
    *time = read.never ? API_TIME_NEVER : read;
    return true;
}

void api_time_format(const struct api_time *time, enum api_time_style style,
                     char out[API_TIME_SIZE])
{
    struct tm parts;
    time_t local = (time_t)(time->seconds + (int64_t)time->offset_minutes * 60);
    if (time->never || !gmtime_r(&local, &parts)) {
        (void)snprintf(out, API_TIME_SIZE, "0001-01-01T00:00:00Z");
        return;
    }
    int n = snprintf(out, API_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d",
                     (parts.tm_year + 1900) % 10000, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
    if (n != DATE_TIME_LEN)
        return;
    char *to = out + n;
    if (style == API_TIME_EXACT && time->nanoseconds > 0) {
        to += snprintf(to, API_TIME_SIZE - DATE_TIME_LEN, ".%09u", (unsigned)time->nanoseconds);
        while (to[-1] == '0')
            to--;
    }
    int offset = abs(time->offset_minutes);
    size_t room = API_TIME_SIZE - (size_t)(to - out);
    if (offset == 0)
        (void)snprintf(to, room, "Z");
    else
        (void)snprintf(to, room, "%c%02d:%02d", time->offset_minutes < 0 ? '-' : '+',
                       offset / 60 % 100, offset % 60);
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int api_time_compare(const struct api_time *a, const struct api_time *b)
{
    if (a->never || b->never)
        return (int)b->never - (int)a->never;
    if (a->seconds != b->seconds)
        return a->seconds < b->seconds ? -1 : 1;
    return compare_u64(a->nanoseconds, b->nanoseconds);
}
