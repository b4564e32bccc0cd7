/* Several workers of an edge on one turned loop, with hops between them and connectors behind them,
 * which are desks. A request is an ask to the tunnel from one of the workers. */
#ifndef CULVERT_TESTS_SUPPORT_HOP_SCENE_H
#define CULVERT_TESTS_SUPPORT_HOP_SCENE_H

#include "culvert/edge/hop_opener.h"
#include "culvert/edge/tunnel_opener.h"
#include "support/ask.h"
#include "support/desk.h"
#include "support/turned_loop.h"

enum { HOP_WORKERS = 3 };

struct hop_scene;

struct hop_worker {
    struct hop_scene *scene;
    struct edge_worker edge;
    struct metric *sessions, *streams;
    struct desk own; /* requests to the edge itself that came to it over a hop */
    struct visitor own_visitor;
};

/* A connection of the tunnel, and the connector at its far end. */
struct hop_connector {
    struct hop_worker *at;
    struct registered entry;
    struct h2_session *near, *far; /* NULL: lost */
    struct desk desk;
};

struct hop_scene {
    struct turned_loop turned;
    struct metrics *metrics;
    struct uuid tunnel_id;
    struct edge_team team;
    struct hop_worker workers[HOP_WORKERS];
};

void hop_scene_begin(struct hop_scene *scene);
/* Closes the hops of all; asks and connectors are closed before. */
void hop_scene_end(struct hop_scene *scene);
void hop_scene_settle(struct hop_scene *scene);

/* All believe that this worker holds a connection of the tunnel. */
void hop_scene_believe(struct hop_scene *scene, size_t worker);

/* A connection of the tunnel at the worker with that index. */
void hop_connector_open(struct hop_connector *connector, struct hop_scene *scene, size_t index);
/* The connection is lost, as if the connector had died. */
void hop_connector_die(struct hop_connector *connector);
void hop_connector_close(struct hop_connector *connector);
/* The last request that came; NULL: none. */
struct desk_request *hop_connector_last(struct hop_connector *connector);

/* A request at a worker. */
struct hop_ask {
    struct ask ask;
    struct tunnel_opener opener;
};

void hop_ask_init(struct hop_ask *ask, const char *method);
/* Sends it from the worker with that index and settles. False: it was refused at once. */
bool hop_ask_send(struct hop_ask *ask, struct hop_scene *scene, size_t index);

/* Breaks the hop that was opened last. */
void hop_scene_break(struct hop_scene *scene);

#endif
