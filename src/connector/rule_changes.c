/* A queue of pushes, one wish to read the file, and the one change that is under way;
 * docs/protocol.md, chapter 13. */
#include "culvert/connector/rule_changes.h"

#include "culvert/base/doc.h"

enum wish { WISH_NONE, WISH_IF_CHANGED, WISH_READ };

/* On a thread of the jobs: files may lie on a slow disk, and roots take long to parse. Owns all
 * that it needs, so that it may outlive who asked for it. */
struct change {
    struct job job;
    struct rule_changes *changes; /* NULL: nobody asks any more */
    struct config_push *push;     /* NULL: the file is read */
    struct buf body;              /* of the push */
    read_rules_fn *read_rules;
    void *read_rules_arg;
    bool only_if_changed;
    int32_t current; /* version in force */
    /* The result. */
    bool is_garbled;
    bool is_stale; /* an old version, or a file that did not change */
    int32_t version;
    struct blueprint *blueprint; /* NULL: stale, or `why` */
    struct error why;
};

struct rule_changes {
    struct rule_changes_options options;
    struct blueprint *current;
    struct change *under_way;
    struct list pushes; /* that wait */
    enum wish wish;
    bool stopped;
    struct metric *version;
    struct metric_family *reloads;
};

static const struct metric_desc version_desc = {
    .name = "cloudflared_orchestration_config_version",
    .help = "Configuration Version",
    .kind = METRIC_GAUGE,
};

static const struct metric_desc reloads_desc = {
    .name = "culvert_config_reload_total",
    .help = "Changes of the ingress rules, by what came of them",
    .kind = METRIC_COUNTER,
    .labels = {"result"},
};

static int32_t version_of(const struct rule_changes *changes)
{
    return snapshot_version(blueprint_snapshot(changes->current));
}

static const struct log *log_of(const struct rule_changes *changes)
{
    return loop_log(changes->options.loop);
}

static void count(const struct rule_changes *changes, const char *result)
{
    const struct span value = span_of(result);
    metric_add(metric_with(changes->reloads, &value), 1);
}

/* ---- on a thread ---- */

/* The version of the body, 0 if it has none; false: the body is no push. */
static bool read_version(const struct doc *root, int32_t *version)
{
    const struct doc *value = doc_get_nocase(root, "version");
    int64_t number = 0;
    if (doc_kind(root) != DOC_OBJECT ||
        (doc_kind(value) != DOC_NULL && !doc_as_int(value, &number)))
        return false;
    if (number < INT32_MIN || number > INT32_MAX)
        return false;
    *version = (int32_t)number;
    return true;
}

/* A configuration without rules is one that answers 503. */
static struct snapshot *judge(const struct doc *config, int32_t version, struct error *err)
{
    struct snapshot *snapshot = NULL;
    struct ingress_spec *spec = ingress_spec_read(value_of_doc(config), NULL, err);
    if (!spec)
        return NULL;
    struct rules *rules =
        spec->count > 0 ? rules_new(spec, NULL, err) : rules_new_unavailable(NULL, err);
    if (rules)
        snapshot = snapshot_new(rules, &spec->warp, version, err);
    ingress_spec_free(spec);
    return snapshot;
}

static struct snapshot *read_push(struct change *change)
{
    struct snapshot *snapshot = NULL;
    struct doc *root = doc_parse_last(buf_span(&change->body), &change->why);
    const struct doc *config = doc_get_nocase(root, "config");
    change->is_garbled = !root || !read_version(root, &change->version);
    change->is_stale = !change->is_garbled && change->version <= change->current;
    if (change->is_garbled || change->is_stale)
        change->why = (struct error){0};
    else if (config)
        snapshot = judge(config, change->version, &change->why);
    else
        error_set(&change->why, ERROR_INVALID, 0, "the push has no \"config\"");
    doc_free(root);
    return snapshot;
}

static void run(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct snapshot *snapshot = NULL;
    if (change->push)
        snapshot = read_push(change);
    else if (change->read_rules(change->read_rules_arg, change->only_if_changed, &snapshot,
                                &change->why))
        change->is_stale = !snapshot;
    if (snapshot)
        change->blueprint = blueprint_new(snapshot, &change->why);
    snapshot_unref(snapshot);
}

/* ---- the outcome ---- */

bool rule_changes_apply(struct rule_changes *changes, struct blueprint *blueprint,
                        struct error *err)
{
    if (!crew_reload(changes->options.crew, blueprint, err))
        return false;
    blueprint_unref(changes->current);
    changes->current = blueprint_ref(blueprint);
    int32_t version = version_of(changes);
    metric_set(changes->version, version > 0 ? version : 0);
    changes->options.on_applied(changes->options.arg,
                                snapshot_rules(rule_changes_current(changes)));
    return true;
}

static void tell_read(const struct rule_changes *changes, const struct change *change, bool ok)
{
    if (ok)
        log_info(log_of(changes), "The ingress rules were read again: new requests use them",
                 LOG_INT("rules", rules_count(snapshot_rules(rule_changes_current(changes)))));
    else if (!change->is_stale)
        log_error(log_of(changes), "The ingress rules were not changed", LOG_ERROR(&change->why));
}

static void tell_push(const struct rule_changes *changes, const struct change *change, bool ok)
{
    const struct log *log = log_of(changes);
    if (ok)
        log_info(log, "Updated to new configuration", LOG_INT("version", change->version),
                 LOG_INT("rules", rules_count(snapshot_rules(rule_changes_current(changes)))));
    else if (change->is_garbled)
        log_error(log, "A pushed configuration cannot be read");
    else if (change->is_stale)
        log_debug(log, "A pushed configuration is not newer than the one in force",
                  LOG_INT("received_version", change->version),
                  LOG_INT("current_version", change->current));
    else
        log_error(log, "A pushed configuration was refused", LOG_ERROR(&change->why),
                  LOG_INT("version", change->version));
}

