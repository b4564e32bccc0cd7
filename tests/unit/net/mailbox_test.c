#include "culvert/net/mailbox.h"

#include "harness.h"

#include <pthread.h>

enum { SENDERS = 4, MAILS_EACH = 500 };

struct letter {
    struct mail mail;
    int from, number;
};

struct reader {
    int next[SENDERS]; /* the number expected from each sender */
    size_t read;
    bool in_order;
};

static void read_letter(void *arg, struct mail *mail)
{
    struct reader *reader = arg;
    struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
    reader->in_order = reader->in_order && letter->number == reader->next[letter->from];
    reader->next[letter->from]++;
    reader->read++;
    free(letter);
}

static struct letter *letter_new(int from, int number)
{
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter)
        *letter = (struct letter){.from = from, .number = number};
    return letter;
}

struct sender {
    pthread_t thread;
    struct mailbox *mailbox;
    int index;
};

static void *send_all(void *arg)
{
    struct sender *sender = arg;
    for (int i = 0; i < MAILS_EACH; i++) {
        struct letter *letter = letter_new(sender->index, i);
        while (!mailbox_post(sender->mailbox, &letter->mail))
            (void)sched_yield(); /* full: the reader is behind */
    }
    return NULL;
}

TEST(mails_of_many_threads_arrive_once_and_each_threads_in_order)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct reader reader = {.in_order = true};
    struct mailbox *mailbox = mailbox_new(loop, 8, read_letter, &reader, NULL);
    struct sender senders[SENDERS];
    REQUIRE(mailbox);
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.mailbox = mailbox, .index = i};
        REQUIRE(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]) == 0);
    }
    while (reader.read < (size_t)SENDERS * MAILS_EACH)
        (void)loop_turn(loop, 1000);
    for (int i = 0; i < SENDERS; i++)
        (void)pthread_join(senders[i].thread, NULL);
    CHECK(reader.in_order);
    CHECK(!mailbox_take(mailbox));
    mailbox_free(mailbox);
    loop_free(loop);
}

static void count_mail(void *arg, struct mail *mail)
{
    (void)mail;
    ++*(size_t *)arg;
}

TEST(a_full_box_refuses_and_the_mail_stays_with_the_sender)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct letter first = {0}, second = {0};
    size_t read = 0;
    struct mailbox *mailbox = mailbox_new(loop, 1, count_mail, &read, NULL);
    REQUIRE(mailbox);
    CHECK(mailbox_post(mailbox, &first.mail));
    CHECK(!mailbox_post(mailbox, &second.mail));
    CHECK_SIZE(read, 0); /* never inside of the call */
    (void)loop_turn(loop, 0);
    CHECK_SIZE(read, 1);
    CHECK(mailbox_post(mailbox, &second.mail));
    (void)loop_turn(loop, 0);
    CHECK_SIZE(read, 2);
    mailbox_free(mailbox);
    loop_free(loop);
}

struct echo {
    struct mailbox *mailbox;
    struct letter *letter;
    size_t read;
};

static void post_again(void *arg, struct mail *mail)
{
    struct echo *echo = arg;
    if (++echo->read < 3)
        CHECK(mailbox_post(echo->mailbox, mail));
}

TEST(what_is_posted_while_delivering_comes_in_a_later_turn)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct letter letter = {0};
    struct echo echo = {.letter = &letter};
    echo.mailbox = mailbox_new(loop, 1, post_again, &echo, NULL);
    REQUIRE(echo.mailbox);
    CHECK(mailbox_post(echo.mailbox, &letter.mail));
    for (size_t turn = 1; turn <= 3; turn++) {
        (void)loop_turn(loop, 0);
        CHECK_SIZE(echo.read, turn);
    }
    mailbox_free(echo.mailbox);
    loop_free(loop);
}

TEST(what_was_not_delivered_can_be_taken)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct letter letter = {0};
    struct echo echo = {0};
    struct mailbox *mailbox = mailbox_new(loop, 1, post_again, &echo, NULL);
    REQUIRE(mailbox);
    CHECK(mailbox_post(mailbox, &letter.mail));
    CHECK(mailbox_take(mailbox) == &letter.mail);
    CHECK(!mailbox_take(mailbox));
    (void)loop_turn(loop, 0);
    CHECK_SIZE(echo.read, 0);
    mailbox_free(mailbox);
    loop_free(loop);
}
