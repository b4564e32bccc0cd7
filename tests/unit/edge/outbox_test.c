#include "culvert/edge/outbox.h"

#include "support/turned_loop.h"

#include "harness.h"

struct note {
    struct letter letter;
    size_t *heard; /* how many before this one */
    size_t at;     /* its place in the order */
};

static void hear(struct worker_call *call)
{
    struct note *note = CONTAINER_OF(call, struct note, letter.call);
    note->at = ++*note->heard;
}

TEST(a_letter_arrives_in_a_later_turn)
{
    struct turned_loop turned;
    struct outbox outbox;
    size_t heard = 0;
    struct note note = {.heard = &heard};
    turned_loop_init(&turned);
    struct worker *worker = worker_here(turned.loop, NULL);
    REQUIRE(worker);
    outbox_init(&outbox, turned.loop);
    outbox_send(&outbox, &note.letter, worker, hear);
    CHECK(heard == 0 && outbox_is_empty(&outbox));
    turned_loop_settle(&turned);
    CHECK_SIZE(heard, 1);
    outbox_release(&outbox);
    worker_free(worker);
    turned_loop_release(&turned);
}

TEST(what_a_full_worker_does_not_take_arrives_later_in_its_order)
{
    enum { COUNT = WORKER_CALLS_MAX + 10 };
    struct turned_loop turned;
    struct outbox outbox;
    size_t heard = 0;
    struct note *notes = calloc(COUNT, sizeof *notes);
    turned_loop_init(&turned);
    struct worker *worker = worker_here(turned.loop, NULL);
    REQUIRE(worker && notes);
    outbox_init(&outbox, turned.loop);
    for (size_t i = 0; i < COUNT; i++) {
        notes[i].heard = &heard;
        outbox_send(&outbox, &notes[i].letter, worker, hear);
    }
    CHECK(!outbox_is_empty(&outbox));
    turned_loop_settle(&turned);
    CHECK(outbox_is_empty(&outbox));
    CHECK_SIZE(heard, COUNT);
    size_t in_order = 0;
    while (in_order < COUNT && notes[in_order].at == in_order + 1)
        in_order++;
    CHECK_SIZE(in_order, COUNT);
    outbox_release(&outbox);
    worker_free(worker);
    turned_loop_release(&turned);
    free(notes);
}
