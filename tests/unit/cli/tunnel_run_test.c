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
    put(&home, "grace.yml", "tunnel: web\ngrace-period: 4m\n", 0600);
    put(&home, "kind.yml", "retries: many\n", 0600);
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
        {{"culvert", "tunnel", "run", "--dns-resolver-addrs", "10.0.0.1"},
         CLI_FAILED,
         "--dns-resolver-addrs must be addresses with ports",
         "no port of a DNS server"},
        {{"culvert", "tunnel", "run", "--dns-resolver-addrs", "dns.test:53"},
         CLI_FAILED,
         "--dns-resolver-addrs must be addresses with ports",
         "a name for a DNS server"},
        {{"culvert", "tunnel", "run", "--retries", "-1"},
         CLI_FAILED,
         "--retries must not be negative",
         "fewer attempts than none"},
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

TEST(what_is_wrong_with_a_setting_is_told_with_the_place_it_comes_from)
{
    static const struct run_case variable[] = {
        {{"culvert", "tunnel", "run", "--cred-file", "@/creds.json", ID},
         CLI_FAILED,
         "TUNNEL_GRACE_PERIOD: grace-period must be",
         "a variable"}};
    static const struct run_case others[] = {
        {{"culvert", "tunnel", "run", "--grace-period", "4m", "--cred-file", "@/creds.json", ID},
         CLI_FAILED,
         "--grace-period must be",
         "a flag"},
        {{"culvert", "tunnel", "--config", "@/grace.yml", "run", "--cred-file", "@/creds.json", ID},
         CLI_FAILED,
         "/grace.yml:2:15: grace-period must be",
         "the file"},
        {{"culvert", "tunnel", "--config", "@/kind.yml", "run", "--cred-file", "@/creds.json", ID},
         CLI_FAILED,
         "/kind.yml:1:10: ",
         "another kind of value in the file"},
        {{"culvert", "tunnel", "run", "--retries", "x"},
         CLI_USAGE,
         "--retries: \"x\" is not a whole number",
         "another kind of value in a flag"}};
    static const char *const variables[] = {"TUNNEL_GRACE_PERIOD", "4m", NULL};
    check_cases(variable, ARRAY_LEN(variable), variables);
    check_cases(others, ARRAY_LEN(others), NULL);
}

