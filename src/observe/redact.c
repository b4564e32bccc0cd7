/* A scanner over words: what a word is called, or what it looks like, decides. It errs towards
 * black: a log that hides too much is repaired by a better message, a leaked token by nobody. */
#include "culvert/observe/redact.h"

#include <pthread.h>

enum {
    SCRATCH = 16 * 1024, /* all texts of one event after blackening */
    OPAQUE_MIN = 20,     /* shorter runs of base64 are no token */
    CREDENTIALS_MIN = 6, /* behind "Bearer" and "Basic" */
};

struct redact {
    pthread_mutex_t lock; /* of all below, and of what the sinks behind it touch */
    struct log_sink sinks[LOG_SINKS_MAX];
    size_t sink_count;
    struct buf scratch; /* never moves: it is as large as it gets from the start */
};

/* How far the value goes that follows a secret name. */
enum secret_kind {
    NOT_SECRET,
    SECRET_WORD, /* up to a separator: a query parameter, a JSON member */
    SECRET_LINE, /* a header field: its value holds blanks and separators */
};

/* Names by their ends, so that Proxy-Authorization and TUNNEL_TOKEN are seen too. */
static const struct {
    struct span ending;
    enum secret_kind kind;
} names[] = {
    {SPAN_INIT("authorization"), SECRET_LINE}, {SPAN_INIT("cookie"), SECRET_LINE},
    {SPAN_INIT("token"), SECRET_WORD},         {SPAN_INIT("secret"), SECRET_WORD},
    {SPAN_INIT("password"), SECRET_WORD},      {SPAN_INIT("passwd"), SECRET_WORD},
    {SPAN_INIT("apikey"), SECRET_WORD},        {SPAN_INIT("api-key"), SECRET_WORD},
    {SPAN_INIT("api_key"), SECRET_WORD},       {SPAN_INIT("private_key"), SECRET_WORD},
    {SPAN_INIT("jwt"), SECRET_WORD},
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* What base64 in all dialects, JWT and credentials are made of. */
static bool is_opaque(char c)
{
    return is_word(c) || c == '+' || c == '/' || c == '=' || c == '.' || c == '~';
}

static size_t run_of(struct span text, bool (*is_part)(char c))
{
    size_t n = 0;
    while (n < text.len && is_part(text.data[n]))
        n++;
    return n;
}

static bool ends_nocase(struct span s, struct span ending)
{
    return s.len >= ending.len && span_equal_nocase(span_skip(s, s.len - ending.len), ending);
}

static enum secret_kind kind_of(struct span word)
{
    static const struct span access = SPAN_INIT("cf-access-");
    if (span_equal_nocase(span_first(word, access.len), access))
        return SECRET_LINE;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (ends_nocase(word, names[i].ending))
            return names[i].kind;
    return NOT_SECRET;
}

bool redact_is_secret_name(struct span key)
{
    return kind_of(key) != NOT_SECRET;
}

static bool has_digit(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.data[i] >= '0' && s.data[i] <= '9') || s.data[i] == '=')
            return true;
    return false;
}

/* Length of what stands between a name and its value: `=`, `: `, `":"`, `:[`; 0: no value follows.
 * "bad token: end of file" is prose, not a value: behind a plain word the colon takes no blank. */
static size_t assignment(struct span rest, enum secret_kind kind)
{
    size_t n = 0;
    bool quoted = false;
    while (n < rest.len && (rest.data[n] == '"' || rest.data[n] == '\\')) {
        quoted = true;
        n++;
    }
    if (n == rest.len || (rest.data[n] != ':' && rest.data[n] != '='))
        return 0;
    bool blanks = quoted || kind == SECRET_LINE;
    n++;
    while (n < rest.len &&
           ((blanks && rest.data[n] == ' ') || strchr("\"\\[", rest.data[n]) != NULL))
        n++;
    return n;
}

static size_t value_len(struct span rest, enum secret_kind kind)
{
    const char *ends = kind == SECRET_LINE ? "\"\\]}\r\n" : "\"\\]}\r\n &;,')";
    size_t n = 0;
    while (n < rest.len && (rest.data[n] == '\0' || !strchr(ends, rest.data[n])))
        n++;
    return n;
}

/* `rest` starts behind a word: returns how many bytes of it are the lead to a secret (*lead) and
 * the secret. */
