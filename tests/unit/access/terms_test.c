#include "culvert/access/terms.h"

#include "harness.h"
#include "support/token_mint.h"

static char none[] = "";

/* A requirement for the audience "a". */
static struct access_requirement requirement(char *team, char *environment)
{
    static char audience[] = "a";
    static char *audiences[] = {audience};
    return (struct access_requirement){.required = true,
                                       .team_name = team,
                                       .environment = environment,
                                       .issuer = none,
                                       .certs_url = none,
                                       .audiences = audiences,
                                       .audience_count = 1};
}

TEST(the_issuer_is_the_teams_or_the_one_that_is_named)
{
    struct {
        char team[16], environment[16], issuer[64], certs_url[64];
        const char *expected, *keys;
    } cases[] = {
        {"lab", "", "", "", "https://lab.cloudflareaccess.com",
         "https://lab.cloudflareaccess.com/cdn-cgi/access/certs"},
        {"lab", "fed", "", "", "https://lab.fed.cloudflareaccess.com",
         "https://lab.fed.cloudflareaccess.com/cdn-cgi/access/certs"},
        {"lab", "FED", "", "", "https://lab.cloudflareaccess.com",
         "https://lab.cloudflareaccess.com/cdn-cgi/access/certs"},
        {"lab", "fed", "https://i.test", "", "https://i.test",
         "https://i.test/cdn-cgi/access/certs"},
        {"", "", "https://i.test/", "", "https://i.test/", "https://i.test/cdn-cgi/access/certs"},
        {"lab", "", "", "https://k.test/jwks", "https://lab.cloudflareaccess.com",
         "https://k.test/jwks"},
        {"", "", "anything", "https://k.test/jwks", "anything", "https://k.test/jwks"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct access_terms terms;
        struct access_requirement one = requirement(cases[i].team, cases[i].environment);
        one.issuer = cases[i].issuer;
        one.certs_url = cases[i].certs_url;
        CHECK(access_terms_make(&one, &terms));
        CHECK_TEXT(terms.issuer, cases[i].expected);
        CHECK_TEXT(terms.keys_url, cases[i].keys);
    }
}

TEST(a_team_that_is_not_one_label_moves_the_keys_nowhere)
{
    static char teams[][16] = {"", "a.b", "evil.test/", "a#", "a@b", "a b", "a:1", "\xc3\xa9"};
    struct access_terms terms;
    for (size_t i = 0; i < ARRAY_LEN(teams); i++) {
        struct access_requirement one = requirement(teams[i], none);
        CHECK_CASE(!access_terms_make(&one, &terms), "%s", teams[i]);
    }
    static char longest[ACCESS_URL_MAX + 2];
    memset(longest, 'a', ACCESS_URL_MAX + 1);
    struct access_requirement one = requirement(longest, none);
    CHECK(!access_terms_make(&one, &terms));
    one.issuer = longest;
    CHECK(!access_terms_make(&one, &terms));
    static char team[] = "lab";
    one = requirement(team, none);
    one.certs_url = longest;
    CHECK(!access_terms_make(&one, &terms));
    longest[ACCESS_URL_MAX] = '\0';
    CHECK(access_terms_make(&one, &terms));
}

TEST(a_token_is_judged_by_issuer_audience_and_times)
{
    /* It is second 1000. */
    static const struct {
        const char *header, *claims;
        enum access_finding finding;
    } cases[] = {
        {"RS256", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":1001",
         ACCESS_VALID},
        {"RS256", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":1000.5",
         ACCESS_VALID},
        {"RS256", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":1000",
         ACCESS_EXPIRED},
        {"RS256", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\"", ACCESS_EXPIRED},
        {"RS256",
         "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":2000,\"nbf\":1300",
         ACCESS_VALID},
        {"RS256",
         "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":2000,\"nbf\":1301",
         ACCESS_EARLY},
        {"RS256", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"b\",\"exp\":1001",
         ACCESS_AUDIENCE},
        {"RS256", "\"iss\":\"https://LAB.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":1001",
         ACCESS_ISSUER},
        {"RS256", "\"aud\":\"a\",\"exp\":1001", ACCESS_ISSUER},
        {"RS384", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":1001",
         ACCESS_ALGORITHM},
        {"none", "\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":\"a\",\"exp\":1001",
         ACCESS_ALGORITHM},
    };
    char team[] = "lab";
    struct access_requirement one = requirement(team, none);
    struct access_terms terms;
    CHECK(access_terms_make(&one, &terms));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
        char header[64];
        char claims[256];
        (void)snprintf(header, sizeof header, "{\"alg\":\"%s\"}", cases[i].header);
        (void)snprintf(claims, sizeof claims, "{%s}", cases[i].claims);
        token_mint(span_of(header), span_of(claims), NULL, &text);
        struct jwt *jwt = jwt_parse(buf_span(&text), NULL);
        CHECK_CASE(jwt && access_terms_judge(&terms, &one, jwt, 1000 * 1000) == cases[i].finding,
                   "%s %s", header, claims);
        jwt_free(jwt);
        buf_release(&text);
    }
}

TEST(every_finding_has_a_name_and_a_status)
{
    for (int i = 0; i < ACCESS_FINDINGS; i++) {
        int status = access_finding_status((enum access_finding)i);
        CHECK(access_finding_name((enum access_finding)i) != NULL);
        CHECK(i <= ACCESS_WAITS || status == 403 || status == 502);
    }
}
