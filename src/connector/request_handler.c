/* One request from its rule to its log line. */
#include "culvert/connector/request_handler.h"

#include "culvert/connector/early_requests.h"
#include "culvert/connector/edge_answer.h"
#include "culvert/ingress/pattern.h"
#include "culvert/proxy/exchange.h"
#include "culvert/tunnel/stream_kind.h"

#include "access_pass.h"

struct request_handler {
    struct request_handler_options options;
    struct list requests;
    char own_host[HOST_MAX]; /* the management host name, normalised */
    size_t own_host_len;
    bool expects_rules; /* of the edge */
    struct early_requests early;
    uint64_t warned_ms; /* of requests without rules; 0: never */
    size_t unwarned;    /* since then */
};

/* A request whose token is judged. */
struct asking {
    struct access_pass pass;
    struct request *request;
};

struct request {
    struct request_handler *handler;
    struct link link;
    struct config_version *version;
    size_t rule;         /* its index; TUNNEL_METRICS_NO_RULE */
    const char *service; /* for the log */
    size_t connection;
    enum stream_kind kind;
    struct exchange *exchange;        /* NULL before it was let in */
    struct asking *asking;            /* NULL: nothing has to be judged, or it was */
    uint64_t asked_ms;                /* when it came */
    const char *method, *host, *path; /* for the log, without the query and cut: in `texts` */
    char *declared;                   /* the request's Trailer fields, one list; NULL: none */
    bool is_void;                     /* its origin answered what nobody can be told */
    char texts[];
};

enum {
    LOGGED_PATH_MAX = 255,
    UNAVAILABLE_WARN_MS = 1000, /* between two lines on requests that no rule serves */
};

static void serve_early(void *arg, struct inbound *in, size_t index);

struct request_handler *request_handler_new(const struct request_handler_options *options)
{
    struct request_handler *handler = calloc(1, sizeof *handler);
    if (!handler)
        return NULL;
    handler->options = *options;
    if (options->management_hostname)
        handler->own_host_len =
            host_normalise(span_of(options->management_hostname), handler->own_host);
    list_init(&handler->requests);
    early_requests_init(&handler->early, options->loop, serve_early, handler);
    return handler;
}

void request_handler_free(struct request_handler *handler)
{
    if (!handler)
        return;
    early_requests_release(&handler->early);
    free(handler);
}

/* NULL is allowed. */
static void request_free(struct request *request)
{
    if (!request)
        return;
    free(request->declared);
    free(request->asking);
    free(request);
}

/* ---- hooks of the exchange ---- */

/* What will last is told when it begins. */
static bool adapt(void *arg, struct response_head *head, struct error *err)
{
    struct request *request = arg;
    request->is_void = head->status < 100;
    if (request->is_void) {
        error_set(err, ERROR_PROTOCOL, 0, "the origin answered %03d, which is no status",
                  head->status);
        error_label(err, "malformed");
        return false;
    }
    if (head->is_upgrade)
        log_debug(loop_log(request->handler->options.loop), "Stream opened",
                  LOG_INT("connIndex", request->connection),
                  LOG_TEXT("kind", stream_kind_name(request->kind)),
                  LOG_TEXT("host", request->host), LOG_TEXT("path", request->path),
                  LOG_TEXT("originService", request->service));
    return edge_answer_adapt(head, err);
}

static enum response_source source_of(const struct request *request, const struct inbound *in,
                                      const struct error *why)
{
    if (why->kind == ERROR_LIMIT && request->kind == STREAM_TCP)
        return RESPONSE_FLOW_LIMITED;
    return why->kind == ERROR_TIMEOUT && in->peer_is_ours ? RESPONSE_TIMED_OUT
                                                          : RESPONSE_FROM_CONNECTOR;
}

static int fail(void *arg, struct inbound *in, const struct error *why)
{
    const struct request *request = arg;
    if (request->is_void) {
        inbound_reset(in, why);
        return 0;
    }
    /* 411: the length of the body has to be said (RFC 9110 15.5.12). */
    int status = why->kind == ERROR_LIMIT && why->cause == 411 ? 411 : 502;
    return edge_answer_status(in, status, source_of(request, in, why),
                              strcmp(request->method, "HEAD") == 0);
}

/* -1 as at the peer: no rule was asked. */
static int64_t logged_rule(const struct request *request)
{
    return request->rule == TUNNEL_METRICS_NO_RULE ? -1 : (int64_t)request->rule;
}

/* Its client knows already, and may have asked for what there is not. */
static bool is_told(const struct exchange_report *report)
{
    return report->by_origin && !report->cut;
}

static enum log_level failure_level(const struct exchange_report *report)
{
    return is_told(report) ? LEVEL_INFO : LEVEL_ERROR;
}

