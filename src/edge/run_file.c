/* {"pid":N,"tunnel":"127.0.0.1:7844","http":...,"https":...,"metrics":...,"culvert":{...}} */
#include "culvert/edge/run_file.h"

#include "culvert/base/file.h"

#include <errno.h>
#include <unistd.h>

enum { RUN_FILE_MAX = 64 * 1024, RUN_PATH_MAX = 4096 };

static bool path_of(const char *state_dir, char path[RUN_PATH_MAX], struct error *err)
{
    int n = snprintf(path, RUN_PATH_MAX, "%s/run.json", state_dir);
    return n < RUN_PATH_MAX ? true : error_set(err, ERROR_INVALID, 0, "the path is too long");
}

static bool put_address(struct doc *root, const char *key, const struct ip_address *address)
{
    char text[IP_TEXT_SIZE];
    ip_format(address, text);
    return doc_put_text(root, key, span_of(text));
}

bool run_file_write(const char *state_dir, const struct edge_listening *at,
                    const struct edge_contact *contact, struct error *err)
{
    char path[RUN_PATH_MAX];
    struct buf text = BUF_LIMIT(RUN_FILE_MAX);
    struct doc *root = doc_object();
    bool ok = root && doc_put_int(root, "pid", getpid()) &&
              put_address(root, "tunnel", &at->tunnel) && put_address(root, "http", &at->http) &&
              put_address(root, "https", &at->https) &&
              put_address(root, "metrics", &at->metrics) && edge_contact_put(contact, root) &&
              doc_format(root, DOC_COMPACT, &text);
    if (!ok)
        error_memory(err);
    else
        ok = path_of(state_dir, path, err) && file_replace(path, buf_span(&text), 0600, err);
    buf_release(&text);
    doc_free(root);
    return ok;
}

void run_file_remove(const char *state_dir)
{
    char path[RUN_PATH_MAX];
    if (path_of(state_dir, path, NULL))
        (void)unlink(path);
}

bool run_file_read(const char *state_dir, struct edge_contact *contact, struct error *err)
{
    char path[RUN_PATH_MAX];
    struct buf text = BUF_LIMIT(RUN_FILE_MAX);
    bool ok = path_of(state_dir, path, err);
    if (ok && !file_read(path, &text, err)) {
        if (err->cause == ENOENT)
            error_set(err, ERROR_NETWORK, ENOENT, "no edge runs with the state in %s", state_dir);
        ok = false;
    }
    struct doc *root = ok ? doc_parse(buf_span(&text), err) : NULL;
    ok = root && edge_contact_read(contact, root, err);
    if (root && !ok)
        error_wrap(err, "%s", path);
    doc_free(root);
    buf_release(&text);
    return ok;
}
