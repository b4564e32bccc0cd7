/* Messages from any thread to one loop: the only thing that two threads share while they run. */
#ifndef CULVERT_NET_MAILBOX_H
#define CULVERT_NET_MAILBOX_H

#include "culvert/net/loop.h"

/* Embedded in what is sent. Who posts it gives the whole away to the receiver. */
struct mail {
    struct link link;
};

struct mailbox;

/* A box of `loop`, for at most `limit` undelivered mails. `deliver` is called on the loop, in the
 * order of posting, and takes the mail over. The caller owns the box. NULL: `err`. */
struct mailbox *mailbox_new(struct loop *loop, size_t limit,
                            void (*deliver)(void *arg, struct mail *mail), void *arg,
                            struct error *err);

/* From any thread, also the loop's own: delivery is never inside of the call. False: the box is
 * full, the mail stays the caller's. */
bool mailbox_post(struct mailbox *mailbox, struct mail *mail) MUST_CHECK;

/* On the loop's thread: the oldest undelivered mail, which is the caller's now; NULL: none. */
struct mail *mailbox_take(struct mailbox *mailbox);

/* On the loop's thread, not inside of `deliver`, once nobody posts any more and what was left has
 * been taken. NULL is allowed. */
void mailbox_free(struct mailbox *mailbox);

#endif