static const char *failure_words(const struct exchange_report *report)
{
    if (is_told(report))
        return "The origin failed a stream";
    return report->cut ? "The origin's answer was cut short" : "Unable to reach the origin service";
}

static void log_end(const struct request *request, const struct exchange_report *report)
{
    const struct log *log = loop_log(request->handler->options.loop);
    bool failed = report->failure.kind != ERROR_NONE && !report->peer_left;
    if (!failed) {
        log_debug(log, "Request", LOG_INT("connIndex", request->connection), LOG_INT("event", 1),
                  LOG_TEXT("method", request->method), LOG_TEXT("host", request->host),
                  LOG_TEXT("path", request->path), LOG_INT("status", report->status),
                  LOG_INT("ingressRule", logged_rule(request)),
                  LOG_TEXT("originService", request->service), LOG_INT("bytesIn", report->bytes_in),
                  LOG_INT("bytesOut", report->bytes_out),
                  LOG_INT("durationMs", report->ended_ms - report->started_ms),
                  LOG_BOOL("visitorLeft", report->peer_left));
        return;
    }
    log_event(log, failure_level(report), failure_words(report), LOG_ERROR(&report->failure),
              LOG_TEXT("cause", error_name(&report->failure)),
              LOG_INT("connIndex", request->connection), LOG_INT("event", 1),
              LOG_INT("ingressRule", logged_rule(request)),
              LOG_TEXT("originService", request->service), LOG_TEXT("method", request->method),
              LOG_TEXT("host", request->host), LOG_TEXT("path", request->path));
}

/* The last of a request. */
static void finish(struct request *request, const struct request_outcome *outcome)
{
    struct request_handler *handler = request->handler;
    tunnel_metrics_ended(handler->options.metrics, outcome);
    list_remove(&handler->requests, &request->link);
    config_version_drop(request->version);
    request_free(request);
}

static void ended(void *arg, const struct exchange_report *report)
{
    struct request *request = arg;
    const struct request_outcome outcome = {
        .kind = request->kind,
        .rule = request->rule,
        .status = report->status,
        .from_origin = report->by_origin,
        /* Visitors leave a WebSocket as they like. */
        .complete = report->status != 0 && !report->cut && (!report->peer_left || report->upgraded),
        .toward_origin = report->bytes_in,
        .toward_edge = report->bytes_out,
        .duration_ms = report->ended_ms - report->started_ms,
        .cause = report->failure.kind != ERROR_NONE && !report->peer_left
                     ? error_name(&report->failure)
                     : NULL,
    };
    log_end(request, report);
    finish(request, &outcome);
}

static const struct exchange_hooks hooks = {.adapt = adapt, .fail = fail, .ended = ended};

/* ---- the request's trailers ---- */

/* Only what the head announced may follow the body: no more does the field's program let through,
 * and an origin that looks at the announcement is not surprised. */
static bool is_undeclared(struct header field, void *arg)
{
    const struct request *request = arg;
    struct span rest = span_of(request->declared ? request->declared : "");
    struct span name;
    while (span_cut(&rest, ',', &name))
        if (span_equal_nocase(span_trim(name), field.name))
            return false;
    return true;
}

static bool note_trailers(struct request *request, struct inbound *in)
{
    struct buf list = BUF_LIMIT(HEADERS_BYTES_MAX);
    if (in->head.ends_here)
        return true; /* no trailers either */
    bool ok = headers_join(&in->head.fields, SPAN("Trailer"), &list);
    if (ok && list.len > 0)
        request->declared = span_dup(buf_span(&list));
    ok = ok && (list.len == 0 || request->declared);
    buf_release(&list);
    in->body->unwanted = is_undeclared;
    in->body->unwanted_arg = request;
    return ok;
}

/* ---- serving ---- */

/* Puts a text at *to with a NUL behind it and moves *to on. */
static const char *keep(char **to, struct span text)
{
    char *kept = *to;
    span_copy(text, kept, text.len + 1);
    *to += text.len + 1;
    return kept;
}

static struct request *request_new(struct request_handler *handler, struct inbound *in,
                                   size_t index)
{
    struct span method = buf_span(&in->head.method);
    struct span host = buf_span(&in->head.authority);
    struct span path = span_first(request_path(&in->head), LOGGED_PATH_MAX);
    struct request *request = malloc(sizeof *request + method.len + host.len + path.len + 3);
    if (!request)
        return NULL;
    *request = (struct request){.handler = handler, .connection = index};
    char *to = request->texts;
    request->method = keep(&to, method);
    request->host = keep(&to, host);
    request->path = keep(&to, path);
    return request;
}

