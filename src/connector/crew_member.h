/* One worker of the crew. Fields belong to one side, which is said; between the two go calls. */
#ifndef CULVERT_SRC_CONNECTOR_CREW_MEMBER_H
#define CULVERT_SRC_CONNECTOR_CREW_MEMBER_H

#include "culvert/connector/crew.h"
#include "culvert/connector/request_handler.h"
#include "culvert/net/jobs.h"

/* A call of the crew to a member, which comes back. */
struct member_call {
    struct worker_call call;
    struct crew_member *member;
    bool is_out;
    bool failed;
    struct error why; /* with `failed` */
};

struct crew_member {
    /* Written before the worker hears of it. */
    struct crew *crew;
    const struct crew_options *options;
    size_t number;
    struct worker *worker, *home;
    bool has_thread;
    /* The head's. */
    struct member_call set_up, cut, change, end;
    struct blueprint *changing; /* what the call carries; a reference */
    struct blueprint *next;     /* comes behind it; NULL: none */
    /* The worker's alone. */
    size_t end_turns;
    struct jobs *jobs;
    struct resolver *own_resolver; /* of a thread; NULL: the home's is used */
    struct budget budget;
    struct metrics *metrics;
    struct metric *channel_bytes;
    struct tunnel_metrics *tunnel_metrics;
    struct live_config *config;
    struct verifier *verifier;
    struct request_handler *requests;
    struct config_ear ear;
    struct ha_shared shared; /* for its HA connections */
    bool is_ready;
};

/* The member that serves `index`. */
struct crew_member *crew_member_for(struct crew *crew, size_t index);

/* The rest is called on the worker's loop. */

/* False: `err`; crew_member_release what was made. */
bool crew_member_set_up(struct crew_member *member, struct blueprint *blueprint,
                        struct error *err) MUST_CHECK;

/* New requests use `blueprint`. False: `err`, nothing changed. */
bool crew_member_change(struct crew_member *member, struct blueprint *blueprint,
                        struct error *err) MUST_CHECK;
void crew_member_cut(struct crew_member *member, const struct error *why);

/* In two steps with turns of the loop before, between and behind them; the second one when nothing
 * that the worker asked of the head is under way. */
void crew_member_release_requests(struct crew_member *member);
bool crew_member_is_idle(const struct crew_member *member);
void crew_member_release(struct crew_member *member);

const struct metrics *crew_member_figures(void *arg);

#endif
