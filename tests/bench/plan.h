/* What the load generator is to do: its command line. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "processes.h"

#include "culvert/base/ip.h"

enum { PLAN_PROCESSES_MAX = 8 };

struct plan {
    struct ip_address to;
    struct ip_address from; /* len 0: the system chooses */
    bool tls, http2;
    bool fresh;          /* a new connection for each request */
    char host[256];      /* for SNI and the check of the certificate */
    char authority[272]; /* host and port as the request says them */
    const char *target;  /* path and query, of argv */
    const char *ca_file; /* NULL: any certificate is taken */
    bool posts;
    uint64_t body;  /* bytes that each request sends */
    int64_t expect; /* bytes that each answer must have; < 0: any number */
    size_t connections;
    size_t streams;              /* requests in flight on each connection */
    uint64_t requests;           /* 0: as many as the time takes */
    uint64_t warm_up_ms, run_ms; /* run_ms 0: until all requests are done */
    struct process processes[PLAN_PROCESSES_MAX];
    size_t process_count;
};

extern const char plan_usage[];

/* False: `err` says which word is wrong. */
bool plan_parse(struct plan *plan, int argc, char **argv, struct error *err) MUST_CHECK;

#endif
