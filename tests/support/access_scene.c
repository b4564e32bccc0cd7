/* See the header. */
#include "support/access_scene.h"

#include "support/ends.h"
#include "support/must.h"

#include <unistd.h>

void access_scene_open(struct access_scene *scene, const char *yaml)
{
    static const struct fake_script ok = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")}}};
    struct lone_connector *lone = &scene->lone;
    memset(scene, 0, sizeof *scene);
    lone_connector_open(lone);
    fake_issuer_init(&scene->issuer, lone->loop);
    fake_origin_follow(&lone->origin, &ok, 1);
    memory_sockets_serve(&lone->memory, "127.0.0.1:28000", fake_origin_accept, &lone->origin);
    snapshot_unref(lone->snapshot);
    lone->snapshot = ends_rules(yaml);
    lone->options.snapshot = lone->snapshot;
    lone->options.connections = 1;
    lone->key_fetcher = &scene->issuer.fetcher;
}

void access_scene_start(struct access_scene *scene)
{
    struct lone_connector *lone = &scene->lone;
    lone->options.workers = scene->workers;
    lone_connector_start(lone);
    lone_connector_pass(lone, 2000);
    must(fake_edge_registered(&lone->edge) == lone->options.connections);
}

void access_scene_reload(struct access_scene *scene, const char *yaml)
{
    struct error err;
    struct snapshot *snapshot = ends_rules(yaml);
    struct blueprint *blueprint = blueprint_new(snapshot, &err);
    must(blueprint && connector_reload(scene->lone.connector, blueprint, &err));
    blueprint_unref(blueprint);
    snapshot_unref(snapshot);
}

int64_t access_scene_now(const struct access_scene *scene)
{
    return scene->lone.clock.calendar_ms / 1000;
}

void access_scene_token(const struct access_scene *scene, const char *key, const char *key_id,
                        struct buf *out)
{
    char header[96];
    char claims[160];
    (void)snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", key_id);
    (void)snprintf(claims, sizeof claims,
                   "{\"iss\":\"https://lab.cloudflareaccess.com\",\"aud\":[\"aud1\"],\"exp\":%lld}",
                   (long long)access_scene_now(scene) + 600);
    token_mint(span_of(header), span_of(claims), key, out);
}

void access_scene_ask_over(struct access_scene *scene, struct ask *ask, size_t connection)
{
    must(ask_send(ask, &scene->lone.edge.connections[connection].opener) &&
         settle(scene->lone.loop));
}

void access_scene_ask(struct access_scene *scene, struct ask *ask, const char *host,
                      const char *token)
{
    ask_init(ask, "GET", "/");
    buf_clear(&ask->head.authority);
    must(buf_put_span(&ask->head.authority, span_of(host)));
    if (token)
        ask_field(ask, "cf-access-jwt-assertion", token);
    access_scene_ask_over(scene, ask, 0);
}

double access_scene_metric(struct access_scene *scene, const char *series)
{
    static const char request[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static char text[256 * 1024];
    char line[160];
    size_t len = 0;
    ssize_t got;
    int fd = memory_sockets_dial(&scene->lone.memory, "127.0.0.1:20241");
    must(fd != -1 && write(fd, request, sizeof request - 1) == (ssize_t)(sizeof request - 1));
    do {
        must(settle(scene->lone.loop));
        while ((got = read(fd, text + len, sizeof text - 1 - len)) > 0)
            len += (size_t)got;
    } while (got != 0);
    (void)close(fd);
    text[len] = '\0';
    (void)snprintf(line, sizeof line, "\n%s ", series);
    const char *found = strstr(text, line);
    return found ? strtod(found + strlen(line), NULL) : 0;
}

void access_scene_close(struct access_scene *scene)
{
    lone_connector_close(&scene->lone);
}
