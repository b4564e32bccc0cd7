/* Host names are compared after both sides were normalised. A path expression is compiled twice:
 * PCRE2's backtracking matcher answers nearly always and at once, within a small limit; when it
 * gives up, its other matcher, which follows all ways at the same time, decides in linear time. */
#include "culvert/ingress/pattern.h"

#include "culvert/base/encode.h"
#include "culvert/base/idn.h"
#include "culvert/base/utf8.h"
#include "pattern_re2.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    TRANSLATION_MAX = 256 * 1024, /* a byte may become twelve, a class some more */
    /* Steps of the backtracking matcher from one start. Honest patterns take some hundred. */
    BACKTRACK_LIMIT = 2000,
    BACKTRACK_HEAP_KIB = 1024,
    /* The other matcher: its work grows with the path times the square of the ways it follows, of
     * which its memory holds some 300. Longer paths stay undecided. */
    PARALLEL_PATH_MAX = 8 * 1024,
    PARALLEL_WORDS = 2048,
    NEST_LIMIT = 2 * RE2_NEST_MAX + 8, /* anchors get groups of their own */
};

/* ---- hosts ---- */

struct host_pattern {
    bool is_any;
    bool is_suffix; /* "*.x": the texts begin with the dot */
    bool is_vain;
    size_t len;       /* of text */
    size_t ascii_len; /* 0: the A-labels say nothing new */
    char *text;       /* normalised */
    char *ascii;      /* A-labels; NULL */
};

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static bool has_any_of(struct span text, const char *chars)
{
    for (; *chars; chars++)
        if (span_find(text, *chars) < text.len)
            return true;
    return false;
}

/* Splits as host and port: one colon outside brackets, which stand around the whole host or
 * nowhere. Without a port they stay. */
static bool has_port(struct span text, struct span *host)
{
    *host = text;
    if (span_starts(text, SPAN("["))) {
        size_t end = span_find(text, ']');
        struct span behind = span_skip(text, end + 1);
        bool is_port = span_starts(behind, SPAN(":")) && !has_any_of(span_skip(behind, 1), ":[]");
        if (is_port)
            *host = span_skip(span_first(text, end), 1);
        return is_port;
    }
    size_t colon = span_find(text, ':');
    if (colon == text.len || has_any_of(span_skip(text, colon + 1), ":[]") ||
        has_any_of(span_first(text, colon), "[]"))
        return false;
    *host = span_first(text, colon);
    return true;
}

size_t host_normalise(struct span authority, char out[HOST_MAX])
{
    struct span host;
    (void)has_port(authority, &host);
    if (span_ends(host, SPAN(".")))
        host.len--;
    if (host.len > HOST_MAX)
        return 0;
    for (size_t i = 0; i < host.len; i++)
        out[i] = lower(host.data[i]);
    return host.len;
}

static bool check_hostname(struct span hostname, struct error *err)
{
    struct span host;
    size_t star = hostname.len;
    while (star > 0 && hostname.data[star - 1] != '*')
        star--;
    if (has_port(hostname, &host))
        return error_set(err, ERROR_INVALID, 0, "a hostname must not have a port");
    if (star > 1)
        return error_set(err, ERROR_INVALID, 0,
                         "a star may only stand in front, as in *.example.com");
    return true;
}

/* The name behind "*." or the whole one, and its A-labels if they differ. */
static bool fill_texts(struct host_pattern *pattern, struct span hostname)
{
    char normal[HOST_MAX];
    struct buf ascii = BUF_LIMIT(HOST_MAX);
    size_t len = host_normalise(hostname, normal);
    struct span name = span_make(normal, len);
    size_t dot = pattern->is_suffix ? 2 : 0;
    pattern->is_vain = (hostname.len > 0 && len == 0) ||
                       (pattern->is_suffix ? len < 3 : span_starts(name, SPAN("*")));
    name = span_skip(name, pattern->is_suffix ? 1 : 0);
    pattern->len = name.len;
    pattern->text = span_dup(name);
    bool ok = pattern->text != NULL;
    if (ok && dot > 0)
        ok = buf_put_char(&ascii, '.');
    /* From the name as written: IDNA maps letters that are not ASCII to lower case itself. */
    struct span written = span_skip(hostname, dot);
    if (span_ends(written, SPAN(".")))
        written.len--;
    if (ok && idn_to_ascii(written, &ascii, NULL) && !span_equal(buf_span(&ascii), name)) {
        pattern->ascii_len = ascii.len;
        pattern->ascii = span_dup(buf_span(&ascii));
        ok = pattern->ascii != NULL;
    }
    buf_release(&ascii);
    return ok;
}