static void answer_push(const struct rule_changes *changes, struct change *change)
{
    struct config_push *push = change->push;
    push->is_garbled = change->is_garbled;
    push->version = version_of(changes);
    push->why = change->why;
    change->push = NULL;
    config_push_return(push);
}

static void change_free(struct change *change)
{
    blueprint_unref(change->blueprint);
    buf_release(&change->body);
    free(change);
}

static void start_next(struct rule_changes *changes);

static void done(struct job *job, bool cancelled)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct rule_changes *changes = change->changes;
    if (!changes) { /* stopped meanwhile */
        change_free(change);
        return;
    }
    changes->under_way = NULL;
    if (cancelled)
        error_set(&change->why, ERROR_SYSTEM, 0, "the connector stops");
    bool ok = !cancelled && change->blueprint &&
              rule_changes_apply(changes, change->blueprint, &change->why);
    if (!change->is_stale)
        count(changes, ok ? "applied" : "refused");
    if (change->push) {
        tell_push(changes, change, ok);
        answer_push(changes, change);
    } else {
        tell_read(changes, change, ok);
    }
    change_free(change);
    start_next(changes);
}

/* ---- the queue ---- */

static void give_up(struct rule_changes *changes, struct config_push *push)
{
    static const char words[] = "there is no memory or no thread to read them";
    if (!push) {
        log_error(log_of(changes), "The ingress rules were not changed", LOG_TEXT("error", words));
        return;
    }
    error_set(&push->why, ERROR_SYSTEM, 0, "%s", words);
    push->version = version_of(changes);
    config_push_return(push);
}

/* A push, or without one the file. */
static void start(struct rule_changes *changes, struct config_push *push, bool only_if_changed)
{
    const struct rule_changes_options *options = &changes->options;
    struct change *change = calloc(1, sizeof *change);
    if (!change) {
        give_up(changes, push);
        return;
    }
    *change = (struct change){
        .job = {.run = run, .done = done},
        .changes = changes,
        .push = push,
        .read_rules = options->read_rules,
        .read_rules_arg = options->read_rules_arg,
        .only_if_changed = only_if_changed,
        .current = version_of(changes),
    };
    if (push) {
        change->body = push->body;
        push->body = (struct buf){0};
    }
    changes->under_way = change;
    if (!options->jobs) {
        run(&change->job);
        done(&change->job, false);
    } else if (!jobs_post(options->jobs, &change->job)) {
        changes->under_way = NULL;
        change_free(change);
        give_up(changes, push);
    }
}

/* The edge's rules stay: who pushed them believes that they are in force. */
static bool is_file_ours(const struct rule_changes *changes)
{
    if (version_of(changes) == SNAPSHOT_LOCAL)
        return true;
    log_info(log_of(changes), "The file's ingress rules are not used: the edge manages them",
             LOG_INT("version", version_of(changes)));
    return false;
}

static void start_next(struct rule_changes *changes)
{
    while (!changes->under_way && !changes->stopped) {
        struct link *first = list_first(&changes->pushes);
        enum wish wish = changes->wish;
        if (first) {
            list_remove(&changes->pushes, first);
            start(changes, CONTAINER_OF(first, struct config_push, link), false);
        } else if (wish != WISH_NONE) {
            changes->wish = WISH_NONE;
            if (is_file_ours(changes))
                start(changes, NULL, wish == WISH_IF_CHANGED);
        } else {
            return;
        }
    }
}

void rule_changes_read(struct rule_changes *changes, bool only_if_changed)
{
    enum wish wish = only_if_changed ? WISH_IF_CHANGED : WISH_READ;
    if (!changes->options.read_rules) {
        log_info(log_of(changes), "Nothing is read again: there is no configuration file");
        return;
    }
    if (wish > changes->wish)
        changes->wish = wish;
    start_next(changes);
}

static void refuse(struct rule_changes *changes, struct config_push *push)
{
    error_set(&push->why, ERROR_SYSTEM, 0, "the connector stops");
    push->version = version_of(changes);
    config_push_return(push);
}

void rule_changes_push(struct rule_changes *changes, struct config_push *push)
{
    if (changes->stopped) {
        refuse(changes, push);
        return;
    }
    list_put_last(&changes->pushes, &push->link);
    start_next(changes);
}

/* ---- life ---- */

struct rule_changes *rule_changes_new(const struct rule_changes_options *options, struct error *err)
{
    struct rule_changes *changes = calloc(1, sizeof *changes);
    if (!changes) {
        error_memory(err);
        return NULL;
    }
    changes->options = *options;
    changes->current = blueprint_ref(options->blueprint);
    list_init(&changes->pushes);
    changes->version = metrics_single(options->metrics, &version_desc);
    changes->reloads = metrics_family(options->metrics, &reloads_desc);
    return changes;
}

const struct snapshot *rule_changes_current(const struct rule_changes *changes)
{
    return blueprint_snapshot(changes->current);
}

void rule_changes_stop(struct rule_changes *changes)
{
    struct change *change = changes->under_way;
    changes->stopped = true;
    changes->under_way = NULL;
    if (change) {
        change->changes = NULL;
        if (change->push)
            refuse(changes, change->push);
        jobs_cancel(changes->options.jobs, &change->job);
    }
    LIST_EACH_SAFE (it, after, &changes->pushes) {
        list_remove(&changes->pushes, it);
        refuse(changes, CONTAINER_OF(it, struct config_push, link));
    }
}

void rule_changes_free(struct rule_changes *changes)
{
    if (!changes)
        return;
    blueprint_unref(changes->current);
    free(changes);
}
