/* The connector over sockets that fail, move little or have to be asked again. */
#include "support/fault_play.h"

#include "harness.h"

#include <errno.h>

static void sweep(const struct socket_plan *plans, size_t count, bool unseen)
{
    for (size_t i = 0; i < count; i++)
        fault_play_sweep_calls(SPLIT_CONNECTOR, &plans[i], unseen);
}

TEST(a_connector_reads_and_writes_byte_by_byte)
{
    fault_play_lasting(SPLIT_CONNECTOR, &(struct socket_plan){.most = 1});
}

TEST(a_connector_reads_and_writes_any_number_of_bytes)
{
    for (unsigned seed = 1; seed <= 40; seed++)
        fault_play_lasting(SPLIT_CONNECTOR, &(struct socket_plan){.seed = seed, .most = 3000});
}

TEST(a_connector_asks_again)
{
    static const struct socket_plan plans[] = {
        {.call = CALL_READ, .error = EAGAIN, .count = 1, .every = 2},
        {.call = CALL_WRITE, .error = EAGAIN, .count = 1, .every = 2},
        {.call = CALL_WRITE, .error = ENOBUFS, .count = 1, .every = 2},
        {.call = CALL_READ, .error = EINTR, .count = 1, .every = 2},
        {.call = CALL_WRITE, .error = EINTR, .count = 1, .every = 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(plans); i++)
        fault_play_lasting(SPLIT_CONNECTOR, &plans[i]);
}

TEST(no_visitor_sees_a_connector_ask_again)
{
    static const struct socket_plan plans[] = {
        {.call = CALL_READ, .error = EAGAIN, .count = 3},
        {.call = CALL_WRITE, .error = EAGAIN, .count = 3},
        {.call = CALL_WRITE, .error = ENOBUFS, .count = 3},
        {.call = CALL_READ, .error = EINTR, .count = 3},
        {.call = CALL_WRITE, .error = EINTR, .count = 3},
    };
    sweep(plans, ARRAY_LEN(plans), true);
}

TEST(a_connector_survives_each_broken_read_and_write)
{
    static const struct socket_plan plans[] = {
        {.call = CALL_READ, .error = ECONNRESET, .count = 1},
        {.call = CALL_READ, .error = ETIMEDOUT, .count = 1},
        {.call = CALL_WRITE, .error = EPIPE, .count = 1},
        {.call = CALL_WRITE, .error = ECONNRESET, .count = 1},
    };
    sweep(plans, ARRAY_LEN(plans), false);
}

TEST(a_connector_survives_each_failing_connect)
{
    static const int causes[] = {EMFILE, ENFILE, ENOBUFS, EADDRNOTAVAIL, ECONNREFUSED, EINTR};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        const struct socket_plan plans[] = {
            {.call = CALL_CONNECT, .error = causes[i], .count = 1},
            {.call = CALL_CONNECT, .error = causes[i], .count = 4},
        };
        sweep(plans, ARRAY_LEN(plans), false);
    }
}