struct host_pattern *host_pattern_new(struct span hostname, struct error *err)
{
    if (!check_hostname(hostname, err))
        return NULL;
    struct host_pattern *pattern = calloc(1, sizeof *pattern);
    if (!pattern) {
        error_memory(err);
        return NULL;
    }
    pattern->is_any = hostname.len == 0 || span_equal(hostname, SPAN("*"));
    pattern->is_suffix = span_starts(hostname, SPAN("*."));
    if (pattern->is_any || fill_texts(pattern, hostname))
        return pattern;
    error_memory(err);
    host_pattern_free(pattern);
    return NULL;
}

void host_pattern_free(struct host_pattern *pattern)
{
    if (!pattern)
        return;
    free(pattern->text);
    free(pattern->ascii);
    free(pattern);
}

bool host_pattern_is_any(const struct host_pattern *pattern)
{
    return pattern->is_any;
}

bool host_pattern_is_vain(const struct host_pattern *pattern)
{
    return pattern->is_vain;
}

bool host_pattern_is_wildcard(const struct host_pattern *pattern)
{
    return pattern->is_suffix;
}

size_t host_pattern_texts(const struct host_pattern *pattern, struct span texts[HOST_TEXTS_MAX])
{
    size_t count = 0;
    /* A name of which nothing is left must not take requests that name no host. */
    if (pattern->is_any || (pattern->is_vain && (pattern->is_suffix || pattern->len == 0)))
        return 0;
    texts[count++] = span_make(pattern->text, pattern->len);
    if (pattern->ascii)
        texts[count++] = span_make(pattern->ascii, pattern->ascii_len);
    return count;
}

bool host_pattern_matches(const struct host_pattern *pattern, struct span host)
{
    struct span texts[HOST_TEXTS_MAX];
    size_t count = host_pattern_texts(pattern, texts);
    bool matches = pattern->is_any;
    for (size_t i = 0; !matches && i < count; i++)
        matches = pattern->is_suffix ? span_ends(host, texts[i]) : span_equal(host, texts[i]);
    return matches;
}

/* ---- paths ---- */

struct path_pattern {
    pcre2_code *backtracking;
    pcre2_code *parallel; /* anchored, with ".*?" in front */
    pcre2_match_context *limits;
};

static pcre2_code *compile(struct span expression, uint32_t options, struct error *err)
{
    int rc;
    size_t at;
    pcre2_code *code = NULL;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) {
        error_memory(err);
        return NULL;
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_parens_nest_limit(context, NEST_LIMIT);
    options |= PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_AUTO_CAPTURE |
               PCRE2_NEVER_BACKSLASH_C;
    code = pcre2_compile((PCRE2_SPTR)expression.data, expression.len, options, &rc, &at, context);
    pcre2_compile_context_free(context);
    if (!code) {
        char words[160] = "";
        (void)pcre2_get_error_message(rc, (PCRE2_UCHAR *)words, sizeof words);
        error_set(err, ERROR_INVALID, rc, "%s", words);
    }
    return code;
}

static bool compile_both(struct path_pattern *pattern, struct span translation, struct error *err)
{
    struct buf searching = BUF_LIMIT(TRANSLATION_MAX + 16);
    pattern->backtracking = compile(translation, 0, err);
    if (!pattern->backtracking)
        return false;
    bool ok = buf_put_span(&searching, SPAN("(?s:.*?)(")) &&
              buf_put_span(&searching, translation) && buf_put_char(&searching, ')');
    if (!ok)
        error_memory(err);
    else
        pattern->parallel = compile(buf_span(&searching), PCRE2_ANCHORED, err);
    buf_release(&searching);
    return pattern->parallel != NULL;
}

