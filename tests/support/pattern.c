/* See the header. */
#include "support/pattern.h"

static unsigned char byte_at(uint64_t at)
{
    return (unsigned char)(at ^ (at >> 8) * 31 ^ (at >> 16) * 17);
}

void pattern_fill(unsigned char *to, size_t len, uint64_t at)
{
    for (size_t i = 0; i < len; i++)
        to[i] = byte_at(at + i);
}

bool pattern_fits(const void *bytes, size_t len, uint64_t at)
{
    const unsigned char *from = bytes;
    for (size_t i = 0; i < len; i++)
        if (from[i] != byte_at(at + i))
            return false;
    return true;
}
