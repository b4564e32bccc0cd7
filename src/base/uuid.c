/* UUIDs as 16 bytes and as text (RFC 4122 chapter 3). */
#include "culvert/base/uuid.h"

#include "culvert/base/encode.h"
#include "culvert/base/random.h"

enum { DIGITS = 2 * UUID_SIZE, DASHED = UUID_TEXT_SIZE - 1 };

/* A dash stands in front of these bytes. */
static bool has_dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

struct uuid uuid_make(void)
{
    struct uuid uuid;
    random_bytes(uuid.bytes, sizeof uuid.bytes);
    uuid.bytes[6] = (unsigned char)((uuid.bytes[6] & 0x0f) | 0x40); /* version 4 */
    uuid.bytes[8] = (unsigned char)((uuid.bytes[8] & 0x3f) | 0x80); /* the variant of RFC 4122 */
    return uuid;
}

static bool parse_digits(struct span text, bool dashed, struct uuid *uuid)
{
    struct uuid read;
    size_t at = 0;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        if (dashed && has_dash_before(i) && text.data[at++] != '-')
            return false;
        int high = hex_value(text.data[at++]);
        int low = hex_value(text.data[at++]);
        if (high < 0 || low < 0)
            return false;
        read.bytes[i] = (unsigned char)(high << 4 | low);
    }
    *uuid = read;
    return true;
}

bool uuid_parse(struct span text, struct uuid *uuid)
{
    static const struct span urn = SPAN_INIT("urn:uuid:");
    if (text.len == DIGITS)
        return parse_digits(text, false, uuid);
    if (text.len == DASHED + urn.len && span_equal_nocase(span_first(text, urn.len), urn))
        text = span_skip(text, urn.len);
    else if (text.len == DASHED + 2 && text.data[0] == '{' && text.data[text.len - 1] == '}')
        text = span_first(span_skip(text, 1), DASHED);
    return text.len == DASHED && parse_digits(text, true, uuid);
}

void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < UUID_SIZE; i++) {
        if (has_dash_before(i))
            *out++ = '-';
        *out++ = digits[uuid->bytes[i] >> 4];
        *out++ = digits[uuid->bytes[i] & 15];
    }
    *out = '\0';
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, UUID_SIZE) == 0;
}

bool uuid_is_nil(const struct uuid *uuid)
{
    static const struct uuid nil;
    return uuid_equal(uuid, &nil);
}
