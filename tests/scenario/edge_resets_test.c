/* An edge that opens and resets without end: the connector dials for requests that live as long as
 * that, and lets each dial go, so that none pile up, and its connections live on. */
#include "support/lone_connector.h"

#include "harness.h"

#include <unistd.h>

enum { REQUESTS = 100, ROUNDS = 100, DIALS_MAX = 2 * REQUESTS };

/* An origin that takes connections and says nothing. */
struct mute_origin {
    int fds[DIALS_MAX]; /* open ones */
    size_t open, most, dials;
};

static void on_accept(void *arg, int fd)
{
    struct mute_origin *origin = arg;
    if (origin->open == DIALS_MAX) {
        (void)close(fd);
        return;
    }
    origin->fds[origin->open++] = fd;
    origin->dials++;
    origin->most = origin->open > origin->most ? origin->open : origin->most;
}

/* Closes what the connector has closed. */
static void sweep(struct mute_origin *origin)
{
    size_t kept = 0;
    for (size_t i = 0; i < origin->open; i++) {
        char byte[4096];
        ssize_t n;
        while ((n = read(origin->fds[i], byte, sizeof byte)) > 0)
            continue;
        if (n == 0)
            (void)close(origin->fds[i]);
        else
            origin->fds[kept++] = origin->fds[i];
    }
    origin->open = kept;
}

TEST(dials_for_requests_that_are_reset_do_not_pile_up)
{
    static struct mute_origin origin;
    static struct ask asks[REQUESTS];
    struct lone_connector lone;
    lone_connector_open(&lone);
    memory_sockets_serve(&lone.memory, "127.0.0.1:3000", on_accept, &origin);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    REQUIRE(fake_edge_registered(&lone.edge) == 4);
    for (size_t round = 0; round < ROUNDS; round++) {
        struct opener *opener = &lone.edge.connections[round % 4].opener;
        for (size_t i = 0; i < REQUESTS; i++) {
            ask_init(&asks[i], "GET", "/");
            CHECK(ask_send(&asks[i], opener));
        }
        /* Half of them in the turn in which they came, half of them behind the dial. */
        if (round % 2 == 1)
            CHECK(settle(lone.loop));
        for (size_t i = 0; i < REQUESTS; i++)
            ask_release(&asks[i]);
        CHECK(settle(lone.loop));
        sweep(&origin);
        CHECK_CASE(origin.open == 0, "round %zu: %zu dials are left", round, origin.open);
    }
    CHECK(origin.most <= REQUESTS);
    CHECK_SIZE(origin.dials, REQUESTS * ROUNDS / 2);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    CHECK_SIZE(lone.edge.count, 4);
    lone_connector_close(&lone);
}
