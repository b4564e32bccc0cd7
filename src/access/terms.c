/* The order of the questions is that of their cost for an attacker: what names another issuer or
 * another application never makes anybody look at a signature. */
#include "culvert/access/terms.h"

static const struct {
    const char *name;
    int status;
} findings[ACCESS_FINDINGS] = {
    [ACCESS_VALID] = {"valid", 200},         [ACCESS_WAITS] = {"waits", 0},
    [ACCESS_NO_TOKEN] = {"no_token", 403},   [ACCESS_MALFORMED] = {"malformed", 403},
    [ACCESS_ALGORITHM] = {"algorithm", 403}, [ACCESS_ISSUER] = {"issuer", 403},
    [ACCESS_EXPIRED] = {"expired", 403},     [ACCESS_EARLY] = {"early", 403},
    [ACCESS_AUDIENCE] = {"audience", 403},   [ACCESS_UNKNOWN_KEY] = {"unknown_key", 403},
    [ACCESS_SIGNATURE] = {"signature", 403}, [ACCESS_NO_KEYS] = {"no_keys", 502},
    [ACCESS_NO_MEMORY] = {"no_memory", 502},
};

const char *access_finding_name(enum access_finding finding)
{
    return findings[finding].name;
}

int access_finding_status(enum access_finding finding)
{
    return findings[finding].status;
}

static bool fits(int len)
{
    return len > 0 && len <= ACCESS_URL_MAX;
}

/* A team is one label: what is none would move the keys to another host. */
static bool is_label(const char *team)
{
    if (*team == '\0')
        return false;
    for (; *team; team++) {
        char c = *team;
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool make_issuer(const struct access_requirement *requirement, char *issuer)
{
    const char *own = requirement->issuer;
    bool is_fed = strcmp(requirement->environment, "fed") == 0;
    if (*own)
        return fits(snprintf(issuer, ACCESS_URL_MAX + 1, "%s", own));
    return is_label(requirement->team_name) &&
           fits(snprintf(issuer, ACCESS_URL_MAX + 1, "https://%s%s.cloudflareaccess.com",
                         requirement->team_name, is_fed ? ".fed" : ""));
}

bool access_terms_make(const struct access_requirement *requirement, struct access_terms *terms)
{
    const char *own = requirement->certs_url;
    if (!make_issuer(requirement, terms->issuer))
        return false;
    if (*own)
        return fits(snprintf(terms->keys_url, sizeof terms->keys_url, "%s", own));
    struct span issuer = span_of(terms->issuer);
    if (span_ends(issuer, SPAN("/")))
        issuer.len--;
    return fits(snprintf(terms->keys_url, sizeof terms->keys_url, "%.*s/cdn-cgi/access/certs",
                         SPAN_ARG(issuer)));
}

static bool is_for_us(const struct access_requirement *requirement, const struct jwt *jwt)
{
    for (size_t i = 0; i < requirement->audience_count; i++)
        if (jwt_is_for(jwt, span_of(requirement->audiences[i])))
            return true;
    return false;
}

enum access_finding access_terms_judge(const struct access_terms *terms,
                                       const struct access_requirement *requirement,
                                       const struct jwt *jwt, int64_t now_unix_ms)
{
    if (!span_equal(jwt->algorithm, SPAN("RS256")))
        return ACCESS_ALGORITHM;
    if (!span_equal(jwt->issuer, span_of(terms->issuer)))
        return ACCESS_ISSUER;
    if (!is_for_us(requirement, jwt))
        return ACCESS_AUDIENCE;
    if (!jwt->has_expiry || now_unix_ms >= jwt->expires_ms)
        return ACCESS_EXPIRED;
    if (jwt->has_not_before && jwt->not_before_ms > now_unix_ms + ACCESS_EARLY_MS)
        return ACCESS_EARLY;
    return ACCESS_VALID;
}
