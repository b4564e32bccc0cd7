/* Choice of a public certificate by name. What is in files lies in `files`, found by every name in
 * its certificates; what our CA issued lies in `leaves`, the one asked for last in front. */
#include "culvert/edge/certificates.h"

#include "culvert/base/file.h"
#include "culvert/base/list.h"
#include "culvert/base/map.h"
#include "culvert/net/tls_issue.h"

enum {
    FILE_NAMES_MAX = 100 * 1024, /* a hundred names for each pair of files */
    WARN_DAYS = 14,              /* who renews by machine has done it by then */
};

static const int64_t MS_PER_DAY = 24LL * 60 * 60 * 1000;

/* A leaf that our CA issued. */
struct leaf {
    struct link link;
    char *name; /* NULL: the edge's own */
    struct tls_identity *identity;
};

/* One generation of what was read from files. */
struct file_set {
    struct map *by_name; /* to borrowed identities */
    struct tls_identity **identities;
    size_t count;
    bool full; /* a name did not fit into by_name */
};

struct certificates {
    struct certificates_options options;
    struct file_set files;
    struct map *leaves;
    struct list recent;
    struct leaf own;
};

static void file_set_release(struct file_set *set)
{
    map_free(set->by_name, NULL);
    for (size_t i = 0; i < set->count; i++)
        tls_identity_free(set->identities[i]);
    free(set->identities);
    *set = (struct file_set){0};
}

static bool file_set_init(struct file_set *set, size_t count, struct error *err)
{
    *set = (struct file_set){.by_name = map_new(FILE_NAMES_MAX)};
    set->identities = calloc(count + 1, sizeof(struct tls_identity *));
    if (set->by_name && set->identities)
        return true;
    file_set_release(set);
    return error_memory(err);
}

/* Names in certificates are written in any case. The first file that has a name serves it. */
static void index_name(void *arg, struct span name)
{
    struct file_set *set = arg;
    char lower[256];
    if (name.len >= sizeof lower)
        return; /* nobody can ask for it */
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    struct span key = span_make(lower, name.len);
    if (!map_find(set->by_name, key) &&
        !map_put(set->by_name, key, set->identities[set->count - 1], NULL))
        set->full = true;
}

static bool file_set_add(struct file_set *set, const struct certificate_files *files,
                         const struct log *log, struct error *err)
{
    struct buf chain = BUF_LIMIT(TLS_PEM_MAX);
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    bool ok = false;
    bool readable = false;

    if (!file_read(files->certificate, &chain, err) ||
        !file_read_secret(files->key, &key, &readable, err))
        goto out;
    if (readable)
        log_warn(log, "Others may read the private key of a certificate",
                 LOG_TEXT("file", files->key));
    struct tls_identity *identity = tls_identity_parse(buf_span(&chain), buf_span(&key), err);
    if (!identity) {
        (void)error_wrap(err, "certificate %s with key %s", files->certificate, files->key);
        goto out;
    }
    set->identities[set->count++] = identity;
    tls_identity_names(identity, index_name, set);
    ok = !set->full ||
         error_set(err, ERROR_LIMIT, 0, "the certificates have more than %d names", FILE_NAMES_MAX);

out:
    buf_release(&chain);
    buf_wipe(&key);
    return ok;
}

/* Where to say what is odd about files. */
static const struct log *file_log(const struct certificates *certificates)
{
    return certificates->options.files_are_judged ? NULL : certificates->options.log;
}

static void warn_of_expiry(const struct certificates *certificates, const char *file,
                           const struct tls_identity *identity)
{
    const struct clock *clock = certificates->options.clock;
    int64_t from_ms, until_ms;
    tls_identity_validity(identity, &from_ms, &until_ms);
    int64_t left_ms = until_ms - clock->unix_ms(clock);
    if (left_ms < WARN_DAYS * MS_PER_DAY)
        log_warn(file_log(certificates),
                 left_ms > 0 ? "A certificate expires soon" : "A certificate has expired",
                 LOG_TEXT("file", file));
}

