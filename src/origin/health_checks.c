/* One address:
 *
 *   RESTING --its time--> ASKING --an answer, a connection, a failure, too late: judge--> RESTING
 *
 * A check asks for the path with the rule's own way of speaking, over a connection of its own;
 * without a path it only connects. */
#include "culvert/origin/health_checks.h"

#include "culvert/base/duration.h"
#include "culvert/base/random.h"
#include "culvert/net/dial.h"
#include "culvert/origin/health_board.h"

#include "http_settings.h"
#include "spot.h"

#include <assert.h>
#include <stdlib.h>

enum { STATUS_GOOD = 200, STATUS_GOOD_END = 400 };

struct check {
    struct health_checks *owner;
    const struct rule *rule;
    size_t rule_index, index;
    struct spot spot;
    bool is_well;
    int64_t streak; /* findings in a row that say otherwise */
    bool is_asking;
    struct timer next;  /* RESTING */
    struct timer limit; /* ASKING */
    struct dial *dial;
    struct http_part part; /* object NULL: it only connects */
    struct request_head head;
    struct body body;
    struct outbound *out;
};

struct health_checks {
    struct health_checks_options options;
    struct blueprint *blueprint;
    size_t running;
    size_t count;
    struct check all[];
};

/* ---- when ---- */

static uint64_t interval_ms(const struct check *check)
{
    return (uint64_t)duration_ms(check->rule->origin.health_check.interval_ns);
}

static void rest(struct check *check, uint64_t ms)
{
    /* Without memory for a timer the address stays as it is. */
    if (!timer_start(&check->next, ms))
        log_error(loop_log(check->owner->options.loop), "A health check ended: out of memory",
                  LOG_TEXT("address", check->spot.address));
}

static void rest_until_next(struct check *check)
{
    uint64_t part = interval_ms(check) / HEALTH_JITTER_PARTS;
    rest(check, interval_ms(check) - part + random_below(2 * part + 1));
}

/* ---- what was found ---- */

static void change(struct check *check, const struct error *why)
{
    const struct health_checks *owner = check->owner;
    const struct log *log = loop_log(owner->options.loop);
    check->is_well = !check->is_well;
    check->streak = 0;
    health_board_set(blueprint_board(owner->blueprint, check->rule_index), check->index,
                     check->is_well);
    if (check->is_well)
        log_info(log, "An address of a service is well again",
                 LOG_INT("ingressRule", check->rule_index),
                 LOG_TEXT("originService", check->rule->service.text),
                 LOG_TEXT("address", check->spot.address));
    else
        log_warn(log, "An address of a service fails its health check", LOG_ERROR(why),
                 LOG_INT("ingressRule", check->rule_index),
                 LOG_TEXT("originService", check->rule->service.text),
                 LOG_TEXT("address", check->spot.address));
}

static void stop_asking(struct check *check)
{
    if (!check->is_asking)
        return;
    check->is_asking = false;
    check->owner->running--;
    timer_stop(&check->limit);
    dial_cancel(check->dial);
    check->dial = NULL;
    outbound_close(check->out);
    check->out = NULL;
}

/* `why` NULL: it is well. */
static void judge(struct check *check, const struct error *why)
{
    const struct health_check *settings = &check->rule->origin.health_check;
    int64_t enough = check->is_well ? settings->unhealthy_after : settings->healthy_after;
    stop_asking(check);
    if ((why == NULL) == check->is_well)
        check->streak = 0;
    else if (++check->streak >= enough)
        change(check, why);
    rest_until_next(check);
}

static void on_late(void *arg)
{
    struct check *check = arg;
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "no answer within %lld ms",
              (long long)duration_ms(check->rule->origin.health_check.timeout_ns));
    judge(check, &why);
}

/* ---- by a connection ---- */

static void on_connected(void *arg, struct conn *conn)
{
    struct check *check = arg;
    check->dial = NULL;
    conn_close(conn);
    judge(check, NULL);
}

