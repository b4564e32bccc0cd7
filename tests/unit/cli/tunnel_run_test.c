/* What `tunnel run` judges before it starts anything. Each case ends with a mistake on purpose: how
 * far it came tells what was found and taken before. */
#include "culvert/cli/command.h"

#include "culvert/base/encode.h"
#include "culvert/base/file.h"

#include "harness.h"
#include "support/cli_run.h"

#include <sys/stat.h>

#define ID "c0ffee00-1234-4567-89ab-0123456789ab"
#define TOKEN_JSON                                                                                 \
    "{\"a\":\"a\",\"s\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\",\"t\":\"" ID "\""

static const char credentials[] =
    "{\"AccountTag\":\"a\",\"TunnelSecret\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\","
    "\"TunnelID\":\"" ID "\"}";
static const char not_found[] = "no credentials of the tunnel " ID;

static void put(struct test_place *place, const char *name, const char *text, mode_t mode)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s", place_path(place, name));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    CHECK(file_make_directory(path, 0700, NULL));
    *slash = '/';
    CHECK(file_replace(path, span_of(text), mode, NULL));
}

static struct test_place make_home(void)
{
    struct test_place home = place_make();
    put(&home, "creds.json", credentials, 0600);
    put(&home, "open.json", credentials, 0666);
    put(&home, "no.json", "not json", 0600);
    put(&home, "cert.pem", "not json", 0600);
    put(&home, "empty-token", " \n", 0600);
    put(&home, "open-token", "x", 0666);
    put(&home, "web.yml", "tunnel: web\ncredentials-file: ~/creds.json\n", 0600);
    put(&home, "bad-rule.yml", "ingress:\n  - service: http_status:1000\n", 0600);
    put(&home, "access.yml",
        "ingress:\n  - service: http://h\n    originRequest: {access: {required: true, "
        "teamName: t, audTag: [a], certsUrl: 'http://k.test'}}\n",
        0600);
    put(&home, "null-setting.yml", "loglevel:\ntunnel: " ID "\n", 0600);
    return home;
}

struct run_case {
    const char *words[CLI_WORDS_MAX];
    int status;
    const char *says, *why;
};

static void check_cases(const struct run_case *cases, size_t count, const char *const *variables)
{
    struct test_place home = make_home();
    for (size_t i = 0; i < count; i++) {
        struct cli_outcome outcome = cli_outcome_of(&home, cases[i].words, variables);
        CHECK_CASE(outcome.status == cases[i].status, "%s: status %d: %s", cases[i].why,
                   outcome.status, outcome.err);
        CHECK_CASE(strstr(outcome.err, cases[i].says), "%s: %s", cases[i].why, outcome.err);
        CHECK_TEXT(outcome.out, "");
        cli_outcome_release(&outcome);
    }
    place_remove(&home);
}

TEST(credentials_are_found_in_their_order)
{
    /* The grace period is judged after the credentials. */
    static const struct run_case cases[] = {
        {{"culvert", "tunnel", "run"}, CLI_USAGE, "no tunnel is named", "nothing is said"},
        {{"culvert", "tunnel", "run", "--token-file", "@/empty-token"},
         CLI_USAGE,
         "no tunnel is named",
         "an empty token file is none"},
        {{"culvert", "tunnel", "run", "--token", "nonsense"},
         CLI_USAGE,
         "--token is no usable token",
         "a bad token"},
        {{"culvert", "tunnel", "run", "--token-file", "@/none"},
         CLI_USAGE,
         "/none",
         "no token file"},
        {{"culvert", "tunnel", "run", "--token-file", "@/open-token"},
         CLI_USAGE,
         "/open-token",
         "a token file that others may write"},
        {{"culvert", "tunnel", "run", "--credentials-file", "@/creds.json", "web"},
         CLI_FAILED,
         "grace-period",
         "a name with credentials of the command line"},
        {{"culvert", "tunnel", "run", "--credentials-contents", credentials, "web"},
         CLI_FAILED,
         "grace-period",
         "a name with the credentials themselves"},
        {{"culvert", "tunnel", "--config", "@/web.yml", "run"},
         CLI_FAILED,
         "grace-period",
         "the configuration's tunnel and credentials"},
        {{"culvert", "tunnel", "--config", "@/web.yml", "run", "web"},
         CLI_FAILED,
         "grace-period",
         "the same, named"},
        {{"culvert", "tunnel", "--config", "@/web.yml", "run", "other"},
         CLI_FAILED,
         "\"other\" cannot be looked up",
         "another name is the API's to know"},
        {{"culvert", "tunnel", "--config", "@/web.yml", "run", ID},
         CLI_FAILED,
         "grace-period",
         "an id with the configured credentials"},
        {{"culvert", "tunnel", "run", ID}, CLI_FAILED, not_found, "none"},
        {{"culvert", "tunnel", "run", "--cred-file", "@/none.json", ID},
         CLI_FAILED,
         "/none.json",
         "a file that is not there"},
        {{"culvert", "tunnel", "run", "--cred-file", "@/no.json", ID},
         CLI_FAILED,
         "/no.json",
         "a file that is no JSON"},
        {{"culvert", "tunnel", "run", "--cred-file", "@/cert.pem", ID},
         CLI_FAILED,
         "--origincert",
         "a certificate in place of credentials"},
        {{"culvert", "tunnel", "run", "--cred-file", "@/open.json", ID},
         CLI_FAILED,
         "/open.json",
         "a file that others may write"},
    };
    static const char *const variables[] = {"TUNNEL_GRACE_PERIOD", "4m", NULL};
    check_cases(cases, ARRAY_LEN(cases), variables);
}

