/* See the header. */
#include "peer_text.h"

enum { WORD_SIZE = 64 };

void peer_text_keep(char *to, size_t size, struct span text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < size; i++)
        if (text.data[i] > ' ' && text.data[i] < 0x7f && text.data[i] != ',')
            to[n++] = text.data[i];
    to[n] = '\0';
}

void peer_text_keep_list(char *to, size_t size, const struct span *words, size_t count)
{
    size_t used = 0;
    to[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char word[WORD_SIZE];
        peer_text_keep(word, sizeof word, words[i]);
        size_t need = strlen(word) + (used > 0 ? 1 : 0);
        if (word[0] == '\0' || used + need >= size)
            continue;
        used += (size_t)snprintf(to + used, size - used, "%s%s", used > 0 ? "," : "", word);
    }
}