static void begin(struct request *request)
{
    struct request_handler *handler = request->handler;
    request->asked_ms = loop_now_ms(handler->options.loop);
    list_put_last(&handler->requests, &request->link);
    tunnel_metrics_began(handler->options.metrics, request->kind);
}

static void start(struct request *request, struct inbound *in, struct opener *opener)
{
    struct request_handler *handler = request->handler;
    struct exchange *exchange =
        exchange_start(handler->options.loop, in, opener, NULL, &hooks, request);
    if (exchange)
        request->exchange = exchange;
    /* The origin has its own copy; thousands of requests may wait for their answers. */
    request_head_release(&in->head);
}

/* ---- Access ---- */

static void log_refusal(const struct request *request, enum access_finding finding,
                        const struct error *why)
{
    const struct log *log = loop_log(request->handler->options.loop);
    bool is_ours = access_finding_status(finding) != 403;
    log_event(log, is_ours ? LEVEL_WARN : LEVEL_INFO, "Refused a request that needs Access",
              LOG_TEXT("reason", access_finding_name(finding)), LOG_ERROR(why),
              LOG_INT("connIndex", request->connection), LOG_INT("ingressRule", request->rule),
              LOG_TEXT("originService", request->service), LOG_TEXT("method", request->method),
              LOG_TEXT("host", request->host), LOG_TEXT("path", request->path));
}

/* Nothing of it was served. `status` 0: its visitor left before there was an answer. `cause`: why
 * that is not the visitor's fault; NULL: it is. */
static void finish_unserved(struct request *request, int status, const char *cause)
{
    const struct request_outcome outcome = {
        .kind = request->kind,
        .rule = request->rule,
        .status = status,
        .complete = status != 0,
        .duration_ms = loop_now_ms(request->handler->options.loop) - request->asked_ms,
        .cause = cause,
    };
    finish(request, &outcome);
}

/* Answers in place of whoever would have served it. */
static void answer_unserved(struct request *request, struct inbound *in, int status,
                            const char *cause)
{
    in->body->unwanted = NULL; /* the request goes before its inbound */
    edge_answer_refuse(in, status, cause ? RESPONSE_FROM_CONNECTOR : RESPONSE_FROM_ORIGIN);
    finish_unserved(request, status, cause);
}

static void admit(struct request *request, struct inbound *in, enum access_finding finding,
                  const struct error *why)
{
    free(request->asking);
    request->asking = NULL;
    if (finding == ACCESS_VALID) {
        start(request, in, openers_at(request->version->openers, request->rule));
        return;
    }
    int status = access_finding_status(finding);
    log_refusal(request, finding, why);
    tunnel_metrics_access_refused(request->handler->options.metrics, request->rule,
                                  access_finding_name(finding));
    answer_unserved(request, in, status, status == 403 ? NULL : "access");
}

static void on_decided(struct access_pass *pass, struct inbound *in, enum access_finding finding,
                       const struct error *why)
{
    admit(CONTAINER_OF(pass, struct asking, pass)->request, in, finding, why);
}

static void on_left(struct access_pass *pass)
{
    finish_unserved(CONTAINER_OF(pass, struct asking, pass)->request, 0, NULL);
}

static enum access_finding judge(struct request *request, struct inbound *in,
                                 const struct access_requirement *access, struct error *why)
{
    static const struct access_pass_events events = {on_decided, on_left};
    request->asking = calloc(1, sizeof *request->asking);
    if (!request->asking) {
        error_memory(why);
        return ACCESS_NO_MEMORY;
    }
    request->asking->request = request;
    request->asking->pass.events = &events;
    return access_pass_ask(&request->asking->pass, request->handler->options.verifier, access, in,
                           why);
}

static void ask_for_admission(struct request *request, struct inbound *in)
{
    const struct access_requirement *access =
        &rules_at(request->version->rules, request->rule)->origin.access;
    struct error why = {0};
    enum access_finding finding = ACCESS_VALID;
    if (access->required)
        finding = judge(request, in, access, &why);
    if (finding != ACCESS_WAITS)
        admit(request, in, finding, &why);
}

/* ---- the way in and the end ---- */

/* The rule in front of all rules, as others number it: there is no management service to answer. */
static bool is_internal(const struct request_handler *handler, struct inbound *in, size_t index)
{
    char text[HOST_MAX];
    if (handler->own_host_len == 0)
        return false;
    struct span host = span_make(text, host_normalise(buf_span(&in->head.authority), text));
    if (!span_equal(host, span_make(handler->own_host, handler->own_host_len)))
        return false;
    log_info(loop_log(handler->options.loop), "Refused a request to the management host name",
             LOG_INT("connIndex", index), LOG_INT("ingressRule", -1));
    edge_answer_refuse(in, 404, RESPONSE_FROM_CONNECTOR);
    return true;
}

