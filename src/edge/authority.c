/* The CA in the state directory and the certificate of the tunnel listener. */
#include "culvert/edge/authority.h"

#include "culvert/base/file.h"
#include "culvert/net/tls_issue.h"

#include <limits.h>
#include <sys/stat.h>

/* The server names of connectors over HTTP/2 and over QUIC. */
static const char *const connector_names[] = {"h2.cftunnel.com", "quic.cftunnel.com"};

struct authority {
    const struct clock *clock;
    struct tls_issuer *issuer;
    struct tls_identity *tunnel;
    struct buf ca_pem;
    char *host_name; /* NULL: none */
};

struct paths {
    char certificate[PATH_MAX];
    char key[PATH_MAX];
};

static bool paths_make(struct paths *paths, const char *state_dir, struct error *err)
{
    size_t len = (size_t)snprintf(paths->certificate, PATH_MAX, "%s/ca.pem", state_dir);
    if (len >= PATH_MAX)
        return error_set(err, ERROR_INVALID, 0, "the name of the state directory is too long");
    (void)snprintf(paths->key, PATH_MAX, "%s/ca.key", state_dir);
    return true;
}

static bool is_there(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0;
}

static int64_t now_ms(const struct authority *authority)
{
    return authority->clock->unix_ms(authority->clock);
}

static bool load(struct authority *authority, const struct paths *paths, struct error *err)
{
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    bool ok = false;

    if (!file_read(paths->certificate, &authority->ca_pem, err) ||
        !file_read_secret(paths->key, &key, NULL, err))
        goto out;
    authority->issuer = tls_issuer_parse(buf_span(&authority->ca_pem), buf_span(&key), err);
    if (!authority->issuer) {
        (void)error_wrap(err, "CA %s with key %s", paths->certificate, paths->key);
        goto out;
    }
    if (tls_issuer_until(authority->issuer) <= now_ms(authority)) {
        (void)error_set(err, ERROR_INVALID, 0,
                        "CA %s has expired: move it and its key away to get a new one",
                        paths->certificate);
        goto out;
    }
    ok = true;

out:
    buf_wipe(&key);
    return ok;
}

/* The first start, or one after a crash between key and certificate: then the key is kept. */
static bool make(struct authority *authority, const struct paths *paths, struct error *err)
{
    struct buf key = BUF_LIMIT(TLS_PEM_MAX);
    bool ok = false;
    bool has_key = is_there(paths->key);

    if (has_key && !file_read_secret(paths->key, &key, NULL, err))
        goto out;
    authority->issuer = tls_issuer_make("Culvert edge CA", buf_span(&key), now_ms(authority), err);
    if (!authority->issuer) {
        if (has_key)
            (void)error_wrap(err, "CA key %s", paths->key);
        goto out;
    }
    if (!has_key && (!tls_issuer_key(authority->issuer, &key, err) ||
                     !file_create(paths->key, buf_span(&key), 0600, err)))
        goto out;
    ok = tls_issuer_certificate(authority->issuer, &authority->ca_pem, err) &&
         file_create(paths->certificate, buf_span(&authority->ca_pem), 0644, err);

out:
    buf_wipe(&key);
    return ok;
}

static struct tls_identity *issue_tunnel(const struct authority *authority, struct error *err)
{
    const char *names[ARRAY_LEN(connector_names) + 1];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(connector_names); i++)
        names[count++] = connector_names[i];
    if (authority->host_name)
        names[count++] = authority->host_name;
    return authority_issue(authority, names, count, err);
}

static bool start(struct authority *authority, const char *state_dir, const char *host_name,
                  struct error *err)
{
    struct paths paths = {0};
    if (!paths_make(&paths, state_dir, err))
        return false;
    if (host_name) {
        authority->host_name = span_dup(span_of(host_name));
        if (!authority->host_name)
            return error_memory(err);
    }
    bool made = is_there(paths.certificate);
    if (made && !is_there(paths.key))
        return error_set(err, ERROR_INVALID, 0,
                         "%s is missing: put it back, or remove %s to get a new CA", paths.key,
                         paths.certificate);
    if (!(made ? load(authority, &paths, err) : make(authority, &paths, err)))
        return false;
    authority->tunnel = issue_tunnel(authority, err);
    return authority->tunnel != NULL;
}

struct authority *authority_open(const char *state_dir, const char *host_name,
                                 const struct clock *clock, struct error *err)
{
    struct authority *authority = calloc(1, sizeof *authority);
    if (!authority) {
        (void)error_memory(err);
        return NULL;
    }
    authority->clock = clock;
    authority->ca_pem.limit = TLS_PEM_MAX;
    if (!start(authority, state_dir, host_name, err)) {
        authority_free(authority);
        return NULL;
    }
    return authority;
}

void authority_free(struct authority *authority)
{
    if (!authority)
        return;
    tls_identity_free(authority->tunnel);
    tls_issuer_free(authority->issuer);
    buf_release(&authority->ca_pem);
    free(authority->host_name);
    free(authority);
}

struct span authority_ca_pem(const struct authority *authority)
{
    return buf_span(&authority->ca_pem);
}

struct tls_identity *authority_issue(const struct authority *authority, const char *const *names,
                                     size_t count, struct error *err)
{
    return tls_issue(authority->issuer, names, count, now_ms(authority), err);
}

bool authority_is_due(const struct authority *authority, const struct tls_identity *identity)
{
    int64_t from_ms, until_ms;
    tls_identity_validity(identity, &from_ms, &until_ms);
    return until_ms - now_ms(authority) < (until_ms - from_ms) / 3;
}

const struct tls_identity *authority_choose(void *arg, const char *server_name)
{
    struct authority *authority = arg;
    (void)server_name;
    if (authority_is_due(authority, authority->tunnel)) {
        struct tls_identity *fresh = issue_tunnel(authority, NULL);
        if (fresh) { /* else the old one serves on: it is tried again with the next connection */
            tls_identity_free(authority->tunnel);
            authority->tunnel = fresh;
        }
    }
    return authority->tunnel;
}
