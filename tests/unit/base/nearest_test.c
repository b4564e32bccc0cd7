#include "culvert/base/nearest.h"

#include "harness.h"

TEST(the_nearest_word_is_the_one_that_was_meant)
{
    static const char *const words[] = {"hostname",      "path",        "service",
                                        "originRequest", "noTLSVerify", "id"};
    static const struct {
        const char *meant, *nearest, *why;
    } cases[] = {
        {"Service", "service", "case"},
        {"SERVICE", "service", "all of it"},
        {"servce", "service", "a letter too few"},
        {"services", "service", "one too many"},
        {"hostnmae", "hostname", "two letters in turn"},
        {"notlsverify", "noTLSVerify", "case inside"},
        {"origin-request", "originRequest", "a dash"},
        {"originrequests", "originRequest", "case is nothing"},
        {"x", NULL, "of \"id\" nothing would be left"},
        {"i", "id", "half of it"},
        {"", NULL, "nothing"},
        {"host", NULL, "too far"},
        {"a-word-that-is-much-longer-than-whatever-a-key-of-ours-is", NULL, "too long"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct nearest nearest = {.meant = span_of(cases[i].meant)};
        for (size_t w = 0; w < ARRAY_LEN(words); w++)
            nearest_look(&nearest, words[w]);
        bool fits = cases[i].nearest ? nearest.word && strcmp(nearest.word, cases[i].nearest) == 0
                                     : !nearest.word;
        CHECK_CASE(fits, "%s: %s: %s", cases[i].meant, cases[i].why,
                   nearest.word ? nearest.word : "none");
    }
}
