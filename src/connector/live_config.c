/* Versions are counted by hand: they never leave their loop. */
#include "culvert/connector/live_config.h"

struct live_config {
    struct loop *loop;
    struct resolver *resolver;
    struct openers_options options;
    struct config_version *current;
};

static struct config_version *version_new(struct live_config *config, struct blueprint *blueprint,
                                          struct error *err)
{
    struct config_version *version = calloc(1, sizeof *version);
    if (!version) {
        error_memory(err);
        return NULL;
    }
    version->openers =
        openers_new(config->loop, config->resolver, blueprint, &config->options, err);
    if (!version->openers) {
        free(version);
        return NULL;
    }
    version->loop = config->loop;
    version->blueprint = blueprint_ref(blueprint);
    version->rules = snapshot_rules(blueprint_snapshot(blueprint));
    version->users = 1;
    return version;
}

struct live_config *live_config_new(struct loop *loop, struct resolver *resolver,
                                    const struct openers_options *options,
                                    struct blueprint *blueprint, struct error *err)
{
    struct live_config *config = calloc(1, sizeof *config);
    if (!config) {
        error_memory(err);
        return NULL;
    }
    config->loop = loop;
    config->resolver = resolver;
    config->options = *options;
    config->current = version_new(config, blueprint, err);
    if (!config->current) {
        free(config);
        return NULL;
    }
    return config;
}

bool live_config_change(struct live_config *config, struct blueprint *blueprint, struct error *err)
{
    struct config_version *next = version_new(config, blueprint, err);
    if (!next)
        return false;
    config_version_drop(config->current);
    config->current = next;
    return true;
}

bool live_config_is_empty(const struct live_config *config)
{
    const struct config_version *current = config->current;
    return rules_are_unavailable(current->rules) &&
           snapshot_version(blueprint_snapshot(current->blueprint)) == SNAPSHOT_LOCAL;
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

static void destroy(void *object)
{
    struct config_version *version = object;
    openers_free(version->openers);
    blueprint_unref(version->blueprint);
    free(version);
}

/* The last request may still be on its way out of an opener of this version. */
void config_version_drop(struct config_version *version)
{
    if (--version->users == 0)
        loop_reap(version->loop, &version->reap, destroy, version);
}
