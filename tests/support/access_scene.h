/* A connector with rules that require Access, between a fake edge, a fake origin at 127.0.0.1:3000
 * and :28000, and a fake issuer, on a turned clock. */
#ifndef CULVERT_TESTS_SUPPORT_ACCESS_SCENE_H
#define CULVERT_TESTS_SUPPORT_ACCESS_SCENE_H

#include "support/fake_issuer.h"
#include "support/lone_connector.h"
#include "support/token_mint.h"

struct access_scene {
    struct lone_connector lone;
    struct fake_issuer issuer;
    size_t workers; /* 0: one */
};

/* Prepares all but the connector; change what is to be changed. */
void access_scene_open(struct access_scene *scene, const char *yaml);
void access_scene_start(struct access_scene *scene);

/* Other rules from now on. */
void access_scene_reload(struct access_scene *scene, const char *yaml);

/* Seconds since 1970. */
int64_t access_scene_now(const struct access_scene *scene);

/* A token of the team "lab" for the audience "aud1" that holds for ten minutes, signed by `key`
 * under the name `key_id`. Appends. */
void access_scene_token(const struct access_scene *scene, const char *key, const char *key_id,
                        struct buf *out);

/* A GET for `host` with that token (NULL: none). */
void access_scene_ask(struct access_scene *scene, struct ask *ask, const char *host,
                      const char *token);
/* Over another HA connection than the first. */
void access_scene_ask_over(struct access_scene *scene, struct ask *ask, size_t connection);

/* What a series of the connector says; 0 when there is none. */
double access_scene_metric(struct access_scene *scene, const char *series);

void access_scene_close(struct access_scene *scene);

#endif