static void on_dial_failed(void *arg, const struct error *why)
{
    struct check *check = arg;
    check->dial = NULL;
    judge(check, why);
}

static bool connect_to(struct check *check, struct error *err)
{
    static const struct dial_events events = {on_connected, on_dial_failed};
    const struct origin_request *request = &check->rule->origin;
    const struct outgoing_proxy *by = NULL;
    struct dial_proxy proxy = {.host = NULL};
    if (check->rule->service.kind == SERVICE_HTTP && request->proxy_protocol == PROXY_NONE)
        by = outgoing_proxies_find(check->owner->options.proxies, check->rule->service.tls,
                                   check->spot.host, check->spot.port);
    if (by)
        proxy = (struct dial_proxy){by->host, by->port, by->authorization};
    const struct dial_target target = {
        .host = check->spot.host,
        .port = check->spot.port,
        .one_by_one = request->no_happy_eyeballs,
        .by = by ? &proxy : NULL,
        .proxy = request->proxy_protocol, /* of nobody, as the specification wants it of checks */
    };
    check->dial = dial_start(check->owner->options.loop, check->owner->options.resolver, &target,
                             &events, check, err);
    return check->dial != NULL;
}

/* ---- by a request ---- */

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static bool is_wanted(const struct check *check, int status)
{
    int64_t wanted = check->rule->origin.health_check.status;
    return wanted != 0 ? status == wanted : status >= STATUS_GOOD && status < STATUS_GOOD_END;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct check *check = arg;
    struct error why;
    (void)body;
    if (is_wanted(check, head->status)) {
        judge(check, NULL);
        return;
    }
    error_set(&why, ERROR_PROTOCOL, 0, "the answer to the check is %d", head->status);
    judge(check, &why);
}

static void on_done(void *arg)
{
    (void)arg;
}

static void on_failed(void *arg, const struct error *why)
{
    judge(arg, why);
}

static bool ask(struct check *check, struct error *err)
{
    static const struct outbound_events events = {on_inform, on_answer, on_done, on_failed};
    check->out = opener_open(check->part.opener, &check->head, &check->body, &events, check, err);
    return check->out != NULL;
}

static void begin(void *arg)
{
    struct check *check = arg;
    struct error why;
    int64_t timeout_ms = duration_ms(check->rule->origin.health_check.timeout_ns);
    if (check->owner->running >= HEALTH_RUNNING_MAX) {
        rest(check, HEALTH_CROWDED_MS + random_below(HEALTH_CROWDED_MS));
        return;
    }
    check->is_asking = true;
    check->owner->running++;
    if (!timer_start(&check->limit, timeout_ms > 0 ? (uint64_t)timeout_ms : 1)) {
        stop_asking(check);
        rest_until_next(check);
    } else if (!(check->part.object ? ask(check, &why) : connect_to(check, &why))) {
        judge(check, &why);
    }
}

/* ---- putting together ---- */

/* The service's own host, whichever address is asked; with the port that it is not known by. */
static bool put_host(struct buf *to, const struct service *service)
{
    bool is_v6 = strchr(service->host, ':') != NULL;
    bool usual = service->port == (service->tls ? 443 : 80);
    return buf_printf(to, is_v6 ? "[%s]" : "%s", service->host) &&
           (usual || buf_printf(to, ":%u", service->port));
}

static bool make_request(struct check *check, struct error *err)
{
    const struct rule *rule = check->rule;
    struct request_head *head = &check->head;
    bool ok = buf_put_span(&head->method, SPAN("GET")) &&
              buf_put_span(&head->scheme, rule->service.tls ? SPAN("https") : SPAN("http")) &&
              put_host(&head->authority, &rule->service) &&
              buf_put_span(&head->target, span_of(rule->origin.health_check.path)) &&
              headers_add(&head->fields, SPAN("User-Agent"), SPAN("culvert-health-check"), NULL);
    head->length = 0;
    head->ends_here = true;
    check->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    if (!ok || !check->body.bytes)
        return error_memory(err);
    channel_end(check->body.bytes);
    return true;
}

