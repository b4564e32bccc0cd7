/* The table of ways. */
#include "prove_ways.h"

#include <stdio.h>

void sample_url(const struct sample *sample, char url[PROVE_URL_MAX])
{
    (void)snprintf(url, PROVE_URL_MAX, "https://%s%s", sample->host, sample->path);
}

static bool is_path_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("-._~/!$&'()*+,;=:@", c) != NULL);
}

bool sample_set_path(struct sample *sample, struct span path)
{
    struct buf out = BUF_LIMIT(SAMPLE_PATH_SIZE - 16); /* the ways add some characters */
    bool ok = true;
    for (size_t i = 0; ok && i < path.len; i++) {
        unsigned char c = (unsigned char)path.data[i];
        ok = is_path_char(path.data[i]) ? buf_put_char(&out, path.data[i])
                                        : buf_printf(&out, "%%%02X", c);
    }
    if (ok)
        span_copy(buf_span(&out), sample->path, sizeof sample->path);
    buf_release(&out);
    return ok;
}

/* ---- the ways ---- */

static char swap_case(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Behind `at`: where the second segment begins, or the end. */
static size_t next_slash(const char *path, size_t at)
{
    return at + strcspn(path + at, "/");
}

/* The path with `length` characters at `at` replaced. */
static bool replace(const struct sample *sample, size_t at, size_t length, const char *by,
                    struct sample *out)
{
    *out = *sample;
    int len = snprintf(out->path, sizeof out->path, "%.*s%s%s", (int)at, sample->path, by,
                       sample->path + at + length);
    return len > 0 && (size_t)len < sizeof out->path;
}

static bool in_other_case(const struct sample *sample, struct sample *out)
{
    *out = *sample;
    for (size_t i = 0; out->path[i] != '\0'; i++) {
        if (out->path[i] == '%' && out->path[i + 1] != '\0')
            i += 2;
        else
            out->path[i] = swap_case(out->path[i]);
    }
    return strcmp(out->path, sample->path) != 0;
}

static bool with_two_slashes(const struct sample *sample, struct sample *out)
{
    return replace(sample, 0, 0, "/", out);
}

static bool with_two_slashes_inside(const struct sample *sample, struct sample *out)
{
    size_t at = next_slash(sample->path, 1);
    return sample->path[at] == '/' && replace(sample, at, 0, "/", out);
}

static bool with_slash_at_end(const struct sample *sample, struct sample *out)
{
    size_t len = strlen(sample->path);
    return sample->path[len - 1] != '/' && replace(sample, len, 0, "/", out);
}

static bool without_slash_at_end(const struct sample *sample, struct sample *out)
{
    size_t len = strlen(sample->path);
    return len > 1 && sample->path[len - 1] == '/' && replace(sample, len - 1, 1, "", out);
}

static bool with_parameter(const struct sample *sample, struct sample *out)
{
    size_t at = next_slash(sample->path, 1);
    return at > 1 && replace(sample, at, 0, ";x", out);
}

static bool with_parameter_at_end(const struct sample *sample, struct sample *out)
{
    return replace(sample, strlen(sample->path), 0, ";x", out);
}

static bool with_dot_segment(const struct sample *sample, struct sample *out)
{
    return replace(sample, 0, 0, "/.", out);
}

static bool with_two_dots(const struct sample *sample, struct sample *out)
{
    return replace(sample, 0, 0, "/x/..", out);
}

static bool with_encoded_dots(const struct sample *sample, struct sample *out)
{
    return replace(sample, 0, 0, "/x/%2e%2e", out);
}

static bool with_encoded_slash(const struct sample *sample, struct sample *out)
{
    size_t at = next_slash(sample->path, 1);
    return sample->path[at] == '/' && replace(sample, at, 1, "%2F", out);
}

static bool with_encoded_slash_in_front(const struct sample *sample, struct sample *out)
{
    return replace(sample, 0, 0, "/%2F", out);
}

static bool with_encoded_letter(const struct sample *sample, struct sample *out)
{
    char escape[8];
    size_t at = 0;
    while (sample->path[at] != '\0' && swap_case(sample->path[at]) == sample->path[at])
        at += sample->path[at] == '%' && sample->path[at + 1] != '\0' ? 3 : 1;
    if (at >= strlen(sample->path))
        return false;
    (void)snprintf(escape, sizeof escape, "%%%02x", (unsigned char)sample->path[at]);
    return replace(sample, at, 1, escape, out);
}

static bool with_host_in_other_case(const struct sample *sample, struct sample *out)
{
    *out = *sample;
    for (size_t i = 0; out->host[i] != '\0'; i++)
        out->host[i] = swap_case(out->host[i]);
    return strcmp(out->host, sample->host) != 0;
}

static bool with_host_and(const struct sample *sample, const char *behind, struct sample *out)
{
    *out = *sample;
    int len = snprintf(out->host, sizeof out->host, "%s%s", sample->host, behind);
    return len > 0 && (size_t)len < sizeof out->host;
}

static bool with_dot_behind_host(const struct sample *sample, struct sample *out)
{
    return with_host_and(sample, ".", out);
}

static bool with_port(const struct sample *sample, struct sample *out)
{
    return with_host_and(sample, ":443", out);
}

static const struct way ways[] = {
    {"letters of the path in the other case", false, in_other_case},
    {"two slashes in front", false, with_two_slashes},
    {"two slashes inside", false, with_two_slashes_inside},
    {"a slash at the end", false, with_slash_at_end},
    {"no slash at the end", false, without_slash_at_end},
    {"a path parameter", false, with_parameter},
    {"a path parameter at the end", false, with_parameter_at_end},
    {"a dot segment", false, with_dot_segment},
    {"two dots", false, with_two_dots},
    {"two dots, percent-encoded", false, with_encoded_dots},
    {"a percent-encoded slash", false, with_encoded_slash},
    {"a percent-encoded slash in front", false, with_encoded_slash_in_front},
    {"a percent-encoded letter", false, with_encoded_letter},
    {"letters of the host in the other case", true, with_host_in_other_case},
    {"a dot behind the host", true, with_dot_behind_host},
    {"a port", true, with_port},
};

const struct way *way_at(size_t index)
{
    return index < ARRAY_LEN(ways) ? &ways[index] : NULL;
}
