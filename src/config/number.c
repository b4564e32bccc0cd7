/* Whole numbers as C and YAML spell them. */
#include "number.h"

#include <errno.h>

bool number_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool number_copy(struct span text, char out[NUMBER_TEXT_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '_')
            continue;
        if (len == NUMBER_TEXT_MAX - 1 || text.data[i] == '\0')
            return false;
        out[len++] = text.data[i];
    }
    out[len] = '\0';
    return len > 0;
}

/* The digits behind the prefix and their base. */
static const char *skip_base(const char *digits, int *base)
{
    *base = 10;
    if (digits[0] != '0' || digits[1] == '\0')
        return digits;
    static const struct {
        char letter;
        int base;
    } prefixes[] = {{'x', 16}, {'X', 16}, {'o', 8}, {'O', 8}, {'b', 2}, {'B', 2}};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (digits[1] == prefixes[i].letter) {
            *base = prefixes[i].base;
            return digits + 2;
        }
    }
    *base = 8;
    return digits + 1;
}

bool number_parse_int(struct span text, bool *negative, uint64_t *magnitude)
{
    char copy[NUMBER_TEXT_MAX];
    if (!number_copy(text, copy))
        return false;
    const char *digits = copy;
    *negative = digits[0] == '-';
    if (digits[0] == '-' || digits[0] == '+')
        digits++;
    if (!number_is_digit(digits[0]))
        return false;
    int base;
    digits = skip_base(digits, &base);
    if (digits[0] == '\0' || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ')
        return false;
    char *end;
    errno = 0;
    *magnitude = strtoull(digits, &end, base);
    return *end == '\0' && errno == 0 && !(*negative && *magnitude > (uint64_t)1 << 63);
}
