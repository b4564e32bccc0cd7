/* The reasons why a reader rests. It reads again when no reason is left, never before. */
#ifndef CULVERT_NET_GATE_H
#define CULVERT_NET_GATE_H

enum hold {
    HOLD_CHANNEL = 1u << 0,  /* the channel behind it is full */
    HOLD_OPENING = 1u << 1,  /* the far side is not ready yet */
    HOLD_EXCHANGE = 1u << 2, /* the request in hand is not answered yet */
    HOLD_DRAIN = 1u << 3,    /* its owner wants nothing for now */
    HOLD_TURN = 1u << 5,     /* it did enough in this turn of the loop */
    HOLD_CALM = 1u << 6,     /* its peer did too much of what is of no use to anybody */
};

struct gate {
    unsigned holds;
    /* Called when the gate goes from open to held or back; must only note it and return. */
    void (*changed)(struct gate *gate);
};

/* Adds or removes one reason; both may be called again for the same one. */
void gate_hold(struct gate *gate, enum hold why);
void gate_release(struct gate *gate, enum hold why);

static inline int gate_is_open(const struct gate *gate)
{
    return gate->holds == 0;
}

#endif
