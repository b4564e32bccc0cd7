/* The edge over sockets that fail, move little or have to be asked again. */
#include "support/fault_play.h"

#include "harness.h"

#include <errno.h>

TEST(an_edge_reads_and_writes_byte_by_byte)
{
    fault_play_lasting(SPLIT_EDGE, &(struct socket_plan){.most = 1});
}

TEST(an_edge_reads_and_writes_any_number_of_bytes)
{
    fault_play_any_size(SPLIT_EDGE);
}

TEST(an_edge_asks_again)
{
    static const int causes[] = {EINTR, ECONNABORTED};
    fault_play_retries_lasting(SPLIT_EDGE);
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        fault_play_lasting(
            SPLIT_EDGE,
            &(struct socket_plan){.call = CALL_ACCEPT, .error = causes[i], .count = 1, .every = 2});
}

TEST(no_visitor_sees_an_edge_ask_again)
{
    fault_play_retries(SPLIT_EDGE);
}

TEST(an_edge_without_descriptors_rests_and_then_serves_everybody)
{
    static const int causes[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        struct socket_plan plan = {.call = CALL_ACCEPT, .error = causes[i], .count = 1};
        fault_play_sweep_calls(SPLIT_EDGE, &plan, true);
        plan.count = 20;
        fault_play_sweep_calls(SPLIT_EDGE, &plan, true);
    }
}

TEST(an_edge_survives_each_broken_read_and_write)
{
    fault_play_breaks(SPLIT_EDGE);
}
