/* Secrets never reach a log: stands in front of the sinks and blackens what looks like one, by the
 * name of a field and inside its text. It may be written to from any thread; the sinks behind it,
 * which know nothing of threads, are written to one event at a time. */
#ifndef CULVERT_OBSERVE_REDACT_H
#define CULVERT_OBSERVE_REDACT_H

#include "culvert/base/buf.h"
#include "culvert/base/log.h"

struct redact;

/* What stands in the place of a secret. */
#define REDACTED "*****"

/* The caller owns it. NULL: out of memory. */
struct redact *redact_new(struct error *err);
void redact_free(struct redact *redact); /* NULL is allowed */

/* Adds a sink behind it (copied; what its `arg` points to must outlive this). False: LOG_SINKS_MAX
 * are there already. */
bool redact_add(struct redact *redact, struct log_sink sink) MUST_CHECK;

/* For struct log: the one sink of a log; valid until redact_free. */
struct log_sink redact_sink(struct redact *redact);

/* Is `key` the name of something secret: authorization, cookie, cf-access-..., ...token, ...secret,
 * ...password, of any case? */
bool redact_is_secret_name(struct span key);

/* Appends `text` with its secrets blackened: values behind secret names (`access_token=`,
 * `"TunnelSecret":"..."`, `Cookie: ...`), bearer and basic credentials, JSON in base64 (`eyJ...`:
 * tokens), passwords in URLs. False: `out` is full. */
bool redact_text(struct span text, struct buf *out) MUST_CHECK;

#endif