TEST(ten_dns_servers_are_enough)
{
    static const char ten[] = "1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,"
                              "1.1.1.1:7,1.1.1.1:8,1.1.1.1:9,[fd00::1]:10";
    static const char eleven[] = "1.1.1.1:1,1.1.1.1:2,1.1.1.1:3,1.1.1.1:4,1.1.1.1:5,1.1.1.1:6,"
                                 "1.1.1.1:7,1.1.1.1:8,1.1.1.1:9,1.1.1.1:10,1.1.1.1:11";
    static const struct run_case fine[] = {
        {{"culvert", "tunnel", "run", "--cred-file", "@/creds.json", "--cacert", "@/none", ID},
         CLI_FAILED,
         "/none",
         "ten"}};
    static const struct run_case refused[] = {
        {{"culvert", "tunnel", "run", "--cred-file", "@/creds.json", "--cacert", "@/none", ID},
         CLI_FAILED,
         "TUNNEL_DNS_RESOLVER_ADDRS: dns-resolver-addrs are more than 10",
         "eleven"}};
    static const char *const few[] = {"TUNNEL_DNS_RESOLVER_ADDRS", ten, NULL};
    static const char *const many[] = {"TUNNEL_DNS_RESOLVER_ADDRS", eleven, NULL};
    check_cases(fine, ARRAY_LEN(fine), few);
    check_cases(refused, ARRAY_LEN(refused), many);
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

TEST(what_is_wrong_with_a_url_is_told_without_its_password)
{
    static const char *const words[] = {
        "culvert",      "tunnel", "--url", "http://us:hush@a:b", "run", "--cred-file",
        "@/creds.json", ID,       NULL};
    struct test_place home = make_home();
    struct cli_outcome outcome = cli_outcome_of(&home, words, NULL);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(strstr(outcome.err, "http://*****@a:b"), "%s", outcome.err);
    CHECK(!strstr(outcome.err, "hush"));
    cli_outcome_release(&outcome);
    place_remove(&home);
}

/* ---- what the log says before the start ---- */

/* A run that ends for want of a certificate once all is said; its log, which the caller releases.
 */
static struct buf log_of_run(const char *file, const char *const *variables)
{
    struct buf text = BUF_LIMIT(64 * 1024);
    struct test_place home = make_home();
    put(&home, "given.yml", file, 0600);
    const char *const words[] = {"culvert",      "tunnel",    "--config", "@/given.yml",
                                 "run",          "--retries", "7",        "--cred-file",
                                 "@/creds.json", "--cacert",  "@/none",   "--logfile",
                                 "@/log.json",   ID,          NULL};
    struct cli_outcome outcome = cli_outcome_of(&home, words, variables);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(strstr(outcome.err, "/none"), "%s", outcome.err);
    CHECK(file_read(place_path(&home, "log.json"), &text, NULL));
    cli_outcome_release(&outcome);
    place_remove(&home);
    return text;
}

static size_t occurrences(const char *text, const char *word)
{
    size_t count = 0;
    while ((text = strstr(text, word))) {
        text += strlen(word);
        count++;
    }
    return count;
}

TEST(the_log_tells_what_was_given_and_where)
{
    static const char *const variables[] = {"TUNNEL_REGION", "us", "TUNNEL_TAG", "a=b,c=d", NULL};
    static const char *const told[] = {
        "retries:7 (--retries)", "region:us (TUNNEL_REGION)", "tag:a=b,c=d (TUNNEL_TAG)",
        "/given.yml:1:15)",      "grace-period:20s (",        "api-email:x (",
        "api-key:***** (",
    };
    struct buf log = log_of_run("grace-period: 20s\napi-key: hush\nfeatures: [one, two]\n"
                                "api-email: x\n",
                                variables);
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        CHECK_CASE(strstr(buf_text(&log), told[i]), "%s: %s", told[i], buf_text(&log));
    CHECK(strstr(buf_text(&log), "features:one,two ("));
    CHECK(!strstr(buf_text(&log), "hush"));
    CHECK(!strstr(buf_text(&log), "is not used"));
    buf_release(&log);
}

TEST(the_log_shows_no_user_information_of_a_url_with_or_without_its_scheme)
{
    static const char *const variables[] = {"TUNNEL_API_URL", "https://us:hu'sh@api.test/v4", NULL};
    static const char *const told[] = {
        "api-url:https://*****@api.test/v4 (",
        "url:*****@localhost:1/@path (",
        "quick-service:*****@quick.test (",
        "proxy-dns-upstream:https://*****@dns.test,1.1.1.1 (",
    };
    struct buf log =
        log_of_run("url: us:hush@localhost:1/@path\nquick-service: http:us@hush@quick"
                   ".test\nproxy-dns-upstream: ['https://us:hush@dns.test', 1.1.1.1]\n",
                   variables);
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        CHECK_CASE(strstr(buf_text(&log), told[i]), "%s: %s", told[i], buf_text(&log));
    CHECK(!strstr(buf_text(&log), "hush"));
    CHECK(!strstr(buf_text(&log), "hu'sh"));
    buf_release(&log);
}

TEST(more_settings_than_a_line_holds_take_more_lines)
{
    struct buf file = BUF_LIMIT(64 * 1024);
    CHECK(buf_printf(&file, "pidfile: p\nregion: %07000d\nlabel: %07000d\n", 1, 2));
    struct buf log = log_of_run(buf_text(&file), NULL);
    CHECK_SIZE(occurrences(buf_text(&log), "\"message\":\"Settings\""), 2);
    CHECK(strstr(buf_text(&log), "pidfile:p ("));
    CHECK(strstr(buf_text(&log), "00001 ("));
    CHECK(strstr(buf_text(&log), "00002 ("));
    buf_release(&log);
    buf_release(&file);
}

TEST(a_setting_of_what_this_version_does_not_have_is_told_once_with_the_reason)
{
    static const struct {
        const char *setting, *reason;
    } idle[] = {
        {"quic-disable-pmtu-discovery", "does not speak QUIC"},
        {"quic-connection-level-flow-control-limit", "does not speak QUIC"},
        {"quic-stream-level-flow-control-limit", "does not speak QUIC"},
        {"icmpv4-src", "does not forward ICMP"},
        {"icmpv6-src", "does not forward ICMP"},
        {"label", "has no management service"},
        {"management-diagnostics", "has no management service"},
        {"service-op-ip", "has no management service"},
        {"name", "made and run at once"},
        {"hostname", "made and run at once"},
        {"lb-pool", "made and run at once"},
        {"quick-service", "made and run at once"},
    };
    static const char *const variables[] = {"TUNNEL_DISABLE_QUIC_PMTU",
                                            "true",
                                            "TUNNEL_ICMPV4_SRC",
                                            "10.0.0.1",
                                            "TUNNEL_ICMPV6_SRC",
                                            "fd00::1",
                                            "TUNNEL_SERVICE_OP_IP",
                                            "10.0.0.2:80",
                                            "TUNNEL_MANAGEMENT_DIAGNOSTICS",
                                            "false",
                                            "TUNNEL_NAME",
                                            "web",
                                            "TUNNEL_HOSTNAME",
                                            "web.example",
                                            "TUNNEL_LB_POOL",
                                            "pool",
                                            NULL};
    struct buf log = log_of_run("quic-connection-level-flow-control-limit: 1\n"
                                "quic-stream-level-flow-control-limit: 2\n"
                                "label: here\nquick-service: https://quick.test\n"
                                /* these mean as little elsewhere */
                                "transport-loglevel: debug\nmax-edge-addr-retries: 1\n"
                                "ui: true\nno-autoupdate: true\n",
                                variables);
    for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
        char word[80];
        (void)snprintf(word, sizeof word, "\"setting\":\"%s\"", idle[i].setting);
        const char *at = strstr(buf_text(&log), word);
        CHECK_CASE(at && occurrences(at, word) == 1, "%s", idle[i].setting);
        CHECK_CASE(at && strstr(at, idle[i].reason), "%s: %s", idle[i].setting, at);
    }
    CHECK_SIZE(occurrences(buf_text(&log), "A setting is not used"), ARRAY_LEN(idle));
    CHECK(strstr(buf_text(&log), "\"from\":\"TUNNEL_ICMPV4_SRC\""));
    CHECK(strstr(buf_text(&log), "/given.yml:3:8\""));
    buf_release(&log);
}

TEST(the_help_shows_each_setting_that_is_not_hidden_and_does_something)
{
    static const char *const words[] = {"culvert", "tunnel", "run", "--help", NULL};
    static const char *const others[] = {"overwrite-dns"}; /* are another command's */
    struct test_place home = place_make();
    struct cli_outcome outcome = cli_outcome_of(&home, words, NULL);
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *setting = settings_at(i);
        char word[80];
        bool is_shown =
            !(setting->traits & (SETTING_HIDDEN | SETTING_INERT)) && !setting_why_idle(setting);
        for (size_t o = 0; o < ARRAY_LEN(others); o++)
            is_shown = is_shown && strcmp(setting->name, others[o]) != 0;
        (void)snprintf(word, sizeof word, "  --%s", setting->name);
        CHECK_CASE(!is_shown || strstr(outcome.out, word), "%s", setting->name);
    }
    cli_outcome_release(&outcome);
    place_remove(&home);
}
