/* The system's clocks, and calendar time as text. */
#include "culvert/base/clock.h"
#include "culvert/base/banned.h"

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
