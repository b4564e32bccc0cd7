/* Where each kind goes; the way there and the bytes are byte_outbound's. */
#include "culvert/origin/tcp_origin.h"

#include "byte_outbound.h"
#include "culvert/base/random.h"
#include "culvert/net/resolver.h"
#include "culvert/origin/jump.h"

#include <assert.h>
#include <stdlib.h>

struct tcp_origin {
    struct opener opener;
    struct tcp_origin_options options; /* texts are ours */
    char *name, *host;
    struct ip_policy *policy;
    struct origin_line *line;
    struct byte_route route;
    struct ip_address dns_address; /* TCP_ORIGIN_DNS */
    size_t open;                   /* outbounds that were not closed */
};

static void closed(void *arg)
{
    struct tcp_origin *origin = arg;
    origin->open--;
    if (origin->options.flows)
        flows_give(origin->options.flows);
}

static struct outbound *go(struct tcp_origin *origin, const struct byte_request *request,
                           const char *host, uint16_t port, struct error *err)
{
    struct flows *flows = origin->options.flows;
    if (flows && !flows_take(flows, origin->options.flows_max, err))
        return NULL;
    struct outbound *out = byte_outbound_open(&origin->route, request, host, port, err);
    if (out)
        origin->open++;
    else if (flows)
        flows_give(flows);
    return out;
}

/* ---- where to ---- */

static struct outbound *go_fixed(struct tcp_origin *origin, const struct byte_request *request,
                                 struct error *err)
{
    if (origin->options.port == 0) {
        error_set(err, ERROR_INVALID, 0, "the service has no port");
        return NULL;
    }
    return go(origin, request, origin->host, origin->options.port, err);
}

static struct outbound *go_to(struct tcp_origin *origin, const struct byte_request *request,
                              struct span host, uint16_t port, struct error *err)
{
    char name[RESOLVER_NAME_MAX];
    if (host.len >= sizeof name || span_find(host, '\0') < host.len) {
        error_set(err, ERROR_INVALID, 0, "the name of the destination is too long, or none");
        return NULL;
    }
    span_copy(host, name, sizeof name);
    return go(origin, request, name, port, err);
}

static struct outbound *go_where_it_jumps(struct tcp_origin *origin,
                                          const struct byte_request *request, struct error *err)
{
    struct span value = SPAN_NONE;
    struct span host;
    uint16_t port;
    (void)headers_find(&request->head->fields, SPAN(JUMP_FIELD), &value);
    if (!jump_parse(value, &host, &port, err))
        return NULL;
    return go_to(origin, request, host, port, err);
}

static struct outbound *go_to_dns(struct tcp_origin *origin, const struct byte_request *request,
                                  struct error *err)
{
    const struct tcp_origin_options *options = &origin->options;
    char number[IP_TEXT_SIZE];
    if (options->dns_count == 0)
        return go(origin, request, RESOLVER_NAME_SERVERS, ip_port(&origin->dns_address), err);
    const struct ip_address *server = &options->dns[random_below(options->dns_count)];
    ip_format_bare(server, number);
    return go(origin, request, number, ip_port(server), err);
}

/* A number and a port: names of the private network are not ours to look up. */
static struct outbound *go_to_authority(struct tcp_origin *origin,
                                        const struct byte_request *request, struct error *err)
{
    struct span authority = buf_span(&request->head->authority);
    struct ip_address address;
    char number[IP_TEXT_SIZE];
    if (!ip_parse_with_port(authority, &address) || ip_port(&address) == 0) {
        error_set(err, ERROR_INVALID, 0, "the destination \"%.*s\" is no address and port",
                  SPAN_ARG(span_first(authority, IP_TEXT_SIZE)));
        return NULL;
    }
    if (ip_equal(&address, &origin->dns_address))
        return go_to_dns(origin, request, err);
    ip_format_bare(&address, number);
    return go(origin, request, number, ip_port(&address), err);
}

static struct outbound *origin_open(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    struct tcp_origin *origin = CONTAINER_OF(opener, struct tcp_origin, opener);
    const struct byte_request request = {head, body, events, arg};
    struct outbound *out = NULL;
    switch (origin->options.kind) {
    case TCP_ORIGIN_FIXED:
        out = go_fixed(origin, &request, err);
        break;
    case TCP_ORIGIN_BASTION:
        out = go_where_it_jumps(origin, &request, err);
        break;
    case TCP_ORIGIN_SOCKS:
        out = go(origin, &request, NULL, 0, err);
        break;
    case TCP_ORIGIN_PRIVATE:
        out = go_to_authority(origin, &request, err);
        break;
    }
    if (!out)
        error_wrap(err, "%s", origin->name);
    return out;
}

/* ---- the origin itself ---- */

static bool fill(struct tcp_origin *origin, struct error *err)
{
    struct tcp_origin_options *options = &origin->options;
    bool is_socks = options->kind == TCP_ORIGIN_SOCKS;
    origin->name = span_dup(span_of(options->name));
    origin->host = span_dup(span_of(options->host));
    if (!origin->name || !origin->host)
        return error_memory(err);
    if (is_socks || options->rule_count > 0) {
        origin->policy = ip_policy_new(options->rules, options->rule_count, err);
        if (!origin->policy)
            return false;
    }
    if (!ip_parse_with_port(SPAN(TCP_ORIGIN_DNS), &origin->dns_address))
        return error_set(err, ERROR_SYSTEM, 0, "the address of the DNS");
    options->name = origin->name;
    options->host = origin->host;
    options->rules = NULL;
    options->greets = options->greets || is_socks;
    return true;
}

struct tcp_origin *tcp_origin_new(struct loop *loop, const struct tcp_origin_options *options,
                                  struct error *err)
{
    static const struct opener_ops ops = {origin_open};
    struct tcp_origin *origin = calloc(1, sizeof *origin);
    if (!origin) {
        error_memory(err);
        return NULL;
    }
    origin->opener.ops = &ops;
    origin->options = *options;
    const struct origin_line_options line = {
        .wait_ms = options->connect_ms,
        .dials_max = options->kind == TCP_ORIGIN_FIXED ? ORIGIN_DIALS_MAX : TCP_ORIGIN_DIALS_MAX,
    };
    origin->line = origin_line_new(loop, &line, err);
    if (!origin->line || !fill(origin, err)) {
        tcp_origin_free(origin);
        return NULL;
    }
    origin->route = (struct byte_route){
        .loop = loop,
        .options = &origin->options,
        .line = origin->line,
        .policy = origin->policy,
        .closed = closed,
        .arg = origin,
    };
    return origin;
}

struct opener *tcp_origin_opener(struct tcp_origin *origin)
{
    return &origin->opener;
}

void tcp_origin_free(struct tcp_origin *origin)
{
    if (!origin)
        return;
    assert(origin->open == 0);
    origin_line_free(origin->line);
    ip_policy_free(origin->policy);
    free(origin->name);
    free(origin->host);
    free(origin);
}
