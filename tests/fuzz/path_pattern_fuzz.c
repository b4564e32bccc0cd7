/* A path expression, and behind the first line end the path it is tried on. */
#include "culvert/ingress/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct span expression = span_first(rest, span_find(rest, '\n'));
    struct span raw = span_skip(rest, expression.len + 1);
    struct buf path = BUF_LIMIT(64 * 1024);
    struct error err = {0};
    struct path_pattern *pattern = path_pattern_new(expression, &err);
    if (!pattern && err.text[0] == '\0')
        abort(); /* a refusal without words */
    if (pattern && path_decode(raw, &path, NULL))
        (void)path_pattern_match(pattern, buf_span(&path));
    path_pattern_free(pattern);
    buf_release(&path);
    return 0;
}
