/* A list under a lock, and an eventfd that wakes the loop when the list was empty. */
#include "culvert/net/mailbox.h"

#include <assert.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
    pthread_mutex_t lock; /* of `mails` */
    struct list mails;
    size_t limit;
    int wake; /* eventfd; -1: none */
    struct watch watch;
    void (*deliver)(void *arg, struct mail *mail);
    void *arg;
};

struct mail *mailbox_take(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    struct link *first = list_first(&mailbox->mails);
    if (first)
        list_remove(&mailbox->mails, first);
    pthread_mutex_unlock(&mailbox->lock);
    return first ? CONTAINER_OF(first, struct mail, link) : NULL;
}

static size_t count(struct mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->lock);
    size_t n = mailbox->mails.count;
    pthread_mutex_unlock(&mailbox->lock);
    return n;
}

/* The eventfd is emptied first: what is posted from here on wakes again. */
static void on_wake(void *arg, unsigned events)
{
    struct mailbox *mailbox = arg;
    uint64_t ignored;
    (void)events;
    if (read(mailbox->wake, &ignored, sizeof ignored) == -1)
        return; /* EAGAIN: woken for nothing */
    /* Only what is there now, so that a busy sender does not hold the turn up. */
    size_t left = count(mailbox);
    while (left-- > 0) {
        struct mail *mail = mailbox_take(mailbox);
        if (!mail)
            return;
        mailbox->deliver(mailbox->arg, mail);
    }
    if (count(mailbox) > 0)
        (void)eventfd_write(mailbox->wake, 1);
}

struct mailbox *mailbox_new(struct loop *loop, size_t limit,
                            void (*deliver)(void *arg, struct mail *mail), void *arg,
                            struct error *err)
{
    struct mailbox *mailbox = calloc(1, sizeof *mailbox);
    if (!mailbox) {
        (void)error_memory(err);
        return NULL;
    }
    mailbox->limit = limit;
    mailbox->deliver = deliver;
    mailbox->arg = arg;
    list_init(&mailbox->mails);
    (void)pthread_mutex_init(&mailbox->lock, NULL); /* cannot fail with default attributes */
    mailbox->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->wake == -1) {
        (void)error_errno(err, "eventfd");
        mailbox_free(mailbox);
        return NULL;
    }
    if (!watch_init(&mailbox->watch, loop, mailbox->wake, on_wake, mailbox) ||
        !watch_set(&mailbox->watch, WATCH_READ)) {
        (void)error_memory(err);
        mailbox_free(mailbox);
        return NULL;
    }
    return mailbox;
}

bool mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
    pthread_mutex_lock(&mailbox->lock);
    bool fits = mailbox->mails.count < mailbox->limit;
    bool first = mailbox->mails.count == 0;
    if (fits)
        list_put_last(&mailbox->mails, &mail->link);
    pthread_mutex_unlock(&mailbox->lock);
    /* Writing fails only when the counter is full, and then the loop is awake anyway. */
    if (fits && first)
        (void)eventfd_write(mailbox->wake, 1);
    return fits;
}

void mailbox_free(struct mailbox *mailbox)
{
    if (!mailbox)
        return;
    assert(mailbox->mails.count == 0);
    watch_release(&mailbox->watch);
    if (mailbox->wake != -1)
        (void)close(mailbox->wake);
    (void)pthread_mutex_destroy(&mailbox->lock);
    free(mailbox);
}
