/* Claims on their way:
 *
 *   CHECKING --the secret fits--> GRANTED --added--> TELLING --all know--> SERVING
 *   CHECKING --an older equal connection--> PROBING --it left--> GRANTED
 *   CHECKING, PROBING, GRANTED, TELLING --refused--> REFUSED
 *   any --leave--> LEAVING --all know--> over */
#include "culvert/edge/registrar.h"

#include "culvert/rpc/registration.h"

#include "claim.h"
#include "secret_check.h"

struct registrar {
    struct registrar_options options;
    struct directory *directory;
    struct list claims;
    bool closing;
};

enum {
    RETRY_FULL_MS = 30 * 1000,       /* a limit of connections or tunnels */
    RETRY_OVERLOADED_MS = 10 * 1000, /* too many wait for the store, or memory */
    RETRY_STORE_MS = 5 * 1000,       /* the store does not answer */
};

struct registrar *registrar_new(const struct registrar_options *options)
{
    struct registrar *registrar = calloc(1, sizeof *registrar);
    if (!registrar)
        return NULL;
    registrar->options = *options;
    list_init(&registrar->claims);
    registrar->directory = directory_new(options->location);
    if (registrar->directory)
        return registrar;
    free(registrar);
    return NULL;
}

void registrar_free(struct registrar *registrar)
{
    if (!registrar)
        return;
    assert(registrar->claims.count == 0);
    directory_free(registrar->directory);
    free(registrar);
}

size_t registrar_count(const struct registrar *registrar)
{
    return directory_count(registrar->directory);
}

struct doc *registrar_connectors(const struct registrar *registrar)
{
    return directory_connectors(registrar->directory);
}

void registrar_close(struct registrar *registrar)
{
    registrar->closing = true;
}

size_t registrar_claims(const struct registrar *registrar)
{
    return registrar->claims.count;
}

static struct registrar *registrar_of(const struct claim *claim)
{
    return claim->worker->team->registrar;
}

static const struct log *log_of(const struct registrar *registrar)
{
    return loop_log(registrar->options.loop);
}

static struct claim *claim_of(struct listed *listed)
{
    return CONTAINER_OF(listed, struct claim, listed);
}

/* ---- refusals ---- */

static void refuse(struct registrar *registrar, struct claim *claim, const char *cause,
                   uint64_t retry_after_ms)
{
    char ip[IP_TEXT_SIZE];
    char tunnel[UUID_TEXT_SIZE];
    claim->state = CLAIM_REFUSED;
    (void)snprintf(claim->cause, sizeof claim->cause, "%s", cause);
    claim->should_retry = !registration_cause_is_unauthorized(span_of(cause));
    claim->retry_after_ms = retry_after_ms;
    ip_format(&claim->listed.origin, ip);
    uuid_format(&claim->listed.tunnel_id, tunnel);
    log_warn(log_of(registrar), "Refused a registration", LOG_TEXT("error", cause),
             LOG_TEXT("ip", ip), LOG_TEXT("tunnelID", tunnel));
    registrar->options.on_registration(registrar->options.arg, &claim->listed, cause);
    claim_refuse(claim);
}

/* ---- who holds what ---- */

static void hear_presence(struct broadcast_part *part, struct edge_worker *worker)
{
    const struct claim *claim = CONTAINER_OF(part->all, struct claim, broadcast);
    broadcast_answer(part, worker,
                     presence_set(worker->presence, &claim->listed.tunnel_id, claim->worker->number,
                                  claim->held));
}

/* The tunnel has one connection more, or less, in the claim's worker. */
static bool count_presence(struct registrar *registrar, struct claim *claim, bool more)
{
    struct presence *presence = registrar->options.presence;
    size_t worker = claim->worker->number;
    size_t held = presence_count(presence, &claim->listed.tunnel_id, worker);
    assert(more || held > 0); /* only what was counted leaves */
    claim->held = more ? held + 1 : held - 1;
    return presence_set(presence, &claim->listed.tunnel_id, worker, claim->held);
}

static void part_with(struct registrar *registrar, struct claim *claim)
{
    list_remove(&registrar->claims, &claim->link);
    claim_left(claim);
}

static void told_of_leaving(struct broadcast *broadcast, bool ok)
{
    struct claim *claim = CONTAINER_OF(broadcast, struct claim, broadcast);
    (void)ok; /* taking away needs no memory */
    part_with(registrar_of(claim), claim);
}

/* Nobody is to send requests there any more. */
static void tell_leaving(struct registrar *registrar, struct claim *claim)
{
    bool tells = claim->told && !registrar->closing;
    claim->state = CLAIM_LEAVING;
    if (!tells || !count_presence(registrar, claim, false)) {
        part_with(registrar, claim);
        return;
    }
    broadcast_send(&claim->broadcast, hear_presence, told_of_leaving);
}

static void told_of_serving(struct broadcast *broadcast, bool ok)
{
    struct claim *claim = CONTAINER_OF(broadcast, struct claim, broadcast);
    struct registrar *registrar = registrar_of(claim);
    char ip[IP_TEXT_SIZE];
    char tunnel[UUID_TEXT_SIZE];
    if (claim->leaves) {
        tell_leaving(registrar, claim);
        return;
    }
    if (!ok) {
        refuse(registrar, claim, "the edge is overloaded", RETRY_OVERLOADED_MS);
        return;
    }
    claim->state = CLAIM_SERVING;
    const struct listed *listed = &claim->listed;
    ip_format(&listed->origin, ip);
    uuid_format(&listed->tunnel_id, tunnel);
    log_info(log_of(registrar), "Connector registered", LOG_INT("connIndex", listed->index),
             LOG_TEXT("ip", ip), LOG_TEXT("tunnelID", tunnel),
             LOG_TEXT("version", listed->version));
    registrar->options.on_registration(registrar->options.arg, listed, NULL);
    claim_serve(claim);
}