bool certificates_load(struct certificates *certificates, const struct certificate_files *files,
                       size_t count, struct error *err)
{
    struct file_set fresh;
    if (count > CERTIFICATE_FILES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d certificates", CERTIFICATE_FILES_MAX);
    if (!file_set_init(&fresh, count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!file_set_add(&fresh, &files[i], file_log(certificates), err)) {
            file_set_release(&fresh);
            return false;
        }
        warn_of_expiry(certificates, files[i].certificate, fresh.identities[i]);
    }
    file_set_release(&certificates->files);
    certificates->files = fresh;
    return true;
}

struct certificates *certificates_new(const struct certificates_options *options, struct error *err)
{
    struct certificates *certificates = calloc(1, sizeof *certificates);
    if (!certificates) {
        (void)error_memory(err);
        return NULL;
    }
    certificates->options = *options;
    list_init(&certificates->recent);
    certificates->leaves = map_new(CERTIFICATES_MAX);
    if (!certificates->leaves) {
        (void)error_memory(err);
        goto out;
    }
    if (!file_set_init(&certificates->files, 0, err))
        goto out;
    certificates->own.identity =
        authority_issue(options->authority, options->own_names, options->own_name_count, err);
    if (certificates->own.identity)
        return certificates;
    (void)error_wrap(err, "certificate of the edge");

out:
    certificates_free(certificates);
    return NULL;
}

static void leaf_free(struct leaf *leaf)
{
    tls_identity_free(leaf->identity);
    free(leaf->name);
    free(leaf);
}

static void drop_leaf(struct certificates *certificates, struct leaf *leaf)
{
    (void)map_take(certificates->leaves, span_of(leaf->name));
    list_remove(&certificates->recent, &leaf->link);
    leaf_free(leaf);
}

void certificates_free(struct certificates *certificates)
{
    if (!certificates)
        return;
    LIST_EACH_SAFE (it, after, &certificates->recent) {
        drop_leaf(certificates, CONTAINER_OF(it, struct leaf, link));
    }
    map_free(certificates->leaves, NULL);
    file_set_release(&certificates->files);
    tls_identity_free(certificates->own.identity);
    free(certificates);
}

static const struct tls_identity *find_in_files(const struct certificates *certificates,
                                                struct span name)
{
    const struct tls_identity *found = map_find(certificates->files.by_name, name);
    struct span parent = span_skip(name, span_find(name, '.'));
    if (found || parent.len == 0)
        return found;
    char wildcard[256];
    int len = snprintf(wildcard, sizeof wildcard, "*%.*s", SPAN_ARG(parent));
    return len < (int)sizeof wildcard ? map_find(certificates->files.by_name, span_of(wildcard))
                                      : NULL;
}

/* Puts a fresh identity in place when the old one is due; a failure keeps the old one. */
static void renew(struct certificates *certificates, struct leaf *leaf, const char *const *names,
                  size_t count)
{
    struct error err;
    if (leaf->identity && !authority_is_due(certificates->options.authority, leaf->identity))
        return;
    struct tls_identity *fresh =
        authority_issue(certificates->options.authority, names, count, &err);
    if (!fresh) {
        log_warn(certificates->options.log, "Cannot issue a certificate",
                 LOG_TEXT("name", names[0]), LOG_ERROR(&err));
        return;
    }
    tls_identity_free(leaf->identity);
    leaf->identity = fresh;
}

static const struct tls_identity *own_identity(struct certificates *certificates)
{
    const struct certificates_options *options = &certificates->options;
    renew(certificates, &certificates->own, options->own_names, options->own_name_count);
    return certificates->own.identity;
}

static struct leaf *add_leaf(struct certificates *certificates, const char *name)
{
    if (map_count(certificates->leaves) == CERTIFICATES_MAX)
        drop_leaf(certificates, CONTAINER_OF(list_last(&certificates->recent), struct leaf, link));
    struct leaf *leaf = calloc(1, sizeof *leaf);
    if (!leaf)
        return NULL;
    leaf->name = span_dup(span_of(name));
    if (leaf->name)
        renew(certificates, leaf, &name, 1);
    if (!leaf->identity || !map_put(certificates->leaves, span_of(name), leaf, NULL)) {
        leaf_free(leaf);
        return NULL;
    }
    list_put_first(&certificates->recent, &leaf->link);
    return leaf;
}

static bool is_own_name(const struct certificates *certificates, struct span name)
{
    for (size_t i = 0; i < certificates->options.own_name_count; i++)
        if (span_equal(span_of(certificates->options.own_names[i]), name))
            return true;
    return false;
}

const struct tls_identity *certificates_choose(void *arg, const char *server_name)
{
    struct certificates *certificates = arg;
    /* Who asks for no name asks for the edge itself. */
    const char *wanted = *server_name ? server_name : certificates->options.own_names[0];
    struct span name = span_of(wanted);

    const struct tls_identity *found = find_in_files(certificates, name);
    if (found)
        return found;
    if (is_own_name(certificates, name))
        return own_identity(certificates);
    struct leaf *leaf = map_find(certificates->leaves, name);
    if (!certificates->options.is_allowed(certificates->options.arg, name)) {
        if (leaf) /* no longer a name of ours */
            drop_leaf(certificates, leaf);
        return NULL;
    }
    if (!leaf) {
        leaf = add_leaf(certificates, wanted);
        return leaf ? leaf->identity : NULL;
    }
    list_remove(&certificates->recent, &leaf->link);
    list_put_first(&certificates->recent, &leaf->link);
    renew(certificates, leaf, &wanted, 1);
    return leaf->identity;
}

size_t certificates_count(const struct certificates *certificates)
{
    return map_count(certificates->leaves);
}
