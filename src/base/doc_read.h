/* Reads JSON (RFC 8259) into jansson's tree. Shared by doc.c and doc_read.c only. */
#ifndef CULVERT_BASE_DOC_READ_H
#define CULVERT_BASE_DOC_READ_H

#include "culvert/base/error.h"
#include "culvert/base/span.h"

#include <jansson.h>

enum { DOC_DEPTH_MAX = 100 }; /* jansson walks trees by recursion */

/* One value and nothing behind it; of a key that comes twice the last one counts when
 * `last_counts`, else it is refused. The caller has the reference. NULL: `err` says where. */
json_t *doc_read(struct span text, bool last_counts, struct error *err);

#endif
