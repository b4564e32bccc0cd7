/* A counted array with one place for each rule, and a list of the contexts in it. */
#include "culvert/origin/blueprint.h"

#include "culvert/base/refs.h"
#include "culvert/net/tls.h"
#include "culvert/origin/health_board.h"

#include <assert.h>
#include <stdlib.h>

/* One context for all rules that trust the same. */
struct trust {
    struct trust *next;
    const char *ca_pool; /* of a rule of the snapshot */
    bool no_verify;
    bool http2; /* it is offered */
    struct tls_context *context;
};

/* In which ways one rule is spoken to. */
struct ways {
    struct tls_context *http1, *http2; /* of `trusts`; NULL: not in that way */
    struct health_board *board;        /* NULL: no checks */
};

struct blueprint {
    struct refs refs;
    struct snapshot *snapshot;
    struct trust *trusts;
    size_t count;
    struct ways of_rule[];
};

static struct tls_context *trust_for(struct blueprint *blueprint,
                                     const struct origin_request *request, bool http2,
                                     struct error *err)
{
    for (struct trust *it = blueprint->trusts; it; it = it->next)
        if (it->no_verify == request->no_tls_verify && it->http2 == http2 &&
            strcmp(it->ca_pool, request->ca_pool) == 0)
            return it->context;
    struct tls_client_options options = {
        .system_roots = true,
        .ca_file = *request->ca_pool ? request->ca_pool : NULL,
        .no_verify = request->no_tls_verify,
        .http2_alpn = http2,
    };
    struct trust *trust = calloc(1, sizeof *trust);
    if (!trust) {
        (void)error_memory(err);
        return NULL;
    }
    trust->ca_pool = request->ca_pool;
    trust->no_verify = request->no_tls_verify;
    trust->http2 = http2;
    trust->context = tls_client_new(&options, err);
    if (!trust->context) {
        free(trust);
        return NULL;
    }
    trust->next = blueprint->trusts;
    blueprint->trusts = trust;
    return trust->context;
}

/* A caPool that cannot be read is a mistake even where it is not used. */
static bool fill_tls(struct blueprint *blueprint, size_t index, struct error *err)
{
    const struct rule *rule = rules_at(snapshot_rules(blueprint->snapshot), index);
    bool is_http = rule->service.kind == SERVICE_HTTP || rule->service.kind == SERVICE_UNIX;
    if (!is_http || (!rule->service.tls && !*rule->origin.ca_pool))
        return true;
    struct ways *ways = &blueprint->of_rule[index];
    struct tls_context *context = trust_for(blueprint, &rule->origin, false, err);
    if (!context)
        return error_wrap(err, "rule #%zu", index);
    if (!rule->service.tls)
        return true;
    ways->http1 = context;
    if (!rule->origin.http2_origin)
        return true;
    ways->http2 = trust_for(blueprint, &rule->origin, true, err);
    return ways->http2 ? true : error_wrap(err, "rule #%zu", index);
}

static bool has_checks(const struct rule *rule)
{
    return rule->origin.health_check.is_on &&
           (rule->service.kind == SERVICE_HTTP || rule->service.kind == SERVICE_TCP);
}

static bool fill(struct blueprint *blueprint, size_t index, struct error *err)
{
    const struct rule *rule = rules_at(snapshot_rules(blueprint->snapshot), index);
    if (has_checks(rule)) {
        blueprint->of_rule[index].board = health_board_new(1 + rule->origin.addresses.count);
        if (!blueprint->of_rule[index].board)
            return error_memory(err);
    }
    return fill_tls(blueprint, index, err);
}

struct blueprint *blueprint_new(struct snapshot *snapshot, struct error *err)
{
    size_t count = rules_count(snapshot_rules(snapshot));
    struct blueprint *blueprint = calloc(1, sizeof *blueprint + count * sizeof(struct ways));
    if (!blueprint) {
        (void)error_memory(err);
        return NULL;
    }
    refs_init(&blueprint->refs);
    blueprint->snapshot = snapshot_ref(snapshot);
    blueprint->count = count;
    for (size_t i = 0; i < count; i++) {
        if (fill(blueprint, i, err))
            continue;
        blueprint_unref(blueprint);
        return NULL;
    }
    return blueprint;
}

struct blueprint *blueprint_ref(struct blueprint *blueprint)
{
    refs_take(&blueprint->refs);
    return blueprint;
}

void blueprint_unref(struct blueprint *blueprint)
{
    if (!blueprint || !refs_drop(&blueprint->refs))
        return;
    while (blueprint->trusts) {
        struct trust *trust = blueprint->trusts;
        blueprint->trusts = trust->next;
        tls_context_unref(trust->context);
        free(trust);
    }
    for (size_t i = 0; i < blueprint->count; i++)
        health_board_free(blueprint->of_rule[i].board);
    snapshot_unref(blueprint->snapshot);
    free(blueprint);
}

struct snapshot *blueprint_snapshot(const struct blueprint *blueprint)
{
    return blueprint->snapshot;
}

struct tls_context *blueprint_tls(const struct blueprint *blueprint, size_t rule)
{
    assert(rule < rules_count(snapshot_rules(blueprint->snapshot)));
    return blueprint->of_rule[rule].http1;
}

struct tls_context *blueprint_tls_http2(const struct blueprint *blueprint, size_t rule)
{
    assert(rule < rules_count(snapshot_rules(blueprint->snapshot)));
    return blueprint->of_rule[rule].http2;
}

struct health_board *blueprint_board(const struct blueprint *blueprint, size_t rule)
{
    assert(rule < blueprint->count);
    return blueprint->of_rule[rule].board;
}