struct path_pattern *path_pattern_new(struct span expression, struct error *err)
{
    struct buf translation = BUF_LIMIT(TRANSLATION_MAX);
    struct path_pattern *pattern = calloc(1, sizeof *pattern);
    bool ok = false;
    if (!pattern) {
        error_memory(err);
        return NULL;
    }
    if (expression.len > PATH_EXPRESSION_MAX) {
        error_set(err, ERROR_LIMIT, 0, "longer than %d bytes", PATH_EXPRESSION_MAX);
        goto out;
    }
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->limits || !buf_put_span(&translation, SPAN(""))) {
        error_memory(err);
        goto out;
    }
    pcre2_set_match_limit(pattern->limits, BACKTRACK_LIMIT);
    pcre2_set_heap_limit(pattern->limits, BACKTRACK_HEAP_KIB);
    ok = re2_translate(expression, &translation, err) &&
         compile_both(pattern, buf_span(&translation), err);

out:
    buf_release(&translation);
    if (ok)
        return pattern;
    path_pattern_free(pattern);
    return NULL;
}

void path_pattern_free(struct path_pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_code_free(pattern->backtracking);
    pcre2_code_free(pattern->parallel);
    pcre2_match_context_free(pattern->limits);
    free(pattern);
}

static enum path_match match_parallel(const struct path_pattern *pattern, struct span path,
                                      pcre2_match_data *data)
{
    int words[PARALLEL_WORDS];
    if (path.len > PARALLEL_PATH_MAX)
        return PATH_UNDECIDED;
    int rc = pcre2_dfa_match(pattern->parallel, (PCRE2_SPTR)path.data, path.len, 0,
                             PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, data, pattern->limits, words,
                             PARALLEL_WORDS);
    if (rc == PCRE2_ERROR_NOMATCH)
        return PATH_DIFFERS;
    return rc >= 0 ? PATH_MATCHES : PATH_UNDECIDED;
}

enum path_match path_pattern_match(const struct path_pattern *pattern, struct span path)
{
    if (!path.data)
        path = SPAN("");
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (!data)
        return PATH_UNDECIDED;
    int rc = pcre2_match(pattern->backtracking, (PCRE2_SPTR)path.data, path.len, 0,
                         PCRE2_NO_UTF_CHECK, data, pattern->limits);
    enum path_match match = rc >= 0 ? PATH_MATCHES : PATH_DIFFERS;
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
        match = match_parallel(pattern, path, data);
    pcre2_match_data_free(data);
    return match;
}

bool path_decode(struct span raw, struct buf *out, struct error *err)
{
    struct buf bytes = BUF_LIMIT(raw.len);
    bool ok = (raw.len == 0 || buf_room(&bytes, raw.len)) || error_memory(err);
    ok = ok && (percent_decode(raw, &bytes) ||
                error_set(err, ERROR_INVALID, 0, "a bad %% escape in the path"));
    struct span rest = buf_span(&bytes);
    while (ok && rest.len > 0) {
        size_t len = utf8_first(rest);
        struct span sign = len > 0 ? span_first(rest, len) : SPAN("\xEF\xBF\xBD");
        if (sign.len > out->limit - out->len)
            ok = error_set(err, ERROR_LIMIT, 0, "the path is too long");
        else
            ok = buf_put_span(out, sign) || error_memory(err);
        rest = span_skip(rest, len > 0 ? len : 1);
    }
    buf_release(&bytes);
    return ok;
}

/* Takes the last segment and its slash off again. */
static void drop_segment(struct buf *out, size_t start)
{
    while (out->len > start && out->data[out->len - 1] != '/')
        out->data[--out->len] = '\0';
    if (out->len > start)
        out->data[--out->len] = '\0';
}

bool path_resolve_dots(struct span path, bool merge_slashes, struct buf *out, bool *changed)
{
    size_t start = out->len;
    struct span rest = path;
    struct span segment;
    *changed = false;
    if (!span_starts(path, SPAN("/")))
        return buf_put_span(out, path);
    (void)span_cut(&rest, '/', &segment); /* the nothing before the first slash */
    while (span_cut(&rest, '/', &segment)) {
        bool is_last = rest.data == NULL;
        bool is_up = span_equal(segment, SPAN(".."));
        if (is_up || span_equal(segment, SPAN("."))) {
            *changed = true;
            if (is_up)
                drop_segment(out, start);
            segment = SPAN("");
            if (!is_last)
                continue;
        } else if (merge_slashes && segment.len == 0 && !is_last) {
            continue;
        }
        if (!buf_put_char(out, '/') || !buf_put_span(out, segment))
            return false;
    }
    return true;
}
