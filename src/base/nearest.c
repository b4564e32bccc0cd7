/* Levenshtein's distance, row by row. */
#include "culvert/base/nearest.h"

#include <string.h>

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t distance_of(struct span a, struct span b)
{
    size_t row[NEAREST_WORD_MAX + 1];
    if (a.len > NEAREST_WORD_MAX || b.len > NEAREST_WORD_MAX)
        return NEAREST_DISTANCE_MAX + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (lower(a.data[i - 1]) != lower(b.data[j - 1]));
            size_t grow = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < grow ? change : grow;
        }
    }
    return row[b.len];
}

void nearest_look(struct nearest *nearest, const char *word)
{
    size_t distance = distance_of(nearest->meant, span_of(word));
    /* Of a short word nothing would be left. */
    if (distance > NEAREST_DISTANCE_MAX || distance >= strlen(word))
        return;
    if (nearest->word && distance >= nearest->distance)
        return;
    nearest->word = word;
    nearest->distance = distance;
}