void registrar_on_added(struct registrar *registrar, struct claim *claim)
{
    if (!claim->was_added || !count_presence(registrar, claim, true)) {
        refuse(registrar, claim, "the edge is overloaded", RETRY_OVERLOADED_MS);
        return;
    }
    claim->state = CLAIM_TELLING;
    claim->told = true;
    broadcast_send(&claim->broadcast, hear_presence, told_of_serving);
}

/* ---- equal connections ---- */

static void grant(struct registrar *registrar, struct claim *claim)
{
    struct error err;
    claim->listed.connection_id = uuid_make();
    claim->listed.opened_ms = loop_unix_ms(registrar->options.loop);
    if (!directory_add(registrar->directory, &claim->listed, &err)) {
        refuse(registrar, claim, err.text, RETRY_FULL_MS);
        return;
    }
    claim->state = CLAIM_GRANTED;
    claim_grant(claim);
}

/* It is the connection of that name no more; who waited for its place gets it. */
static void take_out(struct registrar *registrar, struct claim *claim)
{
    struct claim *newer = claim->newer;
    directory_remove(registrar->directory, &claim->listed);
    if (claim->older)
        claim->older->newer = NULL;
    claim->older = NULL;
    claim->newer = NULL;
    if (!newer)
        return;
    newer->older = NULL;
    grant(registrar, newer);
}

static void probe(struct registrar *registrar, struct claim *claim, struct claim *older)
{
    if (older->newer) {
        refuse(registrar, claim, REGISTRATION_CAUSE_DUPLICATE, 0);
        return;
    }
    claim->state = CLAIM_PROBING;
    claim->older = older;
    older->newer = claim;
    if (older->probing)
        return;
    older->probing = true;
    claim_probe(older);
}

void registrar_on_alive(struct registrar *registrar, struct claim *claim)
{
    struct claim *newer = claim->newer;
    claim->probing = false;
    claim->newer = NULL;
    if (!newer)
        return;
    newer->older = NULL;
    refuse(registrar, newer, REGISTRATION_CAUSE_DUPLICATE, 0);
}

static void find_place(struct registrar *registrar, struct claim *claim)
{
    struct listed *same = directory_find(registrar->directory, &claim->listed);
    for (; same && claim->replaces; same = directory_find(registrar->directory, &claim->listed)) {
        take_out(registrar, claim_of(same));
        claim_drain(claim_of(same));
    }
    if (same)
        probe(registrar, claim, claim_of(same));
    else
        grant(registrar, claim);
}

/* ---- the secret ---- */

static void checked(void *arg, enum secret_verdict verdict, const struct error *why)
{
    struct claim *claim = arg;
    struct registrar *registrar = registrar_of(claim);
    claim->check = NULL;
    switch (verdict) {
    case SECRET_FITS:
        find_place(registrar, claim);
        break;
    case SECRET_WRONG:
        refuse(registrar, claim, REGISTRATION_CAUSE_UNAUTHORIZED ": unknown tunnel or wrong secret",
               0);
        break;
    case SECRET_UNKNOWN:
        log_error(log_of(registrar), "The store does not answer", LOG_ERROR(why));
        refuse(registrar, claim, "the edge cannot read its store", RETRY_STORE_MS);
        break;
    }
}

void registrar_on_ask(struct registrar *registrar, struct claim *claim)
{
    const struct registration_params params = {.account_tag = buf_span(&claim->account),
                                               .tunnel_secret = buf_span(&claim->secret),
                                               .tunnel_id = claim->listed.tunnel_id};
    list_put_last(&registrar->claims, &claim->link);
    claim->state = CLAIM_CHECKING;
    claim->check = secret_check_start(registrar->options.store_jobs, registrar->options.db, &params,
                                      checked, claim);
    buf_release(&claim->account);
    buf_wipe(&claim->secret);
    if (!claim->check)
        refuse(registrar, claim, "the edge is overloaded", RETRY_OVERLOADED_MS);
}

/* ---- the end ---- */

void registrar_on_leave(struct registrar *registrar, struct claim *claim)
{
    secret_check_forget(claim->check);
    claim->check = NULL;
    claim->leaves = true;
    bool telling = claim->state == CLAIM_TELLING && claim->broadcast.waiting > 0;
    take_out(registrar, claim);
    if (!telling)
        tell_leaving(registrar, claim);
}

/* Who waits for its place is no connection of a deleted tunnel either. */
static void drop(struct listed *listed)
{
    struct claim *claim = claim_of(listed);
    struct claim *newer = claim->newer;
    if (!claim->dropped)
        claim_drop(claim);
    claim->dropped = true;
    if (newer && !newer->dropped) {
        newer->dropped = true;
        claim_drop(newer);
    }
}

void registrar_drop(struct registrar *registrar, const struct uuid *tunnel_id,
                    const struct uuid *client_id)
{
    directory_each(registrar->directory, tunnel_id, client_id, drop);
}
