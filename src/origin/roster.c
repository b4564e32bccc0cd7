/* An address:
 *
 *   WELL --ROSTER_FAILURES_MAX failures in a row--> ASIDE
 *   ASIDE --its time is over, pick: the trial works--> WELL
 *         --the trial fails--> ASIDE, for longer
 *         --the checks find it well again--> WELL
 *
 * What was begun before an address was put aside says nothing about it any more. */
#include "culvert/origin/roster.h"

#include "culvert/base/backoff.h"

#include <assert.h>
#include <stdlib.h>

struct member {
    size_t in_hand;
    unsigned failures; /* in a row */
    unsigned round;    /* times it was put aside */
    unsigned mark;     /* of the board, when it was seen last */
    bool is_aside;
    bool on_trial; /* a request is finding out */
    uint64_t until_ms;
    struct backoff backoff;
};

struct roster {
    const struct health_board *board;
    size_t count;
    size_t aside;
    size_t next; /* who is looked at first */
    struct member members[];
};

struct roster *roster_new(size_t count, const struct health_board *board, struct error *err)
{
    assert(count > 0);
    struct roster *roster = calloc(1, sizeof *roster + count * sizeof roster->members[0]);
    if (!roster) {
        error_memory(err);
        return NULL;
    }
    roster->board = board;
    roster->count = count;
    for (size_t i = 0; i < count; i++)
        roster->members[i].backoff =
            (struct backoff){.first_ms = ROSTER_ASIDE_MS, .cap_ms = ROSTER_ASIDE_MAX_MS};
    return roster;
}

void roster_free(struct roster *roster)
{
    free(roster);
}

static void bring_back(struct roster *roster, struct member *member)
{
    member->is_aside = false;
    member->on_trial = false;
    member->failures = 0;
    backoff_reset(&member->backoff);
    roster->aside--;
}

/* Is it well by its checks? When they have just found it so again, they know better than we. */
static bool is_well(struct roster *roster, size_t index)
{
    struct member *member = &roster->members[index];
    unsigned mark = roster->board ? health_board_mark(roster->board, index) : 0;
    if (mark != member->mark && health_mark_is_well(mark) && member->is_aside)
        bring_back(roster, member);
    member->mark = mark;
    return health_mark_is_well(mark);
}

static bool is_due(const struct member *member, uint64_t now_ms)
{
    return member->is_aside && !member->on_trial && now_ms >= member->until_ms;
}

/* How glad one is to pick it. */
enum worth { WORTH_NOTHING, WORTH_LAST, WORTH_USUAL, WORTH_TRIAL };

static enum worth judge(struct roster *roster, size_t index, uint64_t now_ms, size_t except)
{
    const struct member *member = &roster->members[index];
    bool well = is_well(roster, index);
    if (index == except)
        return WORTH_NOTHING;
    if (!well || (member->is_aside && !is_due(member, now_ms)))
        return WORTH_LAST;
    return member->is_aside ? WORTH_TRIAL : WORTH_USUAL;
}

struct roster_turn roster_pick(struct roster *roster, uint64_t now_ms, size_t except)
{
    size_t best = except == ROSTER_NONE ? 0 : except;
    enum worth worth = WORTH_NOTHING;
    assert(roster->count > 0);
    for (size_t n = 0; n < roster->count; n++) {
        size_t index = (roster->next + n) % roster->count;
        enum worth here = judge(roster, index, now_ms, except);
        if (here > worth || (here != WORTH_NOTHING && here == worth &&
                             roster->members[index].in_hand < roster->members[best].in_hand)) {
            best = index;
            worth = here;
        }
    }
    struct member *member = &roster->members[best];
    roster->next = (best + 1) % roster->count;
    member->in_hand++;
    member->on_trial = member->on_trial || worth == WORTH_TRIAL;
    return (struct roster_turn){best, member->round, worth == WORTH_TRIAL};
}

bool roster_worked(struct roster *roster, const struct roster_turn *turn)
{
    struct member *member = &roster->members[turn->index];
    if (turn->round != member->round)
        return false;
    member->failures = 0;
    if (!member->is_aside)
        return false;
    bring_back(roster, member);
    return true;
}

static void put_aside(struct roster *roster, struct member *member, uint64_t now_ms,
                      uint64_t *aside_ms)
{
    *aside_ms = backoff_next_ms(&member->backoff);
    roster->aside += !member->is_aside;
    member->is_aside = true;
    member->on_trial = false;
    member->until_ms = now_ms + *aside_ms;
    member->failures = 0;
    member->round++;
}

bool roster_failed(struct roster *roster, const struct roster_turn *turn, uint64_t now_ms,
                   uint64_t *aside_ms)
{
    struct member *member = &roster->members[turn->index];
    if (turn->round != member->round || (member->is_aside && !turn->is_trial))
        return false;
    if (!member->is_aside && ++member->failures < ROSTER_FAILURES_MAX)
        return false;
    put_aside(roster, member, now_ms, aside_ms);
    return true;
}

void roster_leave(struct roster *roster, const struct roster_turn *turn)
{
    struct member *member = &roster->members[turn->index];
    assert(member->in_hand > 0);
    member->in_hand--;
    if (turn->is_trial && turn->round == member->round)
        member->on_trial = false;
}

size_t roster_aside(const struct roster *roster)
{
    return roster->aside;
}
