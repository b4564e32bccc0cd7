/* The values of the field, and reading them from any spelling of the same JSON. */
#include "culvert/tunnel/response_meta.h"

#include "culvert/base/doc.h"

enum { META_MAX = 1024 }; /* the longest known value has 45 bytes */

struct span response_meta_text(enum response_source source)
{
    static const struct span texts[] = {
        [RESPONSE_FROM_ORIGIN] = SPAN_INIT("{\"src\":\"origin\"}"),
        [RESPONSE_FROM_CONNECTOR] = SPAN_INIT("{\"src\":\"cloudflared\"}"),
        [RESPONSE_FLOW_LIMITED] = SPAN_INIT("{\"src\":\"cloudflared\",\"flow_rate_limited\":true}"),
        [RESPONSE_TIMED_OUT] = SPAN_INIT("{\"src\":\"cloudflared\",\"timed_out\":true}"),
    };
    return texts[source];
}

static enum response_source connectors_own(bool is_limited, bool is_late)
{
    if (is_limited)
        return RESPONSE_FLOW_LIMITED;
    return is_late ? RESPONSE_TIMED_OUT : RESPONSE_FROM_CONNECTOR;
}

static bool read_source(const struct doc *meta, enum response_source *source)
{
    struct span name = SPAN_NONE;
    bool is_limited = false;
    bool is_late = false;
    if (doc_kind(meta) != DOC_OBJECT || !doc_read_text(meta, "src", &name, NULL) ||
        !doc_read_bool(meta, "flow_rate_limited", &is_limited, NULL) ||
        !doc_read_bool(meta, "timed_out", &is_late, NULL))
        return false;
    if (span_equal(name, SPAN("origin")))
        *source = RESPONSE_FROM_ORIGIN;
    else if (span_equal(name, SPAN("cloudflared")))
        *source = connectors_own(is_limited, is_late);
    else
        return false;
    return true;
}

bool response_meta_parse(struct span text, enum response_source *source)
{
    if (text.len > META_MAX)
        return false;
    struct doc *meta = doc_parse(text, NULL);
    bool ok = meta && read_source(meta, source);
    doc_free(meta);
    return ok;
}
