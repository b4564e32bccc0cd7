/* `tunnel ingress prove`: what it prints and how it ends. */
#include "culvert/base/doc.h"
#include "culvert/base/file.h"

#include "harness.h"
#include "support/cli_run.h"

enum { WORDS = 16 };

/* Of these two the first is slipped past in some ways. */
static const char two_rules[] = "ingress:\n"
                                "  - hostname: a.example\n"
                                "    path: ^/it's$\n"
                                "    service: http://h:1\n"
                                "  - service: http://h:2\n";
static const char of_two[] = "slips-past:a.example:^/it's$ -> *";

/* Runs it with further words, which end with NULL. */
static struct cli_outcome prove(struct test_place *home, const char *text,
                                const char *const *further)
{
    const char *words[WORDS] = {"culvert", "tunnel", "--config", "@/c.yml", "ingress", "prove"};
    for (size_t i = 6; i + 1 < WORDS && *further; i++)
        words[i] = *further++;
    CHECK(file_replace(place_path(home, "c.yml"), span_of(text), 0600, NULL));
    return cli_outcome_of(home, words, NULL);
}

TEST(a_finding_is_printed_with_the_flag_that_accepts_it)
{
    static const char *const none[] = {NULL};
    struct test_place home = place_make();
    struct cli_outcome outcome = prove(&home, two_rules, none);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(strstr(outcome.out, "c.yml:2:5: rule #0 (hostname a.example, path ^/it's$, service "
                                   "http://h:1) can be slipped past: "),
               "%s", outcome.out);
    CHECK_CASE(strstr(outcome.out, "\tto accept it: --allow "
                                   "'slips-past:a.example:^/it'\\''s$ -> *'\n"),
               "%s", outcome.out);
    CHECK(strstr(outcome.out, " in 2 rules\n") && !strstr(outcome.out, "OK\n"));
    cli_outcome_release(&outcome);
    place_remove(&home);
}

TEST(accepted_findings_do_not_count)
{
    const char *const further[] = {"--allow", of_two, NULL};
    struct test_place home = place_make();
    struct cli_outcome outcome = prove(&home, two_rules, further);
    CHECK_CASE(outcome.status == CLI_OK, "%s%s", outcome.out, outcome.err);
    CHECK_CASE(strstr(outcome.out, "\taccepted\n") && strstr(outcome.out, " accepted\nOK\n"), "%s",
               outcome.out);
    CHECK(!strstr(outcome.out, "to accept it"));
    cli_outcome_release(&outcome);
    place_remove(&home);
}

TEST(one_finding_is_accepted_and_another_counts)
{
    static const char text[] = "ingress:\n"
                               "  - {hostname: b.example, service: 'http://h:3'}\n"
                               "  - {hostname: b.example, service: 'http://h:4'}\n"
                               "  - {hostname: c.example, service: 'http://h:3'}\n"
                               "  - {hostname: c.example, service: 'http://h:4'}\n"
                               "  - {service: 'http_status:404'}\n";
    static const char *const further[] = {"--allow", "never-matches:c.example -> c.example", NULL};
    struct test_place home = place_make();
    struct cli_outcome outcome = prove(&home, text, further);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(strstr(outcome.out, "1 accepted\n1 finding in 5 rules\n"), "%s", outcome.out);
    cli_outcome_release(&outcome);
    place_remove(&home);
}

TEST(an_exception_without_its_finding_is_told_and_counts)
{
    static const char fine[] = "ingress:\n  - {service: 'http://h:2'}\n";
    const char *const further[] = {"--allow", of_two, NULL};
    struct test_place home = place_make();
    struct cli_outcome outcome = prove(&home, fine, further);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(
        strstr(outcome.out, "--allow \"slips-past:a.example:^/it's$ -> *\": there is no such"),
        "%s", outcome.out);
    CHECK(!strstr(outcome.out, "OK\n"));
    cli_outcome_release(&outcome);
    place_remove(&home);
}

TEST(what_names_no_finding_is_a_wrong_use)
{
    static const char *const wrong[] = {"", "slips-past", "undecided:a -> b", "Slips-Past:a -> b",
                                        "a.example"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *const further[] = {"--allow", wrong[i], NULL};
        struct test_place home = place_make();
        struct cli_outcome outcome = prove(&home, two_rules, further);
        CHECK_CASE(outcome.status == CLI_USAGE, "%s: %d", wrong[i], outcome.status);
        CHECK_CASE(strstr(outcome.err, "names no finding") && !outcome.out[0], "%s: %s", wrong[i],
                   outcome.err);
        cli_outcome_release(&outcome);
        place_remove(&home);
    }
}

TEST(programs_are_told_names_and_what_is_accepted_and_stale)
{
    const char *const further[] = {"--json",  "--allow",           of_two,
                                   "--allow", "slips-past:x -> y", NULL};
    struct test_place home = place_make();
    struct cli_outcome outcome = prove(&home, two_rules, further);
    struct error err = {0};
    struct span text = SPAN("");
    bool accepted = false;
    CHECK(outcome.status == CLI_FAILED);
    struct doc *root = doc_parse(span_of(outcome.out), &err);
    REQUIRE(root);
    const struct doc *first = doc_at(doc_get(root, "findings"), 0);
    CHECK(doc_as_text(doc_get(first, "name"), &text));
    CHECK_SPAN(text, span_of(of_two));
    CHECK(doc_as_bool(doc_get(first, "accepted"), &accepted) && accepted);
    CHECK_SIZE(doc_count(doc_get(root, "stale")), 1);
    CHECK(doc_as_text(doc_at(doc_get(root, "stale"), 0), &text));
    CHECK_SPAN(text, SPAN("slips-past:x -> y"));
    doc_free(root);
    cli_outcome_release(&outcome);
    place_remove(&home);
}