/* Each such request is worth a line, thousands are not. */
static void warn_of_none(struct request_handler *handler, const struct request *request)
{
    uint64_t now_ms = loop_now_ms(handler->options.loop);
    if (handler->warned_ms > 0 && now_ms - handler->warned_ms < UNAVAILABLE_WARN_MS) {
        handler->unwarned++;
        return;
    }
    log_warn(loop_log(handler->options.loop),
             "There are no ingress rules: a request is answered 503",
             LOG_INT("connIndex", request->connection), LOG_TEXT("host", request->host),
             LOG_TEXT("path", request->path), LOG_INT("othersSince", handler->unwarned));
    handler->warned_ms = now_ms;
    handler->unwarned = 0;
}

static void serve(struct request_handler *handler, struct inbound *in, size_t index)
{
    const struct log *log = loop_log(handler->options.loop);
    struct rules_verdict verdict;
    struct config_version *version = live_config_take(handler->options.config);
    const struct rules *rules = version->rules;
    struct request *request = request_new(handler, in, index);
    if (!request || !note_trailers(request, in)) {
        in->body->unwanted = NULL;
        request_free(request);
        config_version_drop(version);
        edge_answer_refuse(in, 502, RESPONSE_FROM_CONNECTOR);
        return;
    }
    request->kind = stream_kind_of(&in->head);
    if (request->kind == STREAM_WEBSOCKET) {
        in->head.is_websocket = true;
        in->head.length = LENGTH_UNKNOWN;
        in->head.wants_continue = false; /* what follows is no body */
    }
    stream_kind_strip(&in->head);
    if (!rules_match(rules, buf_span(&in->head.authority), buf_span(&in->head.target), &verdict)) {
        log_warn(log, "Refused a request", LOG_TEXT("error", verdict.why),
                 LOG_INT("connIndex", index), LOG_TEXT("host", request->host),
                 LOG_TEXT("path", request->path));
        config_version_drop(version);
        in->body->unwanted = NULL;
        request_free(request);
        edge_answer_refuse(in, verdict.status, RESPONSE_FROM_CONNECTOR);
        return;
    }
    request->version = version;
    request->rule = verdict.index;
    request->service = rules_at(rules, verdict.index)->service.text;
    if (rules_at(rules, verdict.index)->service.kind == SERVICE_STATUS)
        in->head.wants_continue = false; /* nobody will read the body */
    if (rules_are_unavailable(rules))
        warn_of_none(handler, request);
    begin(request);
    ask_for_admission(request, in);
}

/* ---- before the edge's first rules ---- */

static bool awaits_rules(const struct request_handler *handler)
{
    return handler->expects_rules && live_config_is_empty(handler->options.config);
}

static void serve_early(void *arg, struct inbound *in, size_t index)
{
    serve(arg, in, index);
}

void request_handler_expect_rules(struct request_handler *handler)
{
    handler->expects_rules = true;
}

void request_handler_rules_changed(struct request_handler *handler)
{
    if (!awaits_rules(handler))
        early_requests_end(&handler->early);
}

void request_handler_serve(struct request_handler *handler, struct inbound *in, size_t index)
{
    if (is_internal(handler, in, index))
        return;
    if (!awaits_rules(handler) || !early_requests_hold(&handler->early, in, index))
        serve(handler, in, index);
}

void request_handler_serve_flow(struct request_handler *handler, struct inbound *in, size_t index)
{
    struct request *request = request_new(handler, in, index);
    if (!request) {
        edge_answer_refuse(in, 502, RESPONSE_FROM_CONNECTOR);
        return;
    }
    request->kind = STREAM_TCP;
    in->head.wants_continue = false; /* what follows is no body */
    request->version = live_config_take(handler->options.config);
    request->rule = TUNNEL_METRICS_NO_RULE;
    request->service = "private network";
    begin(request);
    start(request, in, openers_private(request->version->openers));
}

void request_handler_cut(struct request_handler *handler, const struct error *why)
{
    struct inbound *early;
    while ((early = early_requests_take(&handler->early)))
        edge_answer_refuse(early, 502, RESPONSE_FROM_CONNECTOR);
    LIST_EACH_SAFE (it, after, &handler->requests) {
        struct request *request = CONTAINER_OF(it, struct request, link);
        struct inbound *waiting =
            request->asking ? access_pass_take_back(&request->asking->pass) : NULL;
        if (waiting) {
            answer_unserved(request, waiting, 502, error_name(why));
        } else if (request->exchange) {
            exchange_cut(request->exchange, why);
        }
    }
}
