/* Words between blanks: "tunnel ID ID", "own https 192.0.2.1:443", "KIND CAUSE ID text". */
#include "culvert/edge/hop_word.h"

#define WORD_FIELD    "culvert-hop"
#define FAILURE_FIELD "culvert-hop-failed"

enum { WORD_SIZE = 32 + 2 * UUID_TEXT_SIZE + IP_TEXT_SIZE };

static void put_tunnel(char out[WORD_SIZE], const struct hop_word *word)
{
    char tunnel[UUID_TEXT_SIZE];
    char avoid[UUID_TEXT_SIZE];
    uuid_format(&word->tunnel_id, tunnel);
    uuid_format(&word->avoid, avoid);
    (void)snprintf(out, WORD_SIZE, "tunnel %s %s", tunnel, avoid);
}

static void put_own(char out[WORD_SIZE], const struct visitor *visitor)
{
    char address[IP_TEXT_SIZE] = "-";
    if (visitor->address.len > 0)
        ip_format(&visitor->address, address);
    (void)snprintf(out, WORD_SIZE, "own %s %s", visitor->over_tls ? "https" : "http", address);
}

bool hop_word_put(struct headers *fields, const struct hop_word *word, struct error *err)
{
    char text[WORD_SIZE];
    if (word->kind == HOP_TUNNEL)
        put_tunnel(text, word);
    else
        put_own(text, &word->visitor);
    return headers_set(fields, SPAN(WORD_FIELD), span_of(text), err);
}

static struct span next(struct span *rest)
{
    struct span part;
    return span_cut(rest, ' ', &part) ? part : SPAN_NONE;
}

static bool read_own(struct span rest, struct visitor *visitor)
{
    struct span scheme = next(&rest);
    visitor->over_tls = span_equal(scheme, SPAN("https"));
    if (!visitor->over_tls && !span_equal(scheme, SPAN("http")))
        return false;
    return span_equal(rest, SPAN("-")) || ip_parse_with_port(rest, &visitor->address);
}

static bool read_word(struct span rest, struct hop_word *word)
{
    struct span kind = next(&rest);
    memset(word, 0, sizeof *word);
    if (span_equal(kind, SPAN("own"))) {
        word->kind = HOP_OWN;
        return read_own(rest, &word->visitor);
    }
    word->kind = HOP_TUNNEL;
    return span_equal(kind, SPAN("tunnel")) && uuid_parse(next(&rest), &word->tunnel_id) &&
           uuid_parse(rest, &word->avoid);
}

bool hop_word_take(struct headers *fields, struct hop_word *word)
{
    struct span text;
    bool ok = headers_count_of(fields, SPAN(WORD_FIELD)) == 1 &&
              headers_find(fields, SPAN(WORD_FIELD), &text) && read_word(text, word);
    headers_remove(fields, SPAN(WORD_FIELD));
    return ok;
}

/* ---- failures ---- */

bool hop_failure_put(struct headers *fields, const struct error *why, const struct uuid *connection,
                     struct error *err)
{
    char id[UUID_TEXT_SIZE];
    char text[ERROR_TEXT_MAX + UUID_TEXT_SIZE + 32];
    bool is_clean = header_value_is_valid(span_of(why->text)); /* a peer's words may be in it */
    uuid_format(connection, id);
    (void)snprintf(text, sizeof text, "%u %u %s %s", (unsigned)why->kind,
                   why->cause > 0 ? (unsigned)why->cause : 0, id, is_clean ? why->text : "failed");
    return headers_set(fields, SPAN(FAILURE_FIELD), span_of(text), err);
}

bool hop_failure_find(const struct headers *fields, struct error *why, struct uuid *connection)
{
    struct span rest;
    uint64_t kind;
    uint64_t cause;
    if (!headers_find(fields, SPAN(FAILURE_FIELD), &rest))
        return false;
    if (span_to_u64(next(&rest), ERROR_SYSTEM, &kind) && kind != ERROR_NONE &&
        span_to_u64(next(&rest), INT32_MAX, &cause) && uuid_parse(next(&rest), connection)) {
        error_set(why, (enum error_kind)kind, (int)cause, "%.*s", SPAN_ARG(rest));
        return true;
    }
    memset(connection, 0, sizeof *connection);
    error_set(why, ERROR_PROTOCOL, 0, "the failure cannot be read");
    return true;
}

void hop_failure_strip(struct headers *fields)
{
    headers_remove(fields, SPAN(FAILURE_FIELD));
}
