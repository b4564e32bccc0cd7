/* The kernel's own sockets, on loopback. */
#include "culvert/net/sockets.h"

#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* Both ends of a connection to `to`, listened for at `at`. False: no such family here. */
static bool connected(const char *at, const char *to, int ends[2], struct ip_address *from)
{
    const struct sockets *sockets = sockets_system();
    struct ip_address address;
    if (!ip_parse(span_of(at), 0, &address))
        abort();
    int listener = sockets->listen(sockets, &address);
    if (listener == -1)
        return false;
    sockets_local_address(listener, &address);
    uint16_t port = ip_port(&address);
    if (!ip_parse(span_of(to), port, &address))
        abort();
    ends[0] = sockets->connect(sockets, &address, NULL);
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    if (ends[0] == -1 || poll(&wait, 1, 5000) != 1)
        abort();
    ends[1] = sockets->accept(sockets, listener, from);
    (void)close(listener);
    return ends[1] != -1;
}

TEST(a_peer_of_ipv4_is_one_on_a_socket_of_both_families_too)
{
    static const struct {
        const char *at, *to, *from;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", "127.0.0.1"},
        {"::", "127.0.0.1", "127.0.0.1"},
        {"::", "::1", "::1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int ends[2];
        struct ip_address from;
        char text[IP_TEXT_SIZE];
        if (!connected(cases[i].at, cases[i].to, ends, &from))
            continue; /* no IPv6 here */
        ip_format_bare(&from, text);
        CHECK_TEXT(text, cases[i].from);
        sockets_peer_address(ends[1], &from);
        ip_format_bare(&from, text);
        CHECK_TEXT(text, cases[i].from);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

enum leaving { STAYS, ENDS, CLOSES, RESETS };

TEST(a_peer_that_left_is_known_though_its_bytes_are_unread)
{
    static const enum leaving leavings[] = {STAYS, ENDS, CLOSES, RESETS};
    for (size_t i = 0; i < ARRAY_LEN(leavings); i++) {
        int ends[2];
        struct ip_address from;
        REQUIRE(connected("127.0.0.1", "127.0.0.1", ends, &from));
        struct pollfd wait = {.fd = ends[1], .events = POLLIN};
        CHECK(write(ends[0], "unread", 6) == 6);
        CHECK(poll(&wait, 1, 5000) == 1);
        CHECK(!sockets_peer_left(ends[1]));
        if (leavings[i] == ENDS)
            (void)shutdown(ends[0], SHUT_WR);
        if (leavings[i] == RESETS)
            sockets_reset_on_close(ends[0]);
        if (leavings[i] >= CLOSES)
            (void)close(ends[0]);
        wait.events = POLLRDHUP;
        (void)poll(&wait, 1, leavings[i] == STAYS ? 0 : 5000);
        CHECK_CASE(sockets_peer_left(ends[1]) == (leavings[i] != STAYS), "leaving %zu", i);
        if (leavings[i] < CLOSES)
            (void)close(ends[0]);
        (void)close(ends[1]);
    }
}

TEST(what_is_peeked_at_stays_to_be_read)
{
    int ends[2];
    struct ip_address from;
    char got[8] = "";
    const struct sockets *sockets = sockets_system();
    REQUIRE(connected("127.0.0.1", "127.0.0.1", ends, &from));
    CHECK(sockets->peek(sockets, ends[1], got, sizeof got) == -1 && errno == EAGAIN);
    CHECK(write(ends[0], "abc", 3) == 3);
    struct pollfd wait = {.fd = ends[1], .events = POLLIN};
    CHECK(poll(&wait, 1, 5000) == 1);
    for (int i = 0; i < 2; i++) {
        memset(got, 0, sizeof got);
        CHECK(sockets->peek(sockets, ends[1], got, sizeof got) == 3);
        CHECK_TEXT(got, "abc");
    }
    CHECK(sockets->read(sockets, ends[1], got, sizeof got) == 3);
    (void)close(ends[0]);
    CHECK(poll(&wait, 1, 5000) == 1);
    CHECK(sockets->peek(sockets, ends[1], got, sizeof got) == 0);
    (void)close(ends[1]);
}