static size_t secret_behind(struct span word, struct span rest, size_t *lead)
{
    enum secret_kind kind = kind_of(word);
    if (kind != NOT_SECRET) {
        *lead = assignment(rest, kind);
        return *lead ? value_len(span_skip(rest, *lead), kind) : 0;
    }
    bool bearer = span_equal_nocase(word, SPAN("bearer"));
    if ((bearer || span_equal_nocase(word, SPAN("basic"))) && rest.len && rest.data[0] == ' ') {
        struct span value = span_skip(rest, 1);
        size_t len = run_of(value, is_opaque);
        *lead = 1;
        /* "Basic authentication" is prose. */
        bool secret = len >= CREDENTIALS_MIN && (bearer || has_digit(span_first(value, len)));
        return secret ? len : 0;
    }
    if (span_starts(rest, SPAN("://"))) {
        struct span authority = span_skip(rest, 3);
        size_t at = 0;
        /* A quotation mark ends it, an apostrophe may be a part of the password. */
        for (size_t i = 0; i < authority.len && !strchr("/?# \"", authority.data[i]); i++)
            if (authority.data[i] == '@')
                at = i;
        *lead = 3;
        return at;
    }
    return 0;
}

bool redact_text(struct span text, struct buf *out)
{
    while (text.len > 0) {
        size_t plain = 0;
        while (plain < text.len && !is_word(text.data[plain]))
            plain++;
        if (!buf_put_span(out, span_first(text, plain)))
            return false;
        text = span_skip(text, plain);

        size_t opaque = run_of(text, is_opaque);
        if (opaque >= OPAQUE_MIN && span_starts(text, SPAN("eyJ"))) {
            if (!buf_put_span(out, SPAN(REDACTED)))
                return false;
            text = span_skip(text, opaque);
            continue;
        }
        struct span word = span_first(text, run_of(text, is_word));
        text = span_skip(text, word.len);
        size_t lead = 0;
        size_t secret = secret_behind(word, text, &lead);
        if (!buf_put_span(out, word) ||
            (secret > 0 &&
             (!buf_put_span(out, span_first(text, lead)) || !buf_put_span(out, SPAN(REDACTED)))))
            return false;
        if (secret > 0)
            text = span_skip(text, lead + secret);
    }
    return true;
}

/* The blackened text in the scratch of this event; wholly black when there is no room. */
static struct span blacken(struct redact *redact, struct span text)
{
    size_t start = redact->scratch.len;
    if (!redact_text(text, &redact->scratch)) {
        redact->scratch.len = start;
        return SPAN(REDACTED);
    }
    struct span result = span_skip(buf_span(&redact->scratch), start);
    return span_equal(result, text) ? text : result;
}

static void write_clean(struct redact *redact, enum log_level level, int64_t unix_ms,
                        const struct log_line *line)
{
    struct log_line clean = *line;
    buf_clear(&redact->scratch);
    struct span message = blacken(redact, span_of(line->message));
    clean.message = message.data;
    /* The message is a text with an end; the one of ours gets its own. */
    if (message.data != line->message && !buf_put_char(&redact->scratch, '\0'))
        clean.message = REDACTED;
    for (size_t i = 0; i < LOG_FIELDS_MAX && clean.fields[i].kind != LOG_KIND_END; i++) {
        struct log_field *field = &clean.fields[i];
        if (redact_is_secret_name(span_of(field->key)))
            *field = LOG_TEXT(field->key, REDACTED);
        else if (field->kind == LOG_KIND_TEXT)
            field->text = blacken(redact, field->text);
    }
    for (size_t i = 0; i < redact->sink_count; i++)
        redact->sinks[i].write(redact->sinks[i].arg, level, unix_ms, &clean);
}

static void on_event(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct redact *redact = arg;
    pthread_mutex_lock(&redact->lock);
    write_clean(redact, level, unix_ms, line);
    pthread_mutex_unlock(&redact->lock);
}

struct redact *redact_new(struct error *err)
{
    struct redact *redact = calloc(1, sizeof *redact);
    if (!redact) {
        (void)error_memory(err);
        return NULL;
    }
    (void)pthread_mutex_init(&redact->lock, NULL); /* cannot fail with default attributes */
    redact->scratch.limit = SCRATCH;
    if (!buf_room(&redact->scratch, SCRATCH)) {
        (void)error_memory(err);
        redact_free(redact);
        return NULL;
    }
    return redact;
}

void redact_free(struct redact *redact)
{
    if (!redact)
        return;
    buf_wipe(&redact->scratch);
    (void)pthread_mutex_destroy(&redact->lock);
    free(redact);
}

bool redact_add(struct redact *redact, struct log_sink sink)
{
    if (redact->sink_count == LOG_SINKS_MAX)
        return false;
    redact->sinks[redact->sink_count++] = sink;
    return true;
}

struct log_sink redact_sink(struct redact *redact)
{
    return (struct log_sink){on_event, redact};
}
