/* Versions are counted by hand: they never leave their loop. */
#include "culvert/connector/live_config.h"

struct live_config {
    struct config_version *current;
};

struct live_config *live_config_new(struct loop *loop, struct resolver *resolver,
                                    const struct openers_options *options,
                                    struct snapshot *snapshot, struct error *err)
{
    if (!rules_are_enforceable(snapshot_rules(snapshot), err))
        return NULL;
    struct live_config *config = calloc(1, sizeof *config);
    struct config_version *version = calloc(1, sizeof *version);
    if (!config || !version) {
        free(config);
        free(version);
        error_memory(err);
        return NULL;
    }
    version->openers = openers_new(loop, resolver, snapshot, options, err);
    if (!version->openers) {
        free(config);
        free(version);
        return NULL;
    }
    version->snapshot = snapshot_ref(snapshot);
    version->users = 1;
    config->current = version;
    return config;
}

void live_config_free(struct live_config *config)
{
    if (!config)
        return;
    config_version_drop(config->current);
    free(config);
}

struct config_version *live_config_take(struct live_config *config)
{
    config->current->users++;
    return config->current;
}

void config_version_drop(struct config_version *version)
{
    if (--version->users > 0)
        return;
    openers_free(version->openers);
    snapshot_unref(version->snapshot);
    free(version);
}
