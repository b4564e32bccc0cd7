/* Rules that a test writes as a configuration file's text. */
#ifndef CULVERT_TESTS_SUPPORT_RULES_TEXT_H
#define CULVERT_TESTS_SUPPORT_RULES_TEXT_H

#include "culvert/ingress/snapshot.h"
#include "culvert/ingress/spec.h"

/* `notes` may be NULL. NULL: `err` says why; the caller frees the rules. */
struct rules *rules_of_text(const char *yaml, struct notes *notes, struct error *err);

/* The same with its warp-routing; the caller holds the reference. */
struct snapshot *snapshot_of_text(const char *yaml, struct error *err);

#endif
