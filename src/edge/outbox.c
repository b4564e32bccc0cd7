/* A worker that takes no call has 65,536 to run first: it is asked again a turn later. */
#include "culvert/edge/outbox.h"

static struct letter *letter_of(struct link *link)
{
    return CONTAINER_OF(link, struct letter, call.mail.link);
}

static void send_again(void *arg)
{
    struct outbox *outbox = arg;
    struct link *first;
    while ((first = list_first(&outbox->waiting))) {
        struct letter *letter = letter_of(first);
        list_remove(&outbox->waiting, first);
        if (worker_post(letter->to, &letter->call))
            continue;
        list_put_first(&outbox->waiting, first);
        break;
    }
    if (!outbox_is_empty(outbox))
        task_post(&outbox->again);
}

void outbox_init(struct outbox *outbox, struct loop *loop)
{
    list_init(&outbox->waiting);
    task_init(&outbox->again, loop, TASK_FLUSH, send_again, outbox);
}

void outbox_send(struct outbox *outbox, struct letter *letter, struct worker *to,
                 void (*run)(struct worker_call *call))
{
    letter->to = to;
    letter->call.run = run;
    if (outbox_is_empty(outbox) && worker_post(to, &letter->call))
        return;
    list_put_last(&outbox->waiting, &letter->call.mail.link);
    task_post(&outbox->again);
}

bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->waiting.count == 0;
}

void outbox_release(struct outbox *outbox)
{
    assert(outbox_is_empty(outbox));
    task_cancel(&outbox->again);
}
