/* The encoder of RFC 3492, 6.3; its names are kept. */
#include "punycode.h"

enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, BIAS = 72, FIRST = 0x80 };

static char digit_of(uint32_t value)
{
    return (char)(value < 26 ? 'a' + value : '0' + (value - 26));
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool is_first)
{
    uint32_t k = 0;
    delta = is_first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static bool put_number(uint32_t number, uint32_t bias, struct buf *out)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
        if (number < t)
            return buf_put_char(out, digit_of(number));
        if (!buf_put_char(out, digit_of(t + (number - t) % (BASE - t))))
            return false;
        number = (number - t) / (BASE - t);
    }
}

/* The smallest character that is at least `from`. */
static uint32_t next_point(const uint32_t *label, size_t len, uint32_t from)
{
    uint32_t next = UINT32_MAX;
    for (size_t i = 0; i < len; i++)
        if (label[i] >= from && label[i] < next)
            next = label[i];
    return next;
}

/* What stands between the plain letters: numbers stay far below 32 bits, since 64 characters of 21
 * bits are few. */
static bool put_rest(const uint32_t *label, size_t len, uint32_t plain, struct buf *out)
{
    uint32_t delta = 0;
    uint32_t bias = BIAS;
    uint32_t done = plain;
    for (uint32_t n = FIRST; done < len; n++, delta++) {
        uint32_t point = next_point(label, len, n);
        delta += (point - n) * (done + 1);
        n = point;
        for (size_t i = 0; i < len; i++) {
            delta += label[i] < n;
            if (label[i] != n)
                continue;
            if (!put_number(delta, bias, out))
                return false;
            bias = adapt(delta, done + 1, done == plain);
            delta = 0;
            done++;
        }
    }
    return true;
}

bool punycode_encode(const uint32_t *label, size_t len, struct buf *out)
{
    uint32_t plain = 0;
    if (len > PUNYCODE_LABEL_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (label[i] >= FIRST)
            continue;
        if (!buf_put_char(out, (char)label[i]))
            return false;
        plain++;
    }
    if (plain > 0 && plain < len && !buf_put_char(out, '-'))
        return false;
    return put_rest(label, len, plain, out);
}
