/* The kernel's random bytes. */
#include "culvert/base/random.h"
#include "culvert/base/banned.h"

#include <errno.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
    char *to = out;
    while (len > 0) {
        ssize_t n = getrandom(to, len, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            abort(); /* without randomness no secret may be made */
        to += n;
        len -= (size_t)n;
    }
}

uint64_t random_below(uint64_t below)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % below;
    uint64_t n;
    do
        random_bytes(&n, sizeof n);
    while (n >= limit);
    return n % below;
}
