/* The connector over sockets that fail, move little or have to be asked again. */
#include "support/fault_play.h"

#include "harness.h"

#include <errno.h>

TEST(a_connector_reads_and_writes_byte_by_byte)
{
    fault_play_lasting(SPLIT_CONNECTOR, &(struct socket_plan){.most = 1});
}

TEST(a_connector_reads_and_writes_any_number_of_bytes)
{
    fault_play_any_size(SPLIT_CONNECTOR);
}

TEST(a_connector_asks_again)
{
    fault_play_retries_lasting(SPLIT_CONNECTOR);
}

TEST(no_visitor_sees_a_connector_ask_again)
{
    fault_play_retries(SPLIT_CONNECTOR);
}

TEST(a_connector_survives_each_broken_read_and_write)
{
    fault_play_breaks(SPLIT_CONNECTOR);
}

TEST(a_connector_survives_each_failing_connect)
{
    static const int causes[] = {EMFILE, ENFILE, ENOBUFS, EADDRNOTAVAIL, ECONNREFUSED, EINTR};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        struct socket_plan plan = {.call = CALL_CONNECT, .error = causes[i], .count = 1};
        fault_play_sweep_calls(SPLIT_CONNECTOR, &plan, false);
        plan.count = 4;
        fault_play_sweep_calls(SPLIT_CONNECTOR, &plan, false);
    }
}
