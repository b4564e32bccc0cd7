/* One list of directories for everything that is searched. */
#include "culvert/config/search.h"

#include "culvert/base/file.h"

static const struct {
    bool in_home;
    const char *path;
} directories[] = {
    {true, ".cloudflared"},
    {true, ".cloudflare-warp"},
    {true, "cloudflare-warp"},
    {false, "/etc/cloudflared"},
    {false, "/usr/local/etc/cloudflared"},
};

static bool find(const char *home, const char *const *names, size_t count, struct buf *path)
{
    for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
        if (directories[i].in_home && (!home || home[0] == '\0'))
            continue;
        for (size_t n = 0; n < count; n++) {
            buf_clear(path);
            bool fits = directories[i].in_home
                            ? buf_printf(path, "%s/%s/%s", home, directories[i].path, names[n])
                            : buf_printf(path, "%s/%s", directories[i].path, names[n]);
            if (fits && file_exists(buf_text(path)))
                return true;
        }
    }
    buf_clear(path);
    return false;
}

bool search_file(const char *home, const char *name, struct buf *path)
{
    return find(home, &name, 1, path);
}

bool search_config(const char *home, struct buf *path)
{
    static const char *const names[] = {"config.yml", "config.yaml"};
    return find(home, names, ARRAY_LEN(names), path);
}

bool search_expand_home(const char *home, struct span path, struct buf *out)
{
    bool is_home = span_equal(path, SPAN("~")) || span_starts(path, SPAN("~/"));
    buf_clear(out);
    if (!is_home)
        return buf_put_span(out, path);
    return home && home[0] != '\0' && buf_put_span(out, span_of(home)) &&
           buf_put_span(out, span_skip(path, 1));
}