TEST(credentials_lie_under_the_id_in_the_search_list)
{
    static const char *const words[] = {"culvert", "tunnel", "run", ID, NULL};
    static const char *const variables[] = {"TUNNEL_GRACE_PERIOD", "4m", NULL};
    struct test_place home = place_make();
    put(&home, "cloudflare-warp/" ID ".json", credentials, 0600);
    struct cli_outcome outcome = cli_outcome_of(&home, words, variables);
    CHECK_CASE(strstr(outcome.err, "grace-period"), "%s", outcome.err);
    cli_outcome_release(&outcome);
    place_remove(&home);
}

TEST(settings_out_of_their_range_are_named)
{
    static const struct run_case cases[] = {
        {{"culvert", "tunnel", "run", "--grace-period", "3m1s"},
         CLI_FAILED,
         "--grace-period must be equal or less than 3m0s",
         "too long a grace"},
        {{"culvert", "tunnel", "run", "--rpc-timeout", "0s"}, CLI_FAILED, "--rpc-timeout", "none"},
        {{"culvert", "tunnel", "run", "--ha-connections", "0"},
         CLI_FAILED,
         "--ha-connections must be from 1 to 16",
         "no connection"},
        {{"culvert", "tunnel", "run", "--max-active-flows", "-1"},
         CLI_FAILED,
         "--max-active-flows must not be negative",
         "fewer flows than none"},
        {{"culvert", "tunnel", "run", "--workers", "0"},
         CLI_FAILED,
         "--workers must be from 1 to 64",
         "no worker"},
        {{"culvert", "tunnel", "run", "--workers", "65"},
         CLI_FAILED,
         "--workers must be from 1 to 64",
         "more workers than are useful"},
        {{"culvert", "tunnel", "run", "--edge-ip-version", "5"},
         CLI_FAILED,
         "--edge-ip-version must be auto, 4 or 6",
         "no such version"},
        {{"culvert", "tunnel", "run", "--edge-bind-address", "x"},
         CLI_FAILED,
         "--edge-bind-address must be an IP address",
         "no address"},
        {{"culvert", "tunnel", "run", "--protocol", "pigeon"},
         CLI_FAILED,
         "--protocol must be auto or http2",
         "no such protocol"},
        {{"culvert", "tunnel", "run", "--tag", "nope"}, CLI_FAILED, "--tag", "a tag without ="},
        {{"culvert", "tunnel", "run", "--edge", "a:b:c"}, CLI_FAILED, "--edge", "no address"},
        {{"culvert", "tunnel", "run", "--metrics", "example.com:1"},
         CLI_FAILED,
         "--metrics must be an IP address or localhost",
         "a name for a listener"},
        {{"culvert", "tunnel", "run", "--url", "ftp://x"},
         CLI_FAILED,
         "--url: the URL \"ftp://x\"",
         "no such scheme"},
        {{"culvert", "tunnel", "--config", "@/bad-rule.yml", "run"},
         CLI_FAILED,
         "/bad-rule.yml:2:14: rule #0: ",
         "a bad rule"},
        {{"culvert", "tunnel", "--config", "@/access.yml", "run"},
         CLI_FAILED,
         "keys come from an https URL",
         "keys that anybody could change"},
        {{"culvert", "tunnel", "--config", "@/none.yml", "run"},
         CLI_FAILED,
         "/none.yml",
         "no file"},
    };
    struct buf token = BUF_LIMIT(1024);
    REQUIRE(base64_encode(BASE64_STANDARD, SPAN(TOKEN_JSON "}"), &token));
    const char *const variables[] = {"TUNNEL_TOKEN", buf_text(&token), NULL};
    check_cases(cases, ARRAY_LEN(cases), variables);
    buf_release(&token);
}

TEST(a_region_and_an_endpoint_in_the_token_exclude_each_other)
{
    static const struct run_case cases[] = {
        {{"culvert", "tunnel", "run", "--region", "us"}, CLI_FAILED, "--region cannot", "both"}};
    struct buf token = BUF_LIMIT(1024);
    REQUIRE(base64_encode(BASE64_STANDARD, SPAN(TOKEN_JSON ",\"e\":\"eu\"}"), &token));
    const char *const variables[] = {"TUNNEL_TOKEN", buf_text(&token), NULL};
    check_cases(cases, ARRAY_LEN(cases), variables);
    buf_release(&token);
}

TEST(a_bad_token_is_not_repeated)
{
    static const char *const words[] = {"culvert", "tunnel", "run", NULL};
    static const char *const variables[] = {"TUNNEL_TOKEN", "bm9uc2Vuc2U=", NULL};
    struct test_place home = place_make();
    struct cli_outcome outcome = cli_outcome_of(&home, words, variables);
    CHECK(outcome.status == CLI_USAGE);
    CHECK_CASE(strstr(outcome.err, "TUNNEL_TOKEN"), "%s", outcome.err);
    CHECK_CASE(!strstr(outcome.err, "bm9uc2Vuc2U"), "%s", outcome.err);
    cli_outcome_release(&outcome);
    place_remove(&home);
}
