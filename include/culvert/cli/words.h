/* The words of the command line, taken over from the process: what others on the machine may see of
 * them (ps, /proc) holds no secret any more. */
#ifndef CULVERT_CLI_WORDS_H
#define CULVERT_CLI_WORDS_H

#include <stdbool.h>

struct cli_words {
    char **at; /* `count` words and NULL */
    int count;
};

/* Copies argv, then writes x over the values of secret flags in it. The caller releases `words` in
 * every case, not before the last use of a word. False: no memory, argv is as it was. */
bool cli_words_take(struct cli_words *words, int argc, char **argv);

/* Wipes them, too. */
void cli_words_release(struct cli_words *words);

#endif