static bool make_part(struct check *check, struct error *err)
{
    const struct health_checks_options *own = &check->owner->options;
    struct http2_origin_options both = http_settings(check->owner->blueprint, check->rule_index);
    struct http_origin_options *options = &both.http;
    options->name = check->spot.name;
    options->host = check->spot.host;
    options->port = check->spot.port;
    options->resolver = own->resolver;
    options->rewrite.connector_id = own->connector_id;
    options->rewrite.prefix = SPAN(""); /* the path of a check is whole */
    return http_settings_go_by(&both, check->rule, own->proxies, err) &&
           http_part_make(&check->part, check->rule, own->loop, &both, err);
}

/* What was known of it is taken over. */
static void inherit(struct check *check, const struct health_checks *before)
{
    for (size_t i = 0; before && i < before->count; i++) {
        const struct check *other = &before->all[i];
        if (strcmp(other->spot.name, check->spot.name) != 0)
            continue;
        check->is_well = other->is_well;
        check->streak = other->streak;
        break;
    }
    health_board_set(blueprint_board(check->owner->blueprint, check->rule_index), check->index,
                     check->is_well);
}

static bool add(struct health_checks *checks, size_t rule_index, size_t index,
                const struct health_checks *before, struct error *err)
{
    struct check *check = &checks->all[checks->count++];
    struct loop *loop = checks->options.loop;
    *check =
        (struct check){.owner = checks, .rule_index = rule_index, .index = index, .is_well = true};
    check->rule = rules_at(snapshot_rules(blueprint_snapshot(checks->blueprint)), rule_index);
    spot_find(check->rule, index, &check->spot);
    timer_init(&check->next, loop, begin, check);
    timer_init(&check->limit, loop, on_late, check);
    request_head_init(&check->head);
    headers_init(&check->body.trailers);
    bool asks = check->rule->origin.health_check.path && check->rule->service.kind == SERVICE_HTTP;
    if (asks && (!make_request(check, err) || !make_part(check, err)))
        return false;
    inherit(check, before);
    rest(check, random_below(interval_ms(check)));
    return true;
}

/* Of the addresses of one rule. */
static size_t count_of(const struct blueprint *blueprint, size_t rule)
{
    const struct rules *rules = snapshot_rules(blueprint_snapshot(blueprint));
    return blueprint_board(blueprint, rule) ? spot_count(rules_at(rules, rule)) : 0;
}

struct health_checks *health_checks_new(const struct health_checks_options *options,
                                        struct blueprint *blueprint,
                                        const struct health_checks *before, struct error *err)
{
    size_t rules = rules_count(snapshot_rules(blueprint_snapshot(blueprint)));
    size_t count = 0;
    for (size_t i = 0; i < rules; i++)
        count += count_of(blueprint, i);
    struct health_checks *checks = calloc(1, sizeof *checks + count * sizeof checks->all[0]);
    if (!checks) {
        error_memory(err);
        return NULL;
    }
    checks->options = *options;
    checks->blueprint = blueprint_ref(blueprint);
    for (size_t i = 0; i < rules; i++) {
        for (size_t k = 0; k < count_of(blueprint, i); k++) {
            if (add(checks, i, k, before, err))
                continue;
            health_checks_free(checks);
            return NULL;
        }
    }
    return checks;
}

size_t health_checks_count(const struct health_checks *checks)
{
    return checks->count;
}

void health_checks_free(struct health_checks *checks)
{
    if (!checks)
        return;
    for (size_t i = 0; i < checks->count; i++) {
        struct check *check = &checks->all[i];
        stop_asking(check);
        timer_stop(&check->next);
        if (check->part.object)
            check->part.release(check->part.object);
        channel_close(check->body.bytes, checks->options.loop);
        headers_release(&check->body.trailers);
        request_head_release(&check->head);
    }
    blueprint_unref(checks->blueprint);
    free(checks);
}
