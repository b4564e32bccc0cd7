/* RFC 9113 8.2 and 8.3. Field values are judged by RFC 9110 5.5, as everywhere. */
#include "culvert/http/h2_rules.h"

#include "chars.h"

enum pseudo { METHOD = 1u << 0, SCHEME = 1u << 1, AUTHORITY = 1u << 2, PATH = 1u << 3 };

static const struct {
    struct span name;
    enum pseudo bit;
} pseudo_fields[] = {
    {SPAN_INIT(":method"), METHOD},
    {SPAN_INIT(":scheme"), SCHEME},
    {SPAN_INIT(":authority"), AUTHORITY},
    {SPAN_INIT(":path"), PATH},
};

/* In the order in which they are complained of; each has its bit. */
static const struct {
    struct span name;
    const char *refusal;
} misplaced_fields[] = {
    {SPAN_INIT("connection"), "request header \"Connection\" is not valid in HTTP/2\n"},
    {SPAN_INIT("keep-alive"), "request header \"Keep-Alive\" is not valid in HTTP/2\n"},
    {SPAN_INIT("proxy-connection"), "request header \"Proxy-Connection\" is not valid in HTTP/2\n"},
    {SPAN_INIT("transfer-encoding"),
     "request header \"Transfer-Encoding\" is not valid in HTTP/2\n"},
    {SPAN_INIT("upgrade"), "request header \"Upgrade\" is not valid in HTTP/2\n"},
    {SPAN_INIT("te"), "request header \"TE\" may only be \"trailers\" in HTTP/2\n"},
};

enum { TE = 5 }; /* its place there */

static bool fault(struct h2_rules *rules, const char *what)
{
    rules->fault = what;
    return false;
}

/* A token without capitals (8.2). */
static bool is_name(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!char_is(name.data[i], CHAR_TOKEN) || (name.data[i] >= 'A' && name.data[i] <= 'Z'))
            return false;
    return name.len > 0;
}

static bool judge_bytes(struct h2_rules *rules, struct span name, struct span value)
{
    if (!is_name(name))
        return fault(rules, "a field's name is no token in lower case");
    if (!chars_are_value(value))
        return fault(rules, "a field's value holds a control byte");
    return true;
}

static bool judge_pseudo(struct h2_rules *rules, struct span name, struct span value)
{
    unsigned bit = 0;
    for (size_t i = 0; i < ARRAY_LEN(pseudo_fields); i++)
        if (span_equal(name, pseudo_fields[i].name))
            bit = pseudo_fields[i].bit;
    if (bit == 0)
        return fault(rules, "a pseudo field that requests do not have");
    if (rules->has_regular)
        return fault(rules, "a pseudo field behind another field");
    if (rules->pseudo & bit)
        return fault(rules, "a pseudo field came twice");
    if (!chars_are_value(value))
        return fault(rules, "a pseudo field holds a control byte");
    rules->pseudo = (unsigned char)(rules->pseudo | bit);
    return true;
}

/* Digits, and always the same (RFC 9110 8.6). */
static bool judge_length(struct h2_rules *rules, struct span value)
{
    uint64_t length;
    if (!span_to_u64(value, INT64_MAX, &length))
        return fault(rules, "content-length is no length");
    if (rules->has_length && rules->length != length)
        return fault(rules, "two lengths");
    rules->has_length = true;
    rules->length = length;
    return true;
}

/* Two could be read differently, and :authority is what counts beside one. */
static bool judge_host(struct h2_rules *rules)
{
    if (rules->has_host)
        return fault(rules, "two Host fields");
    rules->has_host = true;
    return true;
}

/* Only "trailers" means something between two ends of HTTP/2, and once. */
static bool is_te_proper(struct h2_rules *rules, struct span value)
{
    bool is_first = !rules->has_te;
    rules->has_te = true;
    return is_first && (value.len == 0 || span_equal(value, SPAN("trailers")));
}

static bool is_misplaced(struct h2_rules *rules, struct span name, struct span value)
{
    size_t at = 0;
    while (at < ARRAY_LEN(misplaced_fields) && !span_equal(name, misplaced_fields[at].name))
        at++;
    if (at == ARRAY_LEN(misplaced_fields) || (at == TE && is_te_proper(rules, value)))
        return false;
    rules->misplaced = (unsigned char)(rules->misplaced | BIT(at));
    return true;
}

bool h2_rules_field(struct h2_rules *rules, struct span name, struct span *value)
{
    if (span_starts(name, SPAN(":")))
        return judge_pseudo(rules, name, *value);
    rules->has_regular = true;
    if (!judge_bytes(rules, name, *value) || is_misplaced(rules, name, *value))
        return false;
    if (span_equal(name, SPAN("content-length")) && !judge_length(rules, *value))
        return false;
    if (span_equal(name, SPAN("host")) && !judge_host(rules))
        return false;
    *value = span_trim(*value);
    return true;
}

bool h2_rules_trailer(struct h2_rules *rules, struct span name, struct span *value)
{
    if (span_starts(name, SPAN(":")))
        return fault(rules, "a pseudo field behind the body");
    if (!judge_bytes(rules, name, *value))
        return false;
    if (is_misplaced(rules, name, *value))
        return fault(rules, "a field of one hop of HTTP/1.1 behind the body"); /* 8.2.2 */
    *value = span_trim(*value);
    return true;
}

/* A path, or the asterisk of the whole server; what an escape or a blank stands for is known. */
static bool judge_path(struct h2_rules *rules, const struct request_head *head)
{
    struct span target = buf_span(&head->target);
    if (!span_starts(target, SPAN("/")) && !span_equal(target, SPAN("*")))
        return fault(rules, "the path does not begin with a slash");
    if (span_find(target, '\t') < target.len)
        return fault(rules, "the path holds a tab");
    if (!request_path_is_whole(head))
        return fault(rules, "the path holds a broken percent escape");
    return true;
}

bool h2_rules_head_done(struct h2_rules *rules, const struct request_head *head)
{
    struct span authority = buf_span(&head->authority);
    struct span scheme = buf_span(&head->scheme);
    if (rules->fault)
        return false;
    if (head->method.len == 0)
        return fault(rules, "the method is missing");
    if (span_find(authority, '@') < authority.len)
        return fault(rules, "the authority names a user"); /* 8.3.1 */
    if (request_is(head, SPAN("CONNECT")))                 /* 8.5 */
        return (rules->pseudo == (METHOD | AUTHORITY) && authority.len > 0) ||
               fault(rules, "CONNECT takes an authority, and neither scheme nor path");
    if (!span_equal(scheme, SPAN("https")) && !span_equal(scheme, SPAN("http")))
        return fault(rules, "the scheme is neither http nor https");
    return judge_path(rules, head);
}

const char *h2_rules_refusal(const struct h2_rules *rules)
{
    for (size_t i = 0; i < ARRAY_LEN(misplaced_fields); i++)
        if (rules->misplaced & BIT(i))
            return misplaced_fields[i].refusal;
    return NULL;
}
