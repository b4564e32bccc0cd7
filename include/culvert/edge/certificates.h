/* The certificates of the public names: from files, else one leaf of our own CA for each exact name
 * that is allowed, cached. Chosen by the name the visitor asks for. No event loop; owned by one
 * worker. */
#ifndef CULVERT_EDGE_CERTIFICATES_H
#define CULVERT_EDGE_CERTIFICATES_H

#include "culvert/base/log.h"
#include "culvert/edge/authority.h"

enum {
    CERTIFICATES_MAX = 1024,     /* leaves kept of our own, about 10 KiB each; the one not asked for
                                  * the longest goes first */
    CERTIFICATE_FILES_MAX = 1024 /* pairs of files */
};

/* A chain (leaf first) and its key, PEM files. */
struct certificate_files {
    const char *certificate;
    const char *key;
};

struct certificates_options {
    struct authority *authority;  /* borrowed */
    const char *const *own_names; /* of the edge itself, borrowed: names and addresses, at least
                                   * one, at most 16; their leaf also serves who asks for no name */
    size_t own_name_count;
    /* May our CA issue a certificate for this public name (lower case, no last dot)? */
    bool (*is_allowed)(void *arg, struct span name);
    void *arg;
    const struct clock *clock; /* borrowed */
    const struct log *log;     /* borrowed; NULL: silent */
    bool files_are_judged; /* by another owner of the same files: nothing is logged about them */
};

struct certificates;

/* The caller owns it; options are copied. NULL: `err`. */
struct certificates *certificates_new(const struct certificates_options *options,
                                      struct error *err);
void certificates_free(struct certificates *certificates); /* NULL is allowed */

/* Reads all files anew; one that is wrong leaves everything as it was. False: `err` names the file
 * and what is wrong with it. */
bool certificates_load(struct certificates *certificates, const struct certificate_files *files,
                       size_t count, struct error *err) MUST_CHECK;

/* For tls_server_options, `arg` is the certificates. Files first, the exact name before the
 * wildcard (one label, RFC 9525 6.3); then our CA. Borrowed until the next call. NULL: no such
 * name. */
const struct tls_identity *certificates_choose(void *arg, const char *server_name);

/* Leaves of our own that are kept, for the metrics and tests. */
size_t certificates_count(const struct certificates *certificates);

#endif
