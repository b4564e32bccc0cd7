/* What `edge run` and `edge cert` judge before they touch anything. */
#include "culvert/cli/command.h"

#include "culvert/base/file.h"

#include "harness.h"
#include "support/cli_run.h"

struct edge_case {
    const char *words[CLI_WORDS_MAX];
    const char *says, *why;
};

static void check_case(struct test_place *home, const struct edge_case *one)
{
    struct cli_outcome outcome = cli_outcome_of(home, one->words, NULL);
    CHECK_CASE(outcome.status == CLI_FAILED, "%s: status %d", one->why, outcome.status);
    CHECK_CASE(strstr(outcome.err, one->says), "%s: %s", one->why, outcome.err);
    CHECK_CASE(place_count(home) <= 1, "%s: something was left behind", one->why);
    cli_outcome_release(&outcome);
}

TEST(an_edge_needs_a_name_a_zone_and_addresses)
{
    static const struct edge_case cases[] = {
        {{"culvert", "edge", "run"}, "the edge has no name", "nothing is said"},
        {{"culvert", "edge", "run", "--hostname", "e.example"}, "the edge has no zone", "no zone"},
        {{"culvert", "edge", "run", "--dev", "--http", "8080"},
         "--http: \"8080\" is no address",
         "a port alone"},
        {{"culvert", "edge", "run", "--dev", "--http", "example.com:80"},
         "--http: \"example.com\" is no IP address",
         "a name"},
        {{"culvert", "edge", "run", "--dev", "--https", "0.0.0.0:0"},
         "--dev listens on loopback only, not on 0.0.0.0:0 for https",
         "open to all"},
        {{"culvert", "edge", "run", "--dev", "--zone", "a..b"}, "--zone: ", "no host name"},
        {{"culvert", "edge", "run", "--dev", "--zone", "*.b"}, "no star", "a wildcard zone"},
        {{"culvert", "edge", "run", "--dev", "--advertise", ":1"}, "--advertise: ", "no host"},
        {{"culvert", "edge", "run", "--dev", "--certificate", "x"}, "CERT,KEY", "one path"},
        {{"culvert", "edge", "run", "--dev", "--workers", "0"}, "--workers: must be from", "none"},
        {{"culvert", "edge", "run", "--dev", "--workers", "65"}, "from 1 to 64", "too many"},
        {{"culvert", "edge", "run", "--dev", "--config", "@/none.yml"}, "/none.yml", "no file"},
        {{"culvert", "edge", "cert", "--state-dir", "@/none", "--out", "@/cert.pem"},
         "no edge runs",
         "no edge"},
    };
    struct test_place home = place_make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_case(&home, &cases[i]);
    place_remove(&home);
}

TEST(a_mistake_in_edge_yml_has_its_place)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"zork: 1\n", "edge.yml:1:1: there is no key \"zork\" here"},
        {"hostname: 5\n", "edge.yml:1:11: a text is wanted here, not a whole number"},
        {"zones: a\n", "edge.yml:1:8: a list is wanted here, not a text"},
        {"zones: [a..b]\n", "edge.yml:1:9: \"a..b\""},
        {"listen: {smtp: \":25\"}\n", "edge.yml:1:10: there is no key \"smtp\" here"},
        {"listen: {http: 80}\n", "edge.yml:1:16: a text is wanted here"},
        {"listen:\n  http: \"80\"\n", "edge.yml:2:9: \"80\" is no address"},
        {"certificates: [{cert: x}]\n", "edge.yml:1:16: {cert: PATH, key: PATH} is wanted"},
        {"limits: {head: 1s}\n", "edge.yml:1:10: there is no key \"head\" here"},
        {"workers: 0\n", "edge.yml:1:10: must be from 1 to 64"},
        {"workers: many\n", "edge.yml:1:10: a whole number is wanted here"},
        {"limits: 5\n", "edge.yml:1:9: a map is wanted here"},
        {"limits: {headTimeout: 5}\n", "edge.yml:1:23: a text is wanted here"},
        {"limits: {idleTimeout: 0s}\n", "edge.yml:1:23: \"0s\" is no time from 1s to 1h"},
        {"limits: {bodyTimeout: 61m}\n", "edge.yml:1:23: \"61m\" is no time"},
        {"limits: {readTimeout: soon}\n", "edge.yml:1:23: \"soon\" is no time"},
        {"limits: {connections: many}\n", "edge.yml:1:23: a whole number is wanted here"},
        {"limits: {connectionsPerAddress: 0}\n", "edge.yml:1:33: 0 is no number from 1 to"},
        {"limits: {connections: 1000001}\n", "edge.yml:1:23: 1000001 is no number from 1 to"},
        {"limits: {headTimeout: 2s, connections: 500}\n", "the edge has no name"},
        {"hostname: e.example\n", "the edge has no zone"},
        {"[a]\n", "edge.yml:1:1: a map is wanted here"},
        {"hostname: [\n", "edge.yml:2:1"},
    };
    static const struct edge_case run = {
        {"culvert", "edge", "run", "--config", "@/edge.yml"}, NULL, NULL};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_place home = place_make();
        CHECK(file_replace(place_path(&home, "edge.yml"), span_of(cases[i].text), 0600, NULL));
        struct edge_case one = run;
        one.says = cases[i].says;
        one.why = cases[i].text;
        check_case(&home, &one);
        place_remove(&home);
    }
}
