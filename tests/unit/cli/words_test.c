/* Taking over the words of the command line. */
#include "culvert/cli/words.h"

#include "harness.h"

#include <string.h>

enum { WORDS_MAX = 8, WORD_SIZE = 40 };

TEST(values_of_secret_flags_are_hidden_from_others_and_kept_for_us)
{
    static const struct {
        const char *given[WORDS_MAX];
        const char *seen[WORDS_MAX];
        const char *reason;
    } cases[] = {
        {{"culvert", "tunnel", "run", "--token", "abc", "web"},
         {"culvert", "tunnel", "run", "--token", "xxx", "web"},
         "the next word"},
        {{"culvert", "tunnel", "run", "--token=abc=="},
         {"culvert", "tunnel", "run", "--token=xxxxx"},
         "behind the first equals sign"},
        {{"culvert", "-credentials-contents", "{}"},
         {"culvert", "-credentials-contents", "xx"},
         "one dash, in front of the command"},
        {{"culvert", "tunnel", "create", "-s", "abc", "web"},
         {"culvert", "tunnel", "create", "-s", "xxx", "web"},
         "the alias of a command's own option"},
        {{"culvert", "tunnel", "run", "--token"},
         {"culvert", "tunnel", "run", "--token"},
         "no value"},
        {{"culvert", "tunnel", "run", "--token-file", "abc", "--url=http://a"},
         {"culvert", "tunnel", "run", "--token-file", "abc", "--url=http://a"},
         "no secrets"},
        {{0}, {0}, "no words at all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char texts[WORDS_MAX][WORD_SIZE];
        char *argv[WORDS_MAX] = {0};
        struct cli_words words;
        int argc = 0;
        for (; cases[i].given[argc]; argc++) {
            (void)snprintf(texts[argc], WORD_SIZE, "%s", cases[i].given[argc]);
            argv[argc] = texts[argc];
        }
        REQUIRE(cli_words_take(&words, argc, argv));
        CHECK_CASE(words.count == argc && !words.at[argc], "%s", cases[i].reason);
        for (int j = 0; j < argc; j++) {
            CHECK_CASE(strcmp(argv[j], cases[i].seen[j]) == 0, "%s: %s", cases[i].reason, argv[j]);
            CHECK_CASE(strcmp(words.at[j], cases[i].given[j]) == 0, "%s", cases[i].reason);
        }
        cli_words_release(&words);
    }
}
