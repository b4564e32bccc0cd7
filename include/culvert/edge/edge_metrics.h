/* The series of an edge. */
#ifndef CULVERT_EDGE_EDGE_METRICS_H
#define CULVERT_EDGE_EDGE_METRICS_H

#include "culvert/http/abuse.h"
#include "culvert/observe/metrics.h"

struct edge_metrics {
    struct metric_family *requests;
    struct metric_family *registrations;
    struct metric_family *abuse;
    struct metric_family *handovers;
    struct metric *shut_out;
    struct metric *bytes_in, *bytes_out;
    struct metric *connections, *visitors, *open_requests, *channel_bytes;
};

void edge_metrics_init(struct edge_metrics *figures, struct metrics *metrics);

/* A request ended; `status` 0: nothing was answered. */
void edge_metrics_request(struct edge_metrics *figures, int status, uint64_t bytes_in,
                          uint64_t bytes_out);
void edge_metrics_registration(struct edge_metrics *figures, bool accepted);
/* A visitor ran into a limit. */
void edge_metrics_abuse(struct edge_metrics *figures, enum abuse abuse);
/* A connection was closed at accept. */
void edge_metrics_shut_out(struct edge_metrics *figures);

/* A visitor's connection was given to a worker, for this reason. */
void edge_metrics_handover(struct edge_metrics *figures, const char *reason);

/* The series of one worker's hops. */
void edge_metrics_hops(struct metrics *metrics, size_t worker, struct metric **streams,
                       struct metric **sessions);

/* What is read at each scrape: of a worker, and of the head. */
void edge_metrics_worker(struct edge_metrics *figures, size_t open_requests, size_t channel_bytes);
void edge_metrics_connections(struct edge_metrics *figures, size_t connections, size_t visitors);

#endif
