/* What openers are built from: a snapshot, and the TLS contexts that its rules need, one for all
 * rules that trust the same. Immutable and counted: every worker builds from the same one, so that
 * the roots lie in memory once. */
#ifndef CULVERT_ORIGIN_BLUEPRINT_H
#define CULVERT_ORIGIN_BLUEPRINT_H

#include "culvert/ingress/snapshot.h"

struct blueprint;
struct health_board;
struct tls_context;

/* Reads the files of roots, so not on a loop that serves. Keeps a reference to `snapshot`; the
 * caller holds one of the result. NULL: `err` names the rule, and the file when a caPool cannot be
 * read or holds no certificate. */
struct blueprint *blueprint_new(struct snapshot *snapshot, struct error *err);

/* One more reference, and one less; NULL is allowed for the latter. Both are safe in any thread. */
struct blueprint *blueprint_ref(struct blueprint *blueprint);
void blueprint_unref(struct blueprint *blueprint);

/* What it holds; lives as long as a reference is held. */
struct snapshot *blueprint_snapshot(const struct blueprint *blueprint);

/* How to speak TLS to the origin of the `rule`th rule; NULL: in clear. */
struct tls_context *blueprint_tls(const struct blueprint *blueprint, size_t rule);

/* The same with HTTP/2 offered; NULL: the rule does not ask for http2Origin, or speaks in clear. */
struct tls_context *blueprint_tls_http2(const struct blueprint *blueprint, size_t rule);

/* What the checks find of the `rule`th rule's addresses, the service's own first; NULL: none are
 * made. */
struct health_board *blueprint_board(const struct blueprint *blueprint, size_t rule);

#endif
