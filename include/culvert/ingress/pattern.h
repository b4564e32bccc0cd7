/* Which requests a rule is for: patterns of host names and expressions for paths. Patterns are
 * immutable once made, so threads may share them. */
#ifndef CULVERT_INGRESS_PATTERN_H
#define CULVERT_INGRESS_PATTERN_H

#include "culvert/base/buf.h"

enum {
    HOST_MAX = 1024,                /* longest host name that is compared */
    PATH_EXPRESSION_MAX = 8 * 1024, /* longest expression; people write some dozen characters */
};

/* A host name, "*.name" for every host below it, "*" or "" for all. ASCII letters compare without
 * case, one trailing dot is ignored; a name beyond ASCII also stands for its A-labels. */
struct host_pattern;

/* The caller frees it. NULL: a port, or a star anywhere but in front; or memory. */
struct host_pattern *host_pattern_new(struct span hostname, struct error *err);
void host_pattern_free(struct host_pattern *pattern); /* NULL is allowed */

/* Is every host meant? */
bool host_pattern_is_any(const struct host_pattern *pattern);

/* Can no host of the Internet match, although it is allowed to stand there ("*foo.example")? */
bool host_pattern_is_vain(const struct host_pattern *pattern);

/* Is it "*.name"? */
bool host_pattern_is_wildcard(const struct host_pattern *pattern);

/* What hosts that match are, or of a wildcard what they end in (".name"): the name as it is
 * compared, and its A-labels if they differ. Returns how many; 0: every host, or none. They live as
 * long as the pattern. */
enum { HOST_TEXTS_MAX = 2 };
size_t host_pattern_texts(const struct host_pattern *pattern, struct span texts[HOST_TEXTS_MAX]);

/* `host` as host_normalise made it. */
bool host_pattern_matches(const struct host_pattern *pattern, struct span host);

/* Writes the host of an authority in the form that is compared: without a port and its brackets, in
 * lower case, without a trailing dot. Returns its length; 0 when it is empty or longer than
 * HOST_MAX. */
size_t host_normalise(struct span authority, char out[HOST_MAX]);

/* A regular expression in RE2's syntax, searched for anywhere in the percent-decoded path. */
struct path_pattern;

/* The caller frees it. NULL: what RE2 refuses is refused, `err` says why; or memory. */
struct path_pattern *path_pattern_new(struct span expression, struct error *err);
void path_pattern_free(struct path_pattern *pattern); /* NULL is allowed */

enum path_match {
    PATH_DIFFERS,
    PATH_MATCHES,
    PATH_UNDECIDED, /* it would take too long to know; nobody may be let through on a guess */
};

/* `path` as path_decode made it. The work is bounded whatever the path. */
enum path_match path_pattern_match(const struct path_pattern *pattern, struct span path);

/* Appends the path with its escapes undone; bytes that are no UTF-8 become U+FFFD, one for each.
 * False: a bad escape (kind INVALID), or `out` is full. */
bool path_decode(struct span raw, struct buf *out, struct error *err) MUST_CHECK;

/* Appends a decoded path with its "." and ".." segments resolved (RFC 3986 5.2.4), slashes in a row
 * taken as one before when `merge_slashes`. *changed: it had such segments. False: `out` is full.
 */
bool path_resolve_dots(struct span path, bool merge_slashes, struct buf *out,
                       bool *changed) MUST_CHECK;

#endif
