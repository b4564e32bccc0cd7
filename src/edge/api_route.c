/* PUT of a DNS route: the host name a person typed becomes a name of the zone. */
#include "culvert/base/idn.h"

#include "api_answer.h"

enum { LABEL_MAX = 63 }; /* RFC 1035 2.3.4 */

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] > 0x7e || (unsigned char)text.data[i] <= 0x20)
            return false;
    return true;
}

/* Letters, digits and "_", hyphens in between (RFC 5891 4.2.3.1: not two at 3 and 4). */
static bool is_label(struct span label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.data[0] == '-' ||
        label.data[label.len - 1] == '-')
        return false;
    if (label.len >= 4 && label.data[2] == '-' && label.data[3] == '-' &&
        !span_starts(label, SPAN("xn--")))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = label.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool has_labels(struct span name)
{
    struct span rest = name;
    struct span label;
    bool ok = name.len > 0;
    while (ok && span_cut(&rest, '.', &label))
        ok = is_label(label);
    return ok;
}

/* Appends the name in A-labels and lower case. */
static bool put_labels(struct span text, struct buf *out, struct error *err)
{
    size_t start = out->len;
    if (!is_ascii(text))
        return idn_to_ascii(text, out, err);
    if (!buf_put_span(out, text))
        return error_set(err, ERROR_INVALID, 0, "too long for a host name");
    for (size_t i = start; i < out->len; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (char)(out->data[i] - 'A' + 'a');
    return true;
}

/* "app", "app.example.com", "*", "*.app", "@" or the zone itself become names of the zone. */
static bool name_in_zone(struct span typed, struct span zone, struct buf *out, struct error *err)
{
    struct span rest = typed;
    bool wildcard = span_starts(rest, SPAN("*"));
    if (rest.len > 0 && rest.data[rest.len - 1] == '.')
        rest.len--;
    if (wildcard)
        rest = span_skip(rest, span_starts(rest, SPAN("*.")) ? 2 : 1);
    if (wildcard && !buf_put_span(out, SPAN("*.")))
        return error_memory(err);
    size_t start = out->len;
    /* "@" is the zone, and "*" alone stands for all in it. */
    if (span_equal(rest, SPAN("@")) || (wildcard && span_equal(typed, SPAN("*"))))
        return buf_put_span(out, zone) || error_memory(err);
    if (!put_labels(rest, out, err))
        return false;
    struct span name = span_skip(buf_span(out), start);
    if (!has_labels(name) || (wildcard && !span_starts(typed, SPAN("*."))))
        return error_set(err, ERROR_INVALID, 0, "this is no host name");
    if (span_equal(name, zone))
        return true;
    bool inside = name.len > zone.len + 1 && span_ends(name, zone) &&
                  name.data[name.len - zone.len - 1] == '.';
    if (!inside && span_find(name, '.') < name.len)
        return error_set(err, ERROR_INVALID, 0,
                         "it is not in the zone %.*s: choose a name below it", SPAN_ARG(zone));
    if (!inside && (!buf_put_char(out, '.') || !buf_put_span(out, zone)))
        return error_set(err, ERROR_INVALID, 0, "too long for a host name");
    return true;
}

/* The zone of the path, if it is this account's; else the answer is given. */
static bool find_zone(struct api_work *work, struct store_zone *zone)
{
    struct error err = {0};
    enum store_result result =
        store_zones_find(work->context->db, span_of(work->call->owner), zone, &err);
    if (result == STORE_FAILED)
        api_fail(work->answer, &err);
    else if (result != STORE_OK)
        api_refuse(work->answer, 404, API_CODE_NO_ZONE, "no such zone");
    else if (strcmp(zone->account_id, work->account.id) != 0)
        api_refuse(work->answer, 403, API_CODE_AUTH,
                   "Authentication error: the zone belongs to another account");
    return work->answer->status == 0;
}

static void report(struct api_work *work, const char *cname, struct span hostname)
{
    struct doc *result = doc_object();
    if (!result || !doc_put_text(result, "cname", span_of(cname)) ||
        !doc_put_text(result, "name", hostname)) {
        doc_free(result);
        result = NULL;
    }
    work->answer->routes_changed = strcmp(cname, "unchanged") != 0;
    api_succeed(work->answer, result, NULL);
}

static void put(struct api_work *work, const struct store_zone *zone, struct span hostname)
{
    struct error err = {0};
    struct store_route_new what = {
        .hostname = hostname,
        .zone_id = span_of(zone->id),
        .tunnel_id = work->call->tunnel_id,
        .overwrite = work->call->overwrite,
        .now_ms = work->context->now_ms,
    };
    switch (store_routes_put(work->context->db, &what, &err)) {
    case STORE_ROUTE_NEW:
        report(work, "new", hostname);
        break;
    case STORE_ROUTE_UPDATED:
        report(work, "updated", hostname);
        break;
    case STORE_ROUTE_UNCHANGED:
        report(work, "unchanged", hostname);
        break;
    case STORE_ROUTE_EXISTS:
        api_refuse(work->answer, 400, API_CODE_ROUTE_TAKEN,
                   "%.*s is routed to another tunnel: overwrite the record or choose another name",
                   SPAN_ARG(span_first(hostname, 80)));
        break;
    case STORE_ROUTE_NO_TUNNEL:
        api_refuse(work->answer, 404, API_CODE_NO_TUNNEL, "no such tunnel");
        break;
    case STORE_ROUTE_FAILED:
        api_fail(work->answer, &err);
        break;
    }
}

void api_put_route(struct api_work *work)
{
    struct error err = {0};
    struct store_zone zone;
    struct buf name = BUF_LIMIT(STORE_HOSTNAME_SIZE - 1);
    struct span typed = work->call->hostname;
    if (!find_zone(work, &zone))
        return;
    if (!buf_room(&name, name.limit)) {
        error_memory(&err);
        api_fail(work->answer, &err);
    } else if (!name_in_zone(typed, span_of(zone.name), &name, &err))
        api_refuse(work->answer, 400, API_CODE_BAD_FIELD, "host name %.*s: %s",
                   SPAN_ARG(span_first(typed, 80)), err.text);
    else if (span_equal(buf_span(&name), work->context->own_host))
        api_refuse(work->answer, 400, API_CODE_BAD_FIELD,
                   "host name %s is the edge's own: choose another", buf_text(&name));
    else
        put(work, &zone, buf_span(&name));
    buf_release(&name);
}
